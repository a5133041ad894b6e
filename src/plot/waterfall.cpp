#include <algorithm>
#include <cmath>

#include "plot/axes.h"

namespace noyau::inline v0::plot {
namespace {

constexpr double kStrip = 16;
constexpr double kGap = 9;
constexpr int kUp = 2;    // green in series_color()
constexpr int kDown = 1;  // vermilion

std::string change_text(double change, const Axis& axis) {
  if (axis.percent) return message(change < 0 ? "\u2212" : "+", fixed(std::abs(100 * change), 1), " pts");
  return message(change < 0 ? "\u2212" : "+", number(std::abs(change), 2));
}

// "+1.2 pts \u2192 71.3 %", or the value alone for the start.
std::string result_text(const Waterfall& figure, std::size_t i) {
  const double value = figure.steps[i].value;
  const std::string now = figure.value.percent ? fixed(100 * value, 1) + " %" : shown(value, figure.value, 4);
  if (i == 0) return now;
  return change_text(value - figure.steps[i - 1].value, figure.value) + " \u2192 " + now;
}

// Label and remark above the strip, the result at the right; returns the y below them.
double draw_texts(Canvas& canvas, const Waterfall& figure, std::size_t i, double top) {
  const Step& step = figure.steps[i];
  const std::string result = result_text(figure, i);
  const double width = figure.width - 2 * kMargin;
  canvas.text(figure.width - kMargin, top + kTextSize, result, {.anchor = Anchor::end, .bold = true});
  double y = top;
  for (const std::string& line :
       wrap(step.label, width - text_width(result, kTextSize, true) - 12, kTextSize)) {
    y += kTextSize * kLineHeight;
    canvas.text(kMargin, y - 4, line);
  }
  for (const std::string& line : wrap(step.remark, width, kSmallSize)) {
    y += kSmallSize * kLineHeight;
    canvas.text(kMargin, y - 4, line, {.size = kSmallSize, .fill = kSoft});
  }
  return y;
}

void draw_strip(Canvas& canvas, const Waterfall& figure, const Scale& scale, std::size_t i, double top) {
  const Step& step = figure.steps[i];
  const double now = scale(step.value);
  const double middle = top + kStrip / 2;
  if (i > 0) {
    const double before = scale(figure.steps[i - 1].value);
    const bool up = step.value >= figure.steps[i - 1].value;
    canvas.rect({std::min(before, now), top + 1, std::max(before, now), top + kStrip - 1},
                series_color(up ? kUp : kDown), {"none"}, step.note, up ? 0.75 : 0.9);
  }
  if (step.low && step.high) {
    draw_error_bar(canvas, scale, {*step.low, *step.high, middle, false}, kDark);
  }
  canvas.line(now, top - 1, now, top + kStrip + 1, {.color = kDark, .width = 2.4});
  canvas.marker(now, middle, 0, kDark, 3.2, step.note);
}

std::string summary(const Waterfall& figure) {
  std::string text = figure.subtitle;
  for (std::size_t i = 0; i < figure.steps.size(); ++i) {
    text += message(" ", figure.steps[i].label, ": ", result_text(figure, i), ".");
  }
  return text;
}

}  // namespace

std::string to_svg(const Waterfall& figure) {
  NOYAU_CHECK(!figure.steps.empty(), "plot: waterfall \"", figure.title, "\" has no steps");
  Canvas canvas;
  double y = canvas.heading(figure.title, figure.subtitle, figure.width) + 2;
  Extent values;
  Extent ranges;
  for (const Step& step : figure.steps) {
    values.add(step.value);
    ranges.add(step.low.value_or(step.value));
    ranges.add(step.high.value_or(step.value));
  }
  Scale scale = make_scale(figure.value, values, kPadding, ranges);
  const std::vector<Tick> ticks = make_ticks(figure.value, scale, 6);
  const double half = ticks.empty() ? 0 : text_width(ticks.back().text, kSmallSize) / 2;
  scale.from = kMargin + 4;
  scale.to = figure.width - std::max(kMargin + 4, half + 2);
  for (std::size_t i = 0; i < figure.steps.size(); ++i) {
    const double strip = draw_texts(canvas, figure, i, y) + 3;
    for (const Tick& tick : ticks) {
      canvas.line(scale(tick.value), strip - 2, scale(tick.value), strip + kStrip + 2, {.color = kGrid});
    }
    draw_strip(canvas, figure, scale, i, strip);
    y = strip + kStrip + kGap;
  }
  const Box area{scale.from, y - 2, scale.to, y - 2};
  const double bottom = draw_bottom_axis(canvas, area, scale, ticks, axis_title(figure.value), false);
  return canvas.finish(figure.width, bottom + kMargin, figure.title,
                       figure.description.empty() ? summary(figure) : figure.description);
}

}  // namespace noyau::inline v0::plot
