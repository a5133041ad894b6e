#include <algorithm>
#include <cmath>

#include "plot/axes.h"

namespace noyau::inline v0::plot {
namespace {

constexpr double kBarHeight = 17;
constexpr double kRowGap = 8;

void check(const Bars& figure) {
  const std::size_t n = figure.categories.size();
  for (const BarSeries& s : figure.series) {
    const auto fits = [n](std::size_t size) { return size == 0 || size == n; };
    NOYAU_CHECK(
        s.values.size() == n && fits(s.low.size()) && s.high.size() == s.low.size() && fits(s.notes.size()),
        "plot: bars \"", s.name, "\" have ", s.values.size(), " values, ", s.low.size(), " and ",
        s.high.size(), " ends of error bars, ", s.notes.size(), " notes for ", n, " categories");
  }
}

Scale value_scale(const Bars& figure) {
  Extent extent;
  Extent ranges;
  for (const BarSeries& s : figure.series) {
    extent.add(s.values);
    ranges.add(s.low);
    ranges.add(s.high);
  }
  if (figure.reference) extent.add(*figure.reference);
  Axis axis = figure.value;
  if (!figure.dots && !axis.log) {
    extent.add(0);
    if (extent.low == 0 && !(ranges.low < 0 && !axis.percent) && !axis.low) axis.low = 0;
    if (extent.high == 0 && extent.low < 0 && !axis.high) axis.high = 0;
  }
  return make_scale(axis, extent, kPadding, ranges);
}

// Per cent keep their zeros, so that the points of a column stand below each other.
std::string value_text(const Bars& figure, double value) {
  if (figure.digits == 0 || std::isnan(value)) return {};
  if (figure.value.percent) return fixed(100 * value, std::max(0, figure.digits - 2)) + " %";
  return shown(value, figure.value, figure.digits);
}

// With rounded numbers in a column, a bar and its error bar never collide with text.
double value_column(const Bars& figure) {
  double width = 0;
  for (const BarSeries& s : figure.series) {
    for (double v : s.values) width = std::max(width, text_width(value_text(figure, v), kSmallSize));
  }
  return width;
}

std::string tooltip(const Bars& figure, const BarSeries& s, std::size_t i) {
  if (!s.notes.empty()) return s.notes[i];
  return message(figure.categories[i], s.name.empty() ? "" : ", ", s.name, ": ",
                 shown(s.values[i], figure.value, 4));
}

bool has_error(const BarSeries& s, std::size_t i) {
  return !s.low.empty() && !std::isnan(s.low[i]) && !std::isnan(s.high[i]);
}

double base_of(const Scale& scale) {
  return scale(scale.log ? scale.low : std::clamp(0.0, scale.low, scale.high));
}

void draw_row(Canvas& canvas, const Bars& figure, const Scale& scale, std::size_t series, std::size_t i,
              const Box& bar) {
  const BarSeries& s = figure.series[series];
  const double value = s.values[i];
  const double middle = (bar.top + bar.bottom) / 2;
  if (!scale.shows(value)) {
    canvas.text(bar.left + 4, middle + 4, "no value", {.size = kSmallSize, .fill = kSoft});
    return;
  }
  const double end = scale(value);
  const double base = base_of(scale);
  const std::string_view color = series_color(static_cast<int>(series));
  if (!figure.dots) {
    canvas.rect({std::min(base, end), bar.top + 1, std::max(base, end), bar.bottom - 1}, color, {"none"},
                tooltip(figure, s, i), 0.85);
  }
  if (has_error(s, i)) draw_error_bar(canvas, scale, {s.low[i], s.high[i], middle, false}, kDark);
  if (figure.dots) canvas.marker(end, middle, static_cast<int>(series), color, 5, tooltip(figure, s, i));
  canvas.text(bar.right, middle + kSmallSize * 0.35, value_text(figure, value),
              {.size = kSmallSize, .anchor = Anchor::end});
}

double draw_horizontal(Canvas& canvas, const Bars& figure, double top) {
  const double column = value_column(figure);
  const double names = std::min(widest(figure.categories, kSmallSize), 0.36 * figure.width);
  const double text_right = figure.width - kMargin;
  Scale scale = value_scale(figure);
  const std::vector<Tick> ticks = make_ticks(figure.value, scale, 5);
  const double last_half = ticks.empty() ? 0 : text_width(ticks.back().text, kSmallSize) / 2;
  Box area{kMargin + names + 8, top + 4,
           text_right - std::max(column == 0 ? 0 : column + 8, last_half - kMargin), 0};
  scale.from = area.left;
  scale.to = area.right;

  std::vector<std::vector<std::string>> labels;
  std::vector<double> heights;
  double height = kRowGap / 2;
  for (const std::string& name : figure.categories) {
    labels.push_back(wrap(name, names + 0.5, kSmallSize));
    const double text_height = static_cast<double>(labels.back().size()) * kSmallSize * kLineHeight;
    heights.push_back(std::max(text_height, static_cast<double>(figure.series.size()) * kBarHeight) +
                      kRowGap);
    height += heights.back();
  }
  area.bottom = area.top + height;

  const double below = draw_bottom_axis(canvas, area, scale, ticks, axis_title(figure.value), true);
  if (figure.reference) {
    const double x = scale(*figure.reference);
    canvas.line(x, area.top, x, area.bottom, {.color = kDark, .width = 1.2, .dash = "4 3"});
  }
  double y = area.top + kRowGap / 2;
  for (std::size_t i = 0; i < figure.categories.size(); ++i) {
    const double middle = y + (heights[i] - kRowGap) / 2;
    double baseline = middle - (static_cast<double>(labels[i].size()) / 2 - 0.5) * kSmallSize * kLineHeight;
    for (const std::string& line : labels[i]) {
      canvas.text(area.left - 8, baseline + kSmallSize * 0.35, line,
                  {.size = kSmallSize, .anchor = Anchor::end});
      baseline += kSmallSize * kLineHeight;
    }
    double bar = middle - static_cast<double>(figure.series.size()) * kBarHeight / 2;
    for (std::size_t s = 0; s < figure.series.size(); ++s, bar += kBarHeight) {
      draw_row(canvas, figure, scale, s, i, {area.left, bar, text_right, bar + kBarHeight});
    }
    y += heights[i];
  }
  canvas.line(area.left, area.top, area.left, area.bottom, {.color = kDark});
  return below;
}

struct Slots {
  double width;  // of a category
  double bar;    // of one bar
};

Slots slots(const Bars& figure, double width) {
  const double slot = width / static_cast<double>(std::max<std::size_t>(1, figure.categories.size()));
  return {slot, 0.76 * slot / static_cast<double>(std::max<std::size_t>(1, figure.series.size()))};
}

// True when every name, wrapped at spaces, fits its slot.
bool names_fit(const Bars& figure, double slot) {
  return std::all_of(figure.categories.begin(), figure.categories.end(), [slot](const std::string& name) {
    const std::vector<std::string> lines = wrap(name, slot - 4, kSmallSize);
    std::string joined;
    for (const std::string& line : lines) joined += (joined.empty() ? "" : " ") + line;
    return joined == name && lines.size() <= 2;  // a word broken inside would not join to the name
  });
}

void draw_column(Canvas& canvas, const Bars& figure, const Scale& scale, std::size_t series, std::size_t i,
                 double left, double width) {
  const BarSeries& s = figure.series[series];
  if (!scale.shows(s.values[i])) return;
  const double end = scale(s.values[i]);
  const double base = base_of(scale);
  const double middle = left + width / 2;
  const std::string_view color = series_color(static_cast<int>(series));
  if (!figure.dots) {
    canvas.rect({left + 0.5, std::min(base, end), left + width - 0.5, std::max(base, end)}, color, {"none"},
                tooltip(figure, s, i), 0.85);
  }
  double highest = end;
  if (has_error(s, i)) {
    draw_error_bar(canvas, scale, {s.low[i], s.high[i], middle, true}, kDark);
    highest = std::min(highest, scale(std::min(s.high[i], scale.high)));
  }
  if (figure.dots) canvas.marker(middle, end, static_cast<int>(series), color, 5, tooltip(figure, s, i));
  const std::string text = value_text(figure, s.values[i]);
  if (text_width(text, kSmallSize) <= width - 2 && s.values[i] >= 0) {
    canvas.text(middle, highest - 6, text, {.size = kSmallSize, .anchor = Anchor::middle, .halo = true});
  }
}

double draw_vertical(Canvas& canvas, const Bars& figure, double top) {
  constexpr double kHeight = 240;
  top += kTextSize * kLineHeight;
  canvas.text(kMargin, top - 3, axis_title(figure.value));
  Scale scale = value_scale(figure);
  const std::vector<Tick> ticks = make_ticks(figure.value, scale, 6);
  double tick_width = 0;
  for (const Tick& tick : ticks) tick_width = std::max(tick_width, text_width(tick.text, kSmallSize));
  const Box area{kMargin + tick_width + 6, top + 22, figure.width - kMargin, top + 22 + kHeight};
  scale.from = area.bottom;
  scale.to = area.top;
  const Slots slot = slots(figure, area.width());
  draw_left_axis(canvas, area, scale, ticks);
  if (figure.reference) {
    const double y = scale(*figure.reference);
    canvas.line(area.left, y, area.right, y, {.color = kDark, .width = 1.2, .dash = "4 3"});
  }
  double below = area.bottom;
  for (std::size_t i = 0; i < figure.categories.size(); ++i) {
    const double left = area.left + static_cast<double>(i) * slot.width;
    for (std::size_t s = 0; s < figure.series.size(); ++s) {
      draw_column(canvas, figure, scale, s, i, left + 0.12 * slot.width + static_cast<double>(s) * slot.bar,
                  slot.bar);
    }
    double baseline = area.bottom + 4;
    for (const std::string& line : wrap(figure.categories[i], slot.width - 4, kSmallSize)) {
      baseline += kSmallSize * kLineHeight;
      canvas.text(left + slot.width / 2, baseline - 2, line, {.size = kSmallSize, .anchor = Anchor::middle});
    }
    below = std::max(below, baseline);
  }
  canvas.line(area.left, base_of(scale), area.right, base_of(scale), {.color = kDark});
  return below + 4;
}

std::string summary(const Bars& figure) {
  std::string text = figure.subtitle;
  for (const BarSeries& s : figure.series) {
    for (std::size_t i = 0; i < s.values.size(); ++i) {
      if (std::isnan(s.values[i])) continue;
      text += message(" ", figure.categories[i], s.name.empty() ? "" : ", ", s.name, ": ",
                      shown(s.values[i], figure.value, 4), ".");
    }
  }
  return text;
}

}  // namespace

std::string to_svg(const Bars& figure) {
  check(figure);
  Canvas canvas;
  const double top = canvas.heading(figure.title, figure.subtitle, figure.width);
  constexpr double kTickRoom = 50;
  const bool horizontal =
      figure.horizontal || !names_fit(figure, slots(figure, figure.width - 2 * kMargin - kTickRoom).width);
  double bottom = horizontal ? draw_horizontal(canvas, figure, top) : draw_vertical(canvas, figure, top);
  if (figure.series.size() > 1) {
    std::vector<LegendEntry> entries;
    for (std::size_t s = 0; s < figure.series.size(); ++s)
      entries.push_back({figure.series[s].name, static_cast<int>(s)});
    bottom = draw_legend(canvas, entries, figure.dots ? Swatch::line : Swatch::box,
                         {kMargin, bottom + 4, figure.width - kMargin, bottom});
  }
  return canvas.finish(figure.width, bottom + kMargin, figure.title,
                       figure.description.empty() ? summary(figure) : figure.description);
}

}  // namespace noyau::inline v0::plot
