#include <algorithm>
#include <cmath>

#include "plot/axes.h"
#include "plot/labels.h"

namespace noyau::inline v0::plot {
namespace {

constexpr std::size_t kMostDirectLabels = 6;
constexpr int kMarkersOnALine = 6;

struct Layout {
  Box area;
  Scale x;
  Scale y;
};

bool has_range(const Line& line) { return !line.low.empty(); }

void check(const Line& line) {
  const std::size_t n = line.x.size();
  const auto fits = [n](std::size_t size) { return size == 0 || size == n; };
  NOYAU_CHECK(line.y.size() == n && fits(line.low.size()) && line.high.size() == line.low.size() &&
                  fits(line.notes.size()),
              "plot: line \"", line.name, "\" has ", n, " positions but ", line.y.size(), " values, ",
              line.low.size(), " and ", line.high.size(), " ends of ranges, ", line.notes.size(), " notes");
}

int style_of(const Figure& figure, std::size_t i) {
  return figure.lines[i].style >= 0 ? figure.lines[i].style : static_cast<int>(i);
}

std::vector<LegendEntry> named_lines(const Figure& figure) {
  std::vector<LegendEntry> entries;
  for (std::size_t i = 0; i < figure.lines.size(); ++i) {
    if (!figure.lines[i].name.empty())
      entries.push_back({figure.lines[i].name, style_of(figure, i), figure.lines[i].muted});
  }
  return entries;
}

Extent positions(const Figure& figure) {
  Extent extent;
  const auto add = [&](double value) {
    if (!figure.x.log || value > 0) extent.add(value);
  };
  for (const Line& line : figure.lines) std::for_each(line.x.begin(), line.x.end(), add);
  for (const Point& point : figure.points) add(point.x);
  for (const Rule& rule : figure.rules) {
    if (rule.vertical) add(rule.value);
  }
  return extent;
}

Scale value_scale(const Figure& figure) {
  Extent values;
  Extent ranges;
  const auto add = [&](Extent& extent, double value) {
    if (!figure.y.log || value > 0) extent.add(value);
  };
  for (const Line& line : figure.lines) {
    for (double value : line.y) add(values, value);
    for (const auto* ends : {&line.low, &line.high})
      for (double end : *ends) add(ranges, end);
  }
  for (const Point& point : figure.points) {
    add(values, point.y);
    add(ranges, point.low.value_or(point.y));
    add(ranges, point.high.value_or(point.y));
  }
  for (const Rule& rule : figure.rules) {
    if (!rule.vertical) add(values, rule.value);
  }
  return make_scale(figure.y, values, kPadding, ranges);
}

// Path through the values that can be shown, begun anew after each gap.
std::string trace(const Layout& layout, const std::vector<double>& x, const std::vector<double>& y) {
  std::string d;
  bool open = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!layout.x.shows(x[i]) || !layout.y.shows(y[i])) {
      open = false;
      continue;
    }
    d += message(open ? "L" : "M", px(layout.x(x[i])), " ", px(layout.y(y[i])));
    open = true;
  }
  return d;
}

void draw_band(Canvas& canvas, const Layout& layout, const Line& line, std::string_view color,
               const std::string& clip) {
  std::vector<double> x;
  std::vector<double> y;
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    if (!layout.y.shows(line.low[i]) || !layout.y.shows(line.high[i])) continue;
    x.push_back(line.x[i]);
    y.push_back(line.high[i]);
  }
  for (std::size_t i = line.x.size(); i-- > 0;) {
    if (!layout.y.shows(line.low[i]) || !layout.y.shows(line.high[i])) continue;
    x.push_back(line.x[i]);
    y.push_back(line.low[i]);
  }
  if (!x.empty()) canvas.path(trace(layout, x, y) + "Z", color, {"none"}, 0.18, clip);
}

void draw_markers(Canvas& canvas, const Layout& layout, const Line& line, int style, std::string_view color) {
  const std::size_t n = line.x.size();
  const std::size_t every =
      line.markers ? 1 : std::max<std::size_t>(1, (n + kMarkersOnALine - 1) / kMarkersOnALine);
  const std::size_t first =
      line.markers || n == 0 ? 0 : static_cast<std::size_t>(style) % every;  // set apart
  for (std::size_t i = first; i < n; i += every) {
    if (!layout.x.shows(line.x[i]) || !layout.y.shows(line.y[i])) continue;
    canvas.marker(layout.x(line.x[i]), layout.y(line.y[i]), style, color, 4.2,
                  line.notes.empty() ? "" : line.notes[i]);
  }
}

void draw_line(Canvas& canvas, const Layout& layout, const Line& line, int style, const std::string& clip) {
  const std::string_view color = line.muted ? kMuted : series_color(style);
  if (has_range(line) && line.range == Range::whiskers) {
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      if (!layout.x.shows(line.x[i])) continue;
      draw_error_bar(canvas, layout.y, {line.low[i], line.high[i], layout.x(line.x[i]), true}, color);
    }
  }
  if (line.connected) {
    const Stroke stroke{.color = color, .width = line.muted ? 1.2 : 2, .dash = series_dash(style)};
    canvas.path(trace(layout, line.x, line.y), "none", stroke, 1, clip);
  }
  if (!line.muted || line.markers) draw_markers(canvas, layout, line, style, color);
}

// Names beside the last values, moved apart, each with a swatch and a hair line to its curve.
void draw_direct_labels(Canvas& canvas, const Layout& layout, const Figure& figure) {
  std::vector<double> wanted;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < figure.lines.size(); ++i) {
    const Line& line = figure.lines[i];
    std::size_t last = line.x.size();
    while (last > 0 && !(layout.x.shows(line.x[last - 1]) && layout.y.shows(line.y[last - 1]))) --last;
    if (line.name.empty() || last == 0) continue;
    wanted.push_back(std::clamp(layout.y(line.y[last - 1]), layout.area.top, layout.area.bottom));
    which.push_back(i);
  }
  const std::vector<double> placed = spread(wanted, kSmallSize * 1.25, layout.area.top, layout.area.bottom);
  for (std::size_t k = 0; k < which.size(); ++k) {
    const Line& line = figure.lines[which[k]];
    const LegendEntry entry{line.name, style_of(figure, which[k]), line.muted};
    const double x = layout.area.right + 10;
    canvas.line(layout.area.right + 1, wanted[k], x, placed[k], {.color = kMuted, .width = 0.8});
    draw_swatch(canvas, x, placed[k], entry, Swatch::line);
    canvas.text(x + kSwatch - 2, placed[k] + kSmallSize * 0.35, line.name, {.size = kSmallSize});
  }
}

void draw_rules(Canvas& canvas, const Layout& layout, const Figure& figure) {
  double row = layout.area.top + kSmallSize;
  for (const Rule& rule : figure.rules) {
    const Stroke stroke{.color = kSoft, .width = 1.2, .dash = "4 3"};
    const double width = text_width(rule.label, kSmallSize);
    if (!rule.vertical) {
      const double y = layout.y(rule.value);
      canvas.line(layout.area.left, y, layout.area.right, y, stroke);
      const double baseline = y - 4 < layout.area.top + kSmallSize ? y + kSmallSize : y - 4;
      canvas.text(layout.area.right - 4, baseline, rule.label,
                  {.size = kSmallSize, .anchor = Anchor::end, .fill = kSoft, .halo = true});
      continue;
    }
    const double x = layout.x(rule.value);
    canvas.line(x, layout.area.top, x, layout.area.bottom, stroke);
    const bool left = x + 5 + width > layout.area.right;
    canvas.text(
        left ? x - 5 : x + 5, row, rule.label,
        {.size = kSmallSize, .anchor = left ? Anchor::end : Anchor::start, .fill = kSoft, .halo = true});
    row += kSmallSize * kLineHeight;
  }
}

void draw_points(Canvas& canvas, const Layout& layout, const Figure& figure) {
  Labeler labeler(layout.area);
  for (const Line& line : figure.lines) {
    for (std::size_t i = 0; i + 1 < line.x.size(); ++i) {
      labeler.block_line(layout.x(line.x[i]), layout.y(line.y[i]), layout.x(line.x[i + 1]),
                         layout.y(line.y[i + 1]));
    }
  }
  for (const Point& p : figure.points) {
    if (!layout.x.shows(p.x) || !layout.y.shows(p.y)) continue;
    const double x = layout.x(p.x);
    const double y = layout.y(p.y);
    const std::string_view color = p.muted ? kMuted : series_color(0);
    if (p.low && p.high) {
      draw_error_bar(canvas, layout.y, {*p.low, *p.high, x, true}, color);
      labeler.block_line(x, layout.y(*p.high), x, layout.y(*p.low));
    }
    canvas.marker(x, y, p.muted ? 3 : 0, color, 5, p.note.empty() ? p.label : p.note);
    labeler.block_point({x - 5, y - 5, x + 5, y + 5});
  }
  for (const Point& p : figure.points) {
    if (!p.label.empty() && layout.x.shows(p.x) && layout.y.shows(p.y)) {
      labeler.place(canvas, layout.x(p.x), layout.y(p.y), p.label, p.muted ? kSoft : kDark);
    }
  }
}

std::string summary(const Figure& figure) {
  std::string text = figure.subtitle;
  for (const Line& line : figure.lines) {
    if (line.name.empty() || line.y.empty()) continue;
    text += message(text.empty() ? "" : " ", line.name, ": ", shown(line.y.front(), figure.y, 3), " at ",
                    shown(line.x.front(), figure.x, 3), ", ", shown(line.y.back(), figure.y, 3), " at ",
                    shown(line.x.back(), figure.x, 3), ".");
  }
  for (const Point& p : figure.points) {
    text += message(" ", p.label, ": ", shown(p.y, figure.y, 3), " at ", shown(p.x, figure.x, 3), ".");
  }
  return text;
}

double left_margin(const std::vector<Tick>& ticks) {
  double width = 0;
  for (const Tick& tick : ticks) width = std::max(width, text_width(tick.text, kSmallSize));
  return kMargin + width + 6;
}

}  // namespace

std::string to_svg(const Figure& figure) {
  for (const Line& line : figure.lines) check(line);
  Canvas canvas;
  double top = canvas.heading(figure.title, figure.subtitle, figure.width);
  for (const std::string& line : wrap(axis_title(figure.y), figure.width - 2 * kMargin, kTextSize)) {
    top += kTextSize * kLineHeight;
    canvas.text(kMargin, top - 3, line);
  }
  top += 12;

  const std::vector<LegendEntry> entries = named_lines(figure);
  double label_width = 0;
  for (const LegendEntry& entry : entries)
    label_width = std::max(label_width, text_width(entry.text, kSmallSize));
  const bool direct =
      !entries.empty() && entries.size() <= kMostDirectLabels && label_width <= 0.26 * figure.width;

  Layout layout;
  layout.y = value_scale(figure);
  layout.x = make_scale(figure.x, positions(figure));
  const std::vector<Tick> y_ticks = make_ticks(figure.y, layout.y, 6);
  const std::vector<Tick> x_ticks = make_ticks(figure.x, layout.x, 7);
  const double last_half = x_ticks.empty() ? 0 : text_width(x_ticks.back().text, kSmallSize) / 2;
  const double right = direct ? 10 + kSwatch + label_width + 4 : std::max(kMargin, last_half + 2);
  layout.area = {left_margin(y_ticks), top, figure.width - right, top + figure.height};
  layout.x.from = layout.area.left;
  layout.x.to = layout.area.right;
  layout.y.from = layout.area.bottom;
  layout.y.to = layout.area.top;

  draw_left_axis(canvas, layout.area, layout.y, y_ticks);
  const std::string clip = canvas.clip(layout.area);
  for (std::size_t i = 0; i < figure.lines.size(); ++i) {
    const Line& line = figure.lines[i];
    const std::string_view color = line.muted ? kMuted : series_color(style_of(figure, i));
    if (has_range(line) && line.range == Range::band) draw_band(canvas, layout, line, color, clip);
  }
  double bottom = draw_bottom_axis(canvas, layout.area, layout.x, x_ticks, axis_title(figure.x), false);
  for (std::size_t i = 0; i < figure.lines.size(); ++i) {
    draw_line(canvas, layout, figure.lines[i], style_of(figure, i), clip);
  }
  draw_rules(canvas, layout, figure);
  draw_points(canvas, layout, figure);
  if (direct) draw_direct_labels(canvas, layout, figure);
  if (!direct) {
    bottom =
        draw_legend(canvas, entries, Swatch::line, {kMargin, bottom + 4, figure.width - kMargin, bottom});
  }
  return canvas.finish(figure.width, bottom + kMargin, figure.title,
                       figure.description.empty() ? summary(figure) : figure.description);
}

}  // namespace noyau::inline v0::plot
