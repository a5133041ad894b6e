#pragma once
/// \file
/// Figures for publication as SVG text: curves, bars, heat maps, waterfalls, image grids.
///
/// Fill a struct, call to_svg(). The text depends on nothing but the struct: no locale, clock or random
/// number. Figures
/// are dark on white, safe for colour-blind readers (Okabe and Ito's colours with dashes and markers,
/// viridis), legible
/// on a phone and on grey paper, hold no reference to anything outside and no `<style>`, so they can stand in
/// a page.
/// NaN means "no value" everywhere and is left out.

#include <optional>
#include <vector>

#include "noyau/metrics.h"

namespace noyau::inline v0::plot {

/// How an axis is labelled and scaled.
struct Axis {
  std::string label = {};           ///< What is shown.
  std::string unit = {};            ///< Its unit, shown in brackets after the label.
  bool log = false;                 ///< Logarithmic; values that are not positive are left out.
  bool percent = false;             ///< Values are shares and shown as per cent; ranges end at 0 and 100 %.
  bool whole = false;               ///< Labelled at whole numbers only: epochs, counts.
  std::optional<double> low = {};   ///< First value; from the data when absent.
  std::optional<double> high = {};  ///< Last value; from the data when absent.
  std::vector<double> ticks = {};   ///< Where to label the axis; nice numbers when empty.
  std::vector<std::string> names = {};  ///< Texts of `ticks`; the numbers when empty.
};

/// How the range [low, high] around a line is drawn.
enum class Range : std::uint8_t {
  band,      ///< A shaded area.
  whiskers,  ///< An error bar at every value.
};

/// One series of values.
struct Line {
  std::string name = {};                ///< Shown beside its end or in the legend; none when empty.
  std::vector<double> x = {};           ///< Positions.
  std::vector<double> y = {};           ///< Values, one a position.
  std::vector<double> low = {};         ///< Lower ends of the ranges around `y`; none when empty.
  std::vector<double> high = {};        ///< Upper ends.
  Range range = Range::band;            ///< How these ranges are drawn.
  bool markers = false;                 ///< A marker at every value instead of a few.
  bool connected = true;                ///< Joined by a line.
  bool muted = false;                   ///< Grey and thin, for context.
  int style = -1;                       ///< Colour, dash and marker; its place among the lines when negative.
  std::vector<std::string> notes = {};  ///< Tooltips of the values.
};

/// One labelled point.
struct Point {
  double x = 0;                     ///< Position.
  double y = 0;                     ///< Value.
  std::string label = {};           ///< Text beside it.
  std::optional<double> low = {};   ///< Lower end of the range around `y`.
  std::optional<double> high = {};  ///< Upper end.
  bool muted = false;               ///< Grey, for points that others dominate.
  std::string note = {};            ///< Tooltip.
};

/// A straight line across the figure.
struct Rule {
  double value = 0;        ///< Where, on its axis.
  std::string label = {};  ///< Text along it.
  bool vertical = false;   ///< At a position of x instead of a value of y.
};

/// Curves and points over two axes.
struct Figure {
  std::string title = {};          ///< The question that the figure answers.
  std::string subtitle = {};       ///< Data, number of seeds, what bands are.
  std::string description = {};    ///< For those who cannot see it; a summary of the values when empty.
  Axis x = {};                     ///< Horizontal axis.
  Axis y = {};                     ///< Vertical axis.
  std::vector<Line> lines = {};    ///< Series.
  std::vector<Point> points = {};  ///< Labelled points.
  std::vector<Rule> rules = {};    ///< Reference lines.
  double width = 480;              ///< Width in pixels, to which text sizes refer.
  double height = 250;             ///< Height of the plotting area in pixels.
};

/// The bars of one colour.
struct BarSeries {
  std::string name = {};                ///< Shown in the legend when there are several.
  std::vector<double> values = {};      ///< One a category.
  std::vector<double> low = {};         ///< Lower ends of error bars; none when empty.
  std::vector<double> high = {};        ///< Upper ends.
  std::vector<std::string> notes = {};  ///< Tooltips.
};

/// Bars, or dots with error bars, by category.
struct Bars {
  std::string title = {};                    ///< The question that the figure answers.
  std::string subtitle = {};                 ///< Data, number of seeds, what error bars are.
  std::string description = {};              ///< For those who cannot see it; a summary when empty.
  std::vector<std::string> categories = {};  ///< Names, of any length.
  std::vector<BarSeries> series = {};        ///< Values.
  Axis value = {};                           ///< Axis of the values; bars always begin at zero.
  bool horizontal = true;  ///< Categories down the side; vertical bars turn so when names do not fit.
  bool dots = false;       ///< Dots, whose axis need not begin at zero.
  int digits = 3;          ///< Significant digits of the values beside the bars; none when 0.
  std::optional<double> reference = {};  ///< A value to compare with, drawn as a dashed line.
  double width = 480;                    ///< Width in pixels, to which text sizes refer.
};

/// Colours of rising values.
enum class Palette : std::uint8_t {
  viridis,  ///< Dark violet to yellow.
  cividis,  ///< Dark blue to yellow, made for colour-blind readers.
  blues,    ///< White to dark blue.
};

/// A matrix of coloured cells with their values.
struct HeatMap {
  std::string title = {};                 ///< The question that the figure answers.
  std::string subtitle = {};              ///< Data, number of seeds, what the cells are.
  std::string description = {};           ///< For those who cannot see it; a summary when empty.
  std::string row_label = {};             ///< What the rows are.
  std::string column_label = {};          ///< What the columns are.
  std::vector<std::string> rows = {};     ///< Names of the rows, from the top.
  std::vector<std::string> columns = {};  ///< Names of the columns.
  std::vector<double> values = {};        ///< Row by row.
  std::vector<std::string> texts =
      {};  ///< Texts of the cells; the values when empty. Lines are split at '\n'.
  std::vector<std::string> notes = {};  ///< Tooltips.
  Axis value = {};                      ///< Label, unit and range of the colours.
  int digits = 3;                       ///< Significant digits of the values.
  Palette palette = Palette::viridis;   ///< Colours.
  double width = 480;                   ///< Width in pixels, to which text sizes refer.
};

/// One change of a value.
struct Step {
  std::string label = {};           ///< What was changed.
  double value = 0;                 ///< The value after it.
  std::optional<double> low = {};   ///< Lower end of the range around it.
  std::optional<double> high = {};  ///< Upper end.
  std::string remark = {};          ///< A short second line: cost, source.
  std::string note = {};            ///< Tooltip.
};

/// A value that changes step by step: each bar leads from one step's value to the next.
struct Waterfall {
  std::string title = {};        ///< The question that the figure answers.
  std::string subtitle = {};     ///< Data, number of seeds, what error bars are.
  std::string description = {};  ///< For those who cannot see it; a summary when empty.
  std::vector<Step> steps = {};  ///< From the top; the first is the start.
  Axis value = {};               ///< Axis of the values.
  double width = 480;            ///< Width in pixels, to which text sizes refer.
};

/// Accuracy against confidence, with the number of rows below.
struct Reliability {
  std::string title = {};                 ///< The question that the figure answers.
  std::string subtitle = {};              ///< Data, model, seeds.
  std::string description = {};           ///< For those who cannot see it; a summary when empty.
  std::vector<ReliabilityBin> bins = {};  ///< See reliability_bins().
  double width = 480;                     ///< Width in pixels, to which text sizes refer.
};

/// One picture of a grid.
struct Picture {
  std::string png = {};      ///< Bytes of a PNG file.
  std::string caption = {};  ///< Text under it, of any length.
};

/// Pictures in rows, enlarged without smoothing.
struct ImageGrid {
  std::string title = {};              ///< The question that the figure answers.
  std::string subtitle = {};           ///< Where the pictures come from.
  std::string description = {};        ///< For those who cannot see it; the captions when empty.
  std::vector<Picture> pictures = {};  ///< In reading order.
  int columns = 5;                     ///< Pictures a row.
  double width = 480;                  ///< Width in pixels, to which text sizes refer.
};

/// The figure as one `<svg>` element. All of these throw when a struct does not fit together (lengths that
/// differ).
NOYAU_API std::string to_svg(const Figure& figure);
/// The same for this kind of figure.
NOYAU_API std::string to_svg(const Bars& figure);
/// The same for this kind of figure.
NOYAU_API std::string to_svg(const HeatMap& figure);
/// The same for this kind of figure.
NOYAU_API std::string to_svg(const Waterfall& figure);
/// The same for this kind of figure.
NOYAU_API std::string to_svg(const Reliability& figure);
/// The same for this kind of figure.
NOYAU_API std::string to_svg(const ImageGrid& figure);

/// Rows of `matrix` as shares of their true class, counts in the tooltips; throws unless there is a name a
/// class.
NOYAU_API HeatMap confusion_map(const ConfusionMatrix& matrix, const std::vector<std::string>& classes);

/// `value` in about `digits` significant digits, without trailing zeros: "0.0001", "1.2e-7", "1234"; NaN is
/// empty.
/// Independent of the locale.
NOYAU_API std::string number(double value, int digits = 3);
/// `value` with exactly `decimals` digits after the point; NaN is empty. Independent of the locale.
NOYAU_API std::string fixed(double value, int decimals);
/// `text` with the characters that XML and HTML reserve replaced.
NOYAU_API std::string escape(std::string_view text);

}  // namespace noyau::inline v0::plot
