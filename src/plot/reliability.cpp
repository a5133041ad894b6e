#include <algorithm>

#include "plot/axes.h"

namespace noyau::inline v0::plot {
namespace {

constexpr double kCountHeight = 60;

const Axis kShare{.percent = true, .low = 0.0, .high = 1.0};

void draw_bins(Canvas& canvas, const Reliability& figure, const Scale& x, const Scale& y) {
  for (const ReliabilityBin& bin : figure.bins) {
    if (bin.count == 0) continue;
    const std::string note = message(bin.count, " images, confidence ", fixed(100 * bin.confidence, 1),
                                     " %, accuracy ", fixed(100 * bin.accuracy, 1), " %");
    const double left = x(bin.lower) + 0.5;
    const double right = x(bin.upper) - 0.5;
    canvas.rect({left, y(bin.accuracy), right, y(0)}, series_color(0), {"none"}, note, 0.85);
    const Box gap{left, std::min(y(bin.accuracy), y(bin.confidence)), right,
                  std::max(y(bin.accuracy), y(bin.confidence))};
    canvas.rect(gap, series_color(1), {.color = series_color(1)}, note, 0.25);
  }
}

double draw_counts(Canvas& canvas, const Reliability& figure, const Scale& x, const Box& area) {
  std::int64_t most = 1;
  for (const ReliabilityBin& bin : figure.bins) most = std::max(most, bin.count);
  for (const ReliabilityBin& bin : figure.bins) {
    const double height = area.height() * static_cast<double>(bin.count) / static_cast<double>(most);
    canvas.rect({x(bin.lower) + 0.5, area.bottom - height, x(bin.upper) - 0.5, area.bottom}, kMuted, {"none"},
                message(bin.count, " images"));
  }
  canvas.text(area.left - 6, area.top + kSmallSize * 0.35, shown(static_cast<double>(most), {}, 3),
              {.size = kSmallSize, .anchor = Anchor::end});
  canvas.text(area.left - 6, area.bottom, "0", {.size = kSmallSize, .anchor = Anchor::end});
  canvas.line(area.left, area.top, area.right, area.top, {.color = kGrid});
  return draw_bottom_axis(canvas, area, x, make_ticks(kShare, x, 6),
                          "Confidence: probability of the predicted class", false);
}

std::string summary(const Reliability& figure) {
  std::string text = figure.subtitle;
  for (const ReliabilityBin& bin : figure.bins) {
    if (bin.count == 0) continue;
    text += message(" Confidence ", fixed(100 * bin.confidence, 0), " %: accuracy ",
                    fixed(100 * bin.accuracy, 0), " %.");
  }
  return text;
}

}  // namespace

std::string to_svg(const Reliability& figure) {
  Canvas canvas;
  double top = canvas.heading(figure.title, figure.subtitle, figure.width) + kTextSize * kLineHeight;
  canvas.text(kMargin, top - 3, "Accuracy: share of right predictions");
  top += 12;
  Scale x = make_scale(kShare, {});
  Scale y = x;
  const Box area{kMargin + text_width("100 %", kSmallSize) + 6, top, figure.width - kMargin - 14, top + 250};
  x.from = area.left;
  x.to = area.right;
  y.from = area.bottom;
  y.to = area.top;
  draw_left_axis(canvas, area, y, make_ticks(kShare, y, 6));
  draw_bins(canvas, figure, x, y);
  canvas.line(x(0), y(0), x(1), y(1), {.color = kDark, .width = 1.4, .dash = "5 4"});
  const double label_x = area.left + 12;
  canvas.text(label_x, area.top + 18, "dashed: perfectly calibrated",
              {.size = kSmallSize, .fill = kSoft, .halo = true});
  canvas.text(label_x, area.top + 36, "outlined: gap to it",
              {.size = kSmallSize, .fill = kSoft, .halo = true});
  canvas.line(area.left, area.bottom, area.right, area.bottom, {.color = kDark});

  const double counts_top = area.bottom + 24 + kTextSize * kLineHeight;
  canvas.text(kMargin, counts_top - 14, "Number of images");
  const Box counts{area.left, counts_top, area.right, counts_top + kCountHeight};
  const double bottom = draw_counts(canvas, figure, x, counts);
  return canvas.finish(figure.width, bottom + kMargin, figure.title,
                       figure.description.empty() ? summary(figure) : figure.description);
}

}  // namespace noyau::inline v0::plot
