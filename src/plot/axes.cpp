#include "plot/axes.h"

#include <algorithm>
#include <cmath>

namespace noyau::inline v0::plot {
namespace {

constexpr double kTickLength = 4;

double nice_step(double range, int most) {
  const double rough = range / std::max(1, most);
  const double magnitude = std::pow(10.0, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * magnitude >= rough * (1 - 1e-9)) return factor * magnitude;
  }
  return 10 * magnitude;
}

// The digits that tell multiples of `step` apart at `value`.
int digits_for(double value, double step) {
  const double largest = std::max(std::abs(value), step);
  const double places = std::floor(std::log10(largest) + 1e-9) - std::floor(std::log10(step) + 1e-9);
  const double lead = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
  const bool quarter = std::abs(lead - 2.5) < 1e-6;
  return static_cast<int>(places) + (quarter ? 2 : 1);
}

std::vector<Tick> linear_ticks(const Axis& axis, const Scale& scale, int most) {
  const double nice = nice_step(scale.high - scale.low, most);
  const double step = axis.whole ? std::max(1.0, std::ceil(nice)) : nice;
  const double slack = 1e-9 * (scale.high - scale.low);
  std::vector<Tick> ticks;
  for (double i = std::ceil((scale.low - slack) / step); i * step <= scale.high + slack; ++i) {
    const double value = i * step;
    ticks.push_back({value, i == 0 ? shown(0, axis, 1) : shown(value, axis, digits_for(value, step))});
  }
  return ticks;
}

std::vector<Tick> log_ticks(const Axis& axis, const Scale& scale, int most) {
  const double decades = std::log10(scale.high / scale.low);
  if (decades < 0.7) return linear_ticks(axis, scale, most);
  const int every = std::max(1, static_cast<int>(std::ceil(decades / most)));
  std::vector<Tick> ticks;
  for (int e = static_cast<int>(std::floor(std::log10(scale.low))); std::pow(10.0, e) <= scale.high; ++e) {
    for (double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, e);
      const bool wanted = factor == 1 ? e % every == 0 : decades < 2.5;
      if (!wanted || value < scale.low * (1 - 1e-9) || value > scale.high * (1 + 1e-9)) continue;
      ticks.push_back({value, shown(value, axis, 3)});
    }
  }
  return ticks;
}

std::vector<Tick> given_ticks(const Axis& axis) {
  std::vector<Tick> ticks;
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    ticks.push_back({axis.ticks[i], axis.names.empty() ? shown(axis.ticks[i], axis, 4) : axis.names[i]});
  }
  return ticks;
}

// Room around the data; a single value gets room of its own size.
void pad(Scale& scale, double padding) {
  if (scale.log) {
    const double factor = scale.high > scale.low ? std::pow(scale.high / scale.low, padding) : 2;
    scale.low /= factor;
    scale.high *= factor;
    return;
  }
  const double constant = scale.high == 0 ? 1 : std::abs(scale.high) / 10;
  const double room = scale.high > scale.low ? padding * (scale.high - scale.low) : constant;
  scale.low -= room;
  scale.high += room;
}

}  // namespace

double Scale::operator()(double value) const {
  const double share = log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

Scale make_scale(const Axis& axis, Extent data, double padding, Extent ranges) {
  NOYAU_CHECK(axis.names.empty() || axis.names.size() == axis.ticks.size(), "plot: axis \"", axis.label,
              "\" has ", axis.ticks.size(), " ticks but ", axis.names.size(), " names");
  NOYAU_CHECK(!axis.log || ((!axis.low || *axis.low > 0) && (!axis.high || *axis.high > 0)), "plot: axis \"",
              axis.label, "\" is logarithmic, so its limits must be positive");
  const bool shares = axis.percent && data.low >= 0 && data.high <= 1;
  if (ranges.low <= ranges.high) {
    data.add(shares ? std::clamp(ranges.low, 0.0, 1.0) : ranges.low);
    data.add(shares ? std::clamp(ranges.high, 0.0, 1.0) : ranges.high);
  }
  data.add(axis.ticks);
  if (!(data.low <= data.high)) data = axis.log ? Extent{1, 10} : Extent{0, 1};
  Scale scale{data.low, data.high, 0, 1, axis.log};
  pad(scale, padding);
  if (shares) {
    scale.low = std::max(scale.low, axis.log ? scale.low : 0);
    scale.high = std::min(scale.high, 1.0);
    if (scale.low == scale.high) scale.low -= 0.1;
  }
  scale.low = axis.low.value_or(scale.low);
  scale.high = axis.high.value_or(scale.high);
  NOYAU_CHECK(scale.low < scale.high, "plot: axis \"", axis.label, "\" runs from ", scale.low, " to ",
              scale.high);
  return scale;
}

std::vector<Tick> make_ticks(const Axis& axis, const Scale& scale, int most) {
  if (!axis.ticks.empty()) return given_ticks(axis);
  if (scale.log) return log_ticks(axis, scale, most);
  if (!axis.percent) return linear_ticks(axis, scale, most);
  Axis whole = axis;
  whole.percent = false;
  std::vector<Tick> ticks = linear_ticks(whole, {100 * scale.low, 100 * scale.high, 0, 1, false}, most);
  for (Tick& tick : ticks) tick = {tick.value / 100, tick.text + " %"};
  return ticks;
}

void draw_error_bar(Canvas& canvas, const Scale& scale, const ErrorBar& bar, std::string_view color) {
  constexpr double kCap = 3.5;
  if (!(bar.low <= bar.high) || bar.high < scale.low || bar.low > scale.high) return;
  const Stroke stroke{.color = color, .width = 1.5};
  const auto line = [&](double from, double across_from, double to, double across_to) {
    if (bar.upright) {
      canvas.line(across_from, from, across_to, to, stroke);
    } else {
      canvas.line(from, across_from, to, across_to, stroke);
    }
  };
  const double low = scale(std::max(bar.low, scale.low));
  const double high = scale(std::min(bar.high, scale.high));
  line(low, bar.across, high, bar.across);
  if (bar.low >= scale.low) line(low, bar.across - kCap, low, bar.across + kCap);
  if (bar.high <= scale.high) line(high, bar.across - kCap, high, bar.across + kCap);
}

void draw_left_axis(Canvas& canvas, const Box& area, const Scale& y, const std::vector<Tick>& ticks) {
  double lowest = area.bottom + kSmallSize;
  for (const Tick& tick : ticks) {
    const double at = y(tick.value);
    canvas.line(area.left, at, area.right, at, {.color = kGrid});
    if (at > lowest - kSmallSize) continue;
    canvas.text(area.left - 6, at + kSmallSize * 0.35, tick.text,
                {.size = kSmallSize, .anchor = Anchor::end});
    lowest = at;
  }
}

double draw_bottom_axis(Canvas& canvas, const Box& area, const Scale& x, const std::vector<Tick>& ticks,
                        std::string_view title, bool grid) {
  canvas.line(area.left, area.bottom, area.right, area.bottom, {.color = kDark});
  double taken = -1e9;
  for (const Tick& tick : ticks) {
    const double at = x(tick.value);
    if (grid) canvas.line(at, area.top, at, area.bottom, {.color = kGrid});
    canvas.line(at, area.bottom, at, area.bottom + kTickLength, {.color = kDark});
    const double half = text_width(tick.text, kSmallSize) / 2;
    if (at - half < taken + 6) continue;
    canvas.text(at, area.bottom + kTickLength + kSmallSize, tick.text,
                {.size = kSmallSize, .anchor = Anchor::middle});
    taken = at + half;
  }
  double below = area.bottom + kTickLength + kSmallSize * kLineHeight + 2;
  for (const std::string& line : wrap(title, area.width() + area.left - kMargin, kTextSize)) {
    below += kTextSize * kLineHeight;
    canvas.text(std::max((area.left + area.right) / 2, kMargin + text_width(line, kTextSize) / 2), below - 4,
                line, {.anchor = Anchor::middle});
  }
  return below;
}

std::string_view entry_color(const LegendEntry& entry) {
  return entry.muted ? kMuted : series_color(entry.style);
}

void draw_swatch(Canvas& canvas, double x, double y, const LegendEntry& entry, Swatch swatch) {
  const std::string_view color = entry_color(entry);
  if (swatch == Swatch::box) {
    canvas.rect({x + 4, y - 6, x + kSwatch - 8, y + 6}, color);
    return;
  }
  canvas.line(x, y, x + kSwatch - 6, y, {.color = color, .width = 2, .dash = series_dash(entry.style)});
  canvas.marker(x + (kSwatch - 6) / 2, y, entry.style, color, 4);
}

double draw_legend(Canvas& canvas, const std::vector<LegendEntry>& entries, Swatch swatch,
                   const Box& region) {
  constexpr double kGap = 16;
  constexpr double kRow = kSmallSize * kLineHeight + 3;
  double x = region.left;
  double y = region.top + kRow;
  for (const LegendEntry& entry : entries) {
    const std::vector<std::string> lines = wrap(entry.text, region.width() - kSwatch, kSmallSize);
    const double width = kSwatch + widest(lines, kSmallSize);
    if (x > region.left && x + width > region.right) {
      x = region.left;
      y += kRow;
    }
    draw_swatch(canvas, x, y - 4, entry, swatch);
    for (const std::string& line : lines) {
      canvas.text(x + kSwatch, y, line, {.size = kSmallSize});
      if (&line != &lines.back()) y += kRow;
    }
    x += width + kGap;
  }
  return entries.empty() ? region.top : y + 6;
}

}  // namespace noyau::inline v0::plot
