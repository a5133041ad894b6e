#include "plot/labels.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace noyau::inline v0::plot {
namespace {

bool meets_any(const Box& box, const std::vector<Box>& others) {
  return std::any_of(others.begin(), others.end(), [&](const Box& other) { return other.meets(box); });
}

bool holds(const Box& area, const Box& box) {
  return box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
}

}  // namespace

std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> placed = wanted;
  double previous = low - gap;
  for (std::size_t i : order) previous = placed[i] = std::max(wanted[i], previous + gap);
  double next = high + gap;
  for (auto i = order.rbegin(); i != order.rend(); ++i) next = placed[*i] = std::min(placed[*i], next - gap);
  return placed;
}

void Labeler::block_line(double x1, double y1, double x2, double y2) {
  const double length = std::hypot(x2 - x1, y2 - y1);
  const int pieces = std::isfinite(length) ? static_cast<int>(length / 4) : 0;
  for (int i = 0; i <= pieces; ++i) {
    const double share = pieces == 0 ? 0 : static_cast<double>(i) / pieces;
    const double x = x1 + share * (x2 - x1);
    const double y = y1 + share * (y2 - y1);
    lines_.push_back({x - 2, y - 2, x + 2, y + 2});
  }
}

bool Labeler::reaches(double x, double y, const Box& box) const {
  constexpr int kSamples = 24;
  const double to_x = std::clamp(x, box.left, box.right);
  const double to_y = std::clamp(y, box.top, box.bottom);
  for (int i = 0; i <= kSamples; ++i) {
    const double share = static_cast<double>(i) / kSamples;
    const double at_x = x + share * (to_x - x);
    const double at_y = y + share * (to_y - y);
    const Box dot{at_x - 1, at_y - 1, at_x + 1, at_y + 1};
    if (std::any_of(labels_.begin(), labels_.end(), [&](const Box& label) { return label.meets(dot); }))
      return false;
  }
  return true;
}

void Labeler::place(Canvas& canvas, double x, double y, const std::string& text, std::string_view color) {
  if (!place_clear(canvas, x, y, text, color, true)) place_clear(canvas, x, y, text, color, false);
}

bool Labeler::place_clear(Canvas& canvas, double x, double y, const std::string& text, std::string_view color,
                          bool of_lines) {
  constexpr int kDirections = 16;
  constexpr double kNear = 9;
  constexpr double kStep = 7;
  constexpr double kFarthest = 110;
  const double half_width = text_width(text, kSmallSize) / 2 + 1;
  const double half_height = kSmallSize / 2 + 1;
  for (double distance = kNear; distance <= kFarthest; distance += kStep) {
    for (int turn = 0; turn < kDirections; ++turn) {
      const double angle = turn * 2 * std::numbers::pi / kDirections;
      const double cx = x + std::cos(angle) * (distance + half_width);
      const double cy = y + std::sin(angle) * (distance + half_height);
      const Box box{cx - half_width, cy - half_height, cx + half_width, cy + half_height};
      if (!holds(area_, box) || meets_any(box, points_) || meets_any(box, labels_)) continue;
      if ((of_lines && meets_any(box, lines_)) || !reaches(x, y, box)) continue;
      if (distance > kNear + kStep) {
        const double to_x = std::clamp(x, box.left, box.right);
        canvas.line(x, y, to_x, std::clamp(y, box.top, box.bottom), {.color = kMuted, .width = 0.8});
      }
      canvas.text(cx, cy + kSmallSize * 0.35, text,
                  {.size = kSmallSize, .anchor = Anchor::middle, .fill = color, .halo = true});
      labels_.push_back(box);
      return true;
    }
  }
  return false;
}

}  // namespace noyau::inline v0::plot
