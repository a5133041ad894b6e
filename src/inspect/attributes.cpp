#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "noyau/inspect.h"
#include "noyau/parallel.h"

namespace noyau::inline v0::inspect {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kLeastChroma = 0.02;     // of the mean vector, for channels in [0, 1]
constexpr double kLeastCoherence = 0.05;  // of the structure tensor
constexpr double kMagenta = 5.0 / 6;
constexpr double kDiagonal = 0.25;
constexpr double kTurn = 2 * std::numbers::pi;

struct View {
  const std::uint8_t* pixels;
  std::int64_t h, w, c;

  double at(std::int64_t y, std::int64_t x, std::int64_t channel) const {
    return static_cast<double>(pixels[(y * w + x) * c + channel]) / 255;
  }
  // ITU-R BT.601
  double brightness(std::int64_t y, std::int64_t x) const {
    return c == 1 ? at(y, x, 0) : 0.299 * at(y, x, 0) + 0.587 * at(y, x, 1) + 0.114 * at(y, x, 2);
  }
};

// Turns from `start`: ranges begin there, where few photographs are.
double in_turns(double angle, double start) {
  const double turns = angle / kTurn - start;
  return turns - std::floor(turns);
}

// Angle in turns of the mean of (R - (G + B) / 2, sqrt(3)/2 (G - B)): red at 0, green at 1/3, blue at 2/3.
double hue(const View& image) {
  if (image.c != 3) return kNone;
  double alpha = 0, beta = 0;
  for (std::int64_t y = 0; y < image.h; ++y) {
    for (std::int64_t x = 0; x < image.w; ++x) {
      alpha += image.at(y, x, 0) - (image.at(y, x, 1) + image.at(y, x, 2)) / 2;
      beta += std::sqrt(3.0) / 2 * (image.at(y, x, 1) - image.at(y, x, 2));
    }
  }
  const auto count = static_cast<double>(image.h * image.w);
  return std::hypot(alpha, beta) < kLeastChroma * count ? kNone : in_turns(std::atan2(beta, alpha), kMagenta);
}

// Angle in turns, twice that of the gradients' main direction, from central differences.
double orientation(const View& image) {
  double xx = 0, yy = 0, xy = 0;
  for (std::int64_t y = 1; y + 1 < image.h; ++y) {
    for (std::int64_t x = 1; x + 1 < image.w; ++x) {
      const double across = image.brightness(y, x + 1) - image.brightness(y, x - 1);
      const double up = image.brightness(y - 1, x) - image.brightness(y + 1, x);
      xx += across * across, yy += up * up, xy += across * up;
    }
  }
  const double strength = std::hypot(xx - yy, 2 * xy);
  if (!(xx + yy > 0) || strength < kLeastCoherence * (xx + yy)) return kNone;
  return in_turns(std::atan2(2 * xy, xx - yy), kDiagonal);
}

}  // namespace

std::vector<std::int32_t> attribute_ranges(const Tensor& images, Attribute attribute, int ranges) {
  NOYAU_CHECK(images.defined() && images.rank() == 4 && images.dtype() == Dtype::u8,
              "attribute_ranges: images must be u8 [n, h, w, c]");
  NOYAU_CHECK(ranges >= 2, "attribute_ranges: ", ranges, " ranges");
  const std::int64_t n = images.dim(0), size = n > 0 ? images.size() / n : 0;
  std::vector<double> angles(static_cast<std::size_t>(n));
  const std::uint8_t* const pixels = images.data<std::uint8_t>();
  parallel_for(n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const View view{pixels + i * size, images.dim(1), images.dim(2), images.dim(3)};
      angles[static_cast<std::size_t>(i)] = attribute == Attribute::hue ? hue(view) : orientation(view);
    }
  });
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < angles.size(); ++i)
    if (!std::isnan(angles[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return angles[a] < angles[b]; });
  std::vector<std::int32_t> result(angles.size(), -1);
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    result[order[rank]] = static_cast<std::int32_t>(rank * static_cast<std::size_t>(ranges) / order.size());
  return result;
}

}  // namespace noyau::inline v0::inspect
