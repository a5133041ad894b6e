#pragma once
// What all figures are drawn with: text that is measured before it is placed, shapes, and the frame around
// them.
#include <string>
#include <string_view>
#include <vector>

#include "noyau/plot.h"

namespace noyau::inline v0::plot {

constexpr double kTitleSize = 16;
constexpr double kTextSize = 13.5;
constexpr double kSmallSize = 12.5;
constexpr double kLineHeight = 1.3;  // of the text size
constexpr double kMargin = 10;
constexpr std::string_view kDark = "#1a1a1a";
constexpr std::string_view kSoft = "#555555";
constexpr std::string_view kGrid = "#dddddd";
constexpr std::string_view kMuted = "#9a9a9a";

enum class Anchor : std::uint8_t { start, middle, end };

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;

  double width() const { return right - left; }
  double height() const { return bottom - top; }
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Width in pixels, by the metrics that Helvetica, Arial and Liberation Sans share.
double text_width(std::string_view text, double size, bool bold = false);
// `text` in lines no wider than `width`, broken at spaces and, where a word alone is wider, inside words.
std::vector<std::string> wrap(std::string_view text, double width, double size, bool bold = false);
// The longest of the widths.
double widest(const std::vector<std::string>& texts, double size);
// A coordinate in hundredths of a pixel at most.
std::string px(double value);
// Values and unit as an axis shows them: `number`, or per cent with `percent`.
std::string shown(double value, const Axis& axis, int digits);
// "Label [unit]".
std::string axis_title(const Axis& axis);

struct TextStyle {
  double size = kTextSize;
  Anchor anchor = Anchor::start;
  std::string_view fill = kDark;
  bool bold = false;
  double turn = 0;    // degrees clockwise about the anchor
  bool halo = false;  // a white outline, for text over lines
};

struct Stroke {
  std::string_view color = kDark;
  double width = 1;
  std::string_view dash = {};
  double opacity = 1;
};

// Elements of one figure. Coordinates are pixels from the top left; `fill` "none" leaves a shape open.
class Canvas {
 public:
  void text(double x, double baseline, std::string_view text, const TextStyle& style = {});
  void line(double x1, double y1, double x2, double y2, const Stroke& stroke = {});
  void rect(const Box& box, std::string_view fill, const Stroke& stroke = {"none"},
            std::string_view note = {}, double opacity = 1);
  void path(const std::string& d, std::string_view fill, const Stroke& stroke, double opacity = 1,
            std::string_view clip = {});
  void marker(double x, double y, int shape, std::string_view color, double radius,
              std::string_view note = {});
  void image(const Box& box, const std::string& png);
  // Makes a clipping region and returns the reference to it.
  std::string clip(const Box& box);
  // Title and subtitle across `width`; returns the y below them.
  double heading(std::string_view title, std::string_view subtitle, double width);
  // The finished element.
  std::string finish(double width, double height, std::string_view title, std::string_view description) const;

 private:
  std::string body_;
  int clips_ = 0;
};

// Look of a series: colour, dash and marker differ together, so that grey print and colour-blind readers tell
// them apart.
std::string_view series_color(int style);
std::string_view series_dash(int style);

std::string base64(std::string_view bytes);
// Colour of `share` in [0, 1] and a text colour that is legible on it.
struct CellColor {
  std::string fill;
  std::string_view text;
};
CellColor cell_color(Palette palette, double share);

}  // namespace noyau::inline v0::plot
