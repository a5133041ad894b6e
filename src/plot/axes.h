#pragma once
// From values to pixels, and the axes that say so.
#include <limits>

#include "plot/canvas.h"

namespace noyau::inline v0::plot {

// The range of the values seen; NaN leaves it as it is.
struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  void add(const std::vector<double>& values) {
    for (double value : values) add(value);
  }
};

// Maps [low, high] to [from, to], by logarithm where asked.
struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;
  double to = 1;
  bool log = false;

  double operator()(double value) const;
  // False for NaN and for what a logarithm cannot show.
  bool shows(double value) const { return log ? value > 0 : value == value; }
};

struct Tick {
  double value;
  std::string text;
};

// Limits from the axis or, padded by `padding` of the range, from the values and the ranges around them; where the values
// are shares shown as per cent, never beyond 0 and 1.
constexpr double kPadding = 0.04;
Scale make_scale(const Axis& axis, Extent data, double padding = kPadding, Extent ranges = {});
// At most about `most` labelled values within the scale.
std::vector<Tick> make_ticks(const Axis& axis, const Scale& scale, int most);

// An error bar over [low, high] at the pixel `across`: upright or lying. Ends beyond the scale are cut and have no cap.
struct ErrorBar {
  double low;
  double high;
  double across;
  bool upright;
};
void draw_error_bar(Canvas& canvas, const Scale& scale, const ErrorBar& bar, std::string_view color);

// Horizontal grid lines with labels left of `area`.
void draw_left_axis(Canvas& canvas, const Box& area, const Scale& y, const std::vector<Tick>& ticks);
// Base line, tick marks and labels below `area`, as many as fit; `grid` adds vertical lines. Returns the y
// below them.
double draw_bottom_axis(Canvas& canvas, const Box& area, const Scale& x, const std::vector<Tick>& ticks,
                        std::string_view title, bool grid);

struct LegendEntry {
  std::string text;
  int style;
  bool muted = false;
};
enum class Swatch : std::uint8_t { line, box };
// Entries flowing over lines from (left, top) to `right`; returns the y below them.
double draw_legend(Canvas& canvas, const std::vector<LegendEntry>& entries, Swatch swatch, const Box& region);
// A piece of line with its marker, or a box, `kSwatch` wide.
constexpr double kSwatch = 26;
void draw_swatch(Canvas& canvas, double x, double y, const LegendEntry& entry, Swatch swatch);
std::string_view entry_color(const LegendEntry& entry);

}  // namespace noyau::inline v0::plot
