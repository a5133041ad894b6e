#include "plot/canvas.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace noyau::inline v0::plot {
namespace {

using Rgb = std::array<int, 3>;

// Okabe and Ito's colours (https://jfly.uni-koeln.de/color) without yellow, which is too light on white.
constexpr std::array<std::string_view, 7> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                     "#000000", "#e69f00", "#56b4e9"};
constexpr std::array<std::string_view, 5> kDashes = {"", "7 3", "2 3", "8 3 2 3", "4 2"};
constexpr int kMarkers = 6;

// Ten samples of each map; viridis and cividis from matplotlib (public domain), blues from ColorBrewer.
constexpr std::array<Rgb, 10> kViridis = {{{68, 1, 84},
                                           {72, 40, 120},
                                           {62, 74, 137},
                                           {49, 104, 142},
                                           {38, 130, 142},
                                           {31, 158, 137},
                                           {53, 183, 121},
                                           {109, 205, 89},
                                           {180, 222, 44},
                                           {253, 231, 37}}};
constexpr std::array<Rgb, 10> kCividis = {{{0, 34, 78},
                                           {18, 53, 112},
                                           {59, 73, 108},
                                           {87, 93, 109},
                                           {112, 113, 115},
                                           {138, 134, 120},
                                           {165, 156, 116},
                                           {195, 179, 105},
                                           {225, 204, 85},
                                           {254, 232, 56}}};
constexpr std::array<Rgb, 9> kBlues = {{{255, 255, 255},
                                        {222, 235, 247},
                                        {198, 219, 239},
                                        {158, 202, 225},
                                        {107, 174, 214},
                                        {66, 146, 198},
                                        {33, 113, 181},
                                        {8, 81, 156},
                                        {8, 48, 107}}};

std::span<const Rgb> samples(Palette palette) {
  if (palette == Palette::viridis) return kViridis;
  if (palette == Palette::cividis) return kCividis;
  return kBlues;
}

// Relative luminance of WCAG 2.1.
double luminance(const Rgb& color) {
  constexpr std::array<double, 3> kWeights = {0.2126, 0.7152, 0.0722};
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = color[i] / 255.0;
    sum += kWeights[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return sum;
}

std::string hex(const Rgb& color) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "#";
  for (int c : color) {
    text += kDigits[static_cast<std::size_t>(c / 16)];
    text += kDigits[static_cast<std::size_t>(c % 16)];
  }
  return text;
}

std::string_view anchor_name(Anchor anchor) {
  if (anchor == Anchor::start) return "start";
  return anchor == Anchor::middle ? "middle" : "end";
}

std::string stroke_attributes(const Stroke& stroke) {
  std::string text = message(" stroke=\"", stroke.color, "\"");
  if (stroke.color == "none") return text;
  text += message(" stroke-width=\"", px(stroke.width), "\"");
  if (!stroke.dash.empty()) text += message(" stroke-dasharray=\"", stroke.dash, "\"");
  if (stroke.opacity < 1) text += message(" stroke-opacity=\"", px(stroke.opacity), "\"");
  return text;
}

std::string close_with(std::string_view element, std::string_view note) {
  if (note.empty()) return "/>\n";
  return message("><title>", escape(note), "</title></", element, ">\n");
}

std::string polygon(double x, double y, double radius, const std::vector<std::array<double, 2>>& corners) {
  std::string d;
  for (const auto& [dx, dy] : corners) {
    d += message(d.empty() ? "M" : "L", px(x + radius * dx), " ", px(y + radius * dy));
  }
  return d + "Z";
}

std::string marker_path(double x, double y, int shape, double r) {
  switch (shape % kMarkers) {
    case 0:
      return message("M", px(x - r), " ", px(y), "a", px(r), " ", px(r), " 0 1 0 ", px(2 * r), " 0a", px(r),
                     " ", px(r), " 0 1 0 ", px(-2 * r), " 0Z");
    case 1:
      return polygon(x, y, r * 0.88, {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}});
    case 2:
      return polygon(x, y, r * 1.15, {{0, -1}, {0.95, 0.7}, {-0.95, 0.7}});
    case 3:
      return polygon(x, y, r * 1.2, {{0, -1}, {1, 0}, {0, 1}, {-1, 0}});
    case 4:
      return polygon(x, y, r * 1.15, {{0, 1}, {0.95, -0.7}, {-0.95, -0.7}});
    default:
      return polygon(x, y, r * 1.1,
                     {{-1, -0.4},
                      {-0.4, -0.4},
                      {-0.4, -1},
                      {0.4, -1},
                      {0.4, -0.4},
                      {1, -0.4},
                      {1, 0.4},
                      {0.4, 0.4},
                      {0.4, 1},
                      {-0.4, 1},
                      {-0.4, 0.4},
                      {-1, 0.4}});
  }
}

// FNV-1a, for identifiers that differ between the figures of a page.
std::string fingerprint(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::string digits = "f";
  for (int i = 0; i < 12; ++i, hash >>= 5) digits += "abcdefghijklmnopqrstuvwxyz234567"[hash & 31u];
  return digits;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

constexpr std::string_view kIdMark = "@id@";

}  // namespace

std::string_view series_color(int style) { return kColors[static_cast<std::size_t>(style) % kColors.size()]; }
std::string_view series_dash(int style) { return kDashes[static_cast<std::size_t>(style) % kDashes.size()]; }

CellColor cell_color(Palette palette, double share) {
  const std::span<const Rgb> map = samples(palette);
  const double position = std::clamp(share, 0.0, 1.0) * static_cast<double>(map.size() - 1);
  const std::size_t below = std::min(static_cast<std::size_t>(position), map.size() - 2);
  const double weight = position - static_cast<double>(below);
  Rgb color{};
  for (std::size_t i = 0; i < 3; ++i) {
    color[i] = static_cast<int>(std::lround(map[below][i] + weight * (map[below + 1][i] - map[below][i])));
  }
  // White and black contrast equally at this luminance: (1.05) / (l + 0.05) = (l + 0.05) / 0.05.
  return {hex(color), luminance(color) > 0.179 ? "#000000" : "#ffffff"};
}

void Canvas::text(double x, double baseline, std::string_view text, const TextStyle& style) {
  body_ += message("<text x=\"", px(x), "\" y=\"", px(baseline), "\" font-size=\"", px(style.size),
                   "\" fill=\"", style.fill, "\"");
  if (style.anchor != Anchor::start) body_ += message(" text-anchor=\"", anchor_name(style.anchor), "\"");
  if (style.bold) body_ += " font-weight=\"bold\"";
  if (style.halo) body_ += " paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"3\"";
  if (style.turn != 0) {
    body_ += message(" transform=\"rotate(", px(style.turn), " ", px(x), " ", px(baseline), ")\"");
  }
  body_ += message(">", escape(text), "</text>\n");
}

void Canvas::line(double x1, double y1, double x2, double y2, const Stroke& stroke) {
  body_ += message("<line x1=\"", px(x1), "\" y1=\"", px(y1), "\" x2=\"", px(x2), "\" y2=\"", px(y2), "\"",
                   stroke_attributes(stroke), "/>\n");
}

void Canvas::rect(const Box& box, std::string_view fill, const Stroke& stroke, std::string_view note,
                  double opacity) {
  body_ += message("<rect x=\"", px(box.left), "\" y=\"", px(box.top), "\" width=\"", px(box.width()),
                   "\" height=\"", px(box.height()), "\" fill=\"", fill, "\"");
  if (opacity < 1) body_ += message(" fill-opacity=\"", px(opacity), "\"");
  if (stroke.color != "none") body_ += stroke_attributes(stroke);
  body_ += close_with("rect", note);
}

void Canvas::path(const std::string& d, std::string_view fill, const Stroke& stroke, double opacity,
                  std::string_view clip) {
  body_ += message("<path d=\"", d, "\" fill=\"", fill, "\"");
  if (opacity < 1) body_ += message(" fill-opacity=\"", px(opacity), "\"");
  if (stroke.color != "none") body_ += stroke_attributes(stroke) + " stroke-linejoin=\"round\"";
  if (!clip.empty()) body_ += message(" clip-path=\"", clip, "\"");
  body_ += "/>\n";
}

void Canvas::marker(double x, double y, int shape, std::string_view color, double radius,
                    std::string_view note) {
  body_ += message("<path d=\"", marker_path(x, y, shape, radius), "\" fill=\"", color,
                   "\" stroke=\"#ffffff\" stroke-width=\"0.8\"", close_with("path", note));
}

void Canvas::image(const Box& box, const std::string& png) {
  body_ +=
      message("<image x=\"", px(box.left), "\" y=\"", px(box.top), "\" width=\"", px(box.width()),
              "\" height=\"", px(box.height()),
              "\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,", base64(png), "\"/>\n");
}

std::string Canvas::clip(const Box& box) {
  const std::string id = message(kIdMark, "c", clips_++);
  body_ += message("<clipPath id=\"", id, "\"><rect x=\"", px(box.left), "\" y=\"", px(box.top),
                   "\" width=\"", px(box.width()), "\" height=\"", px(box.height()), "\"/></clipPath>\n");
  return message("url(#", id, ")");
}

double Canvas::heading(std::string_view title, std::string_view subtitle, double width) {
  double y = kMargin;
  for (const std::string& line : wrap(title, width - 2 * kMargin, kTitleSize, true)) {
    y += kTitleSize * kLineHeight;
    text(kMargin, y - 5, line, {.size = kTitleSize, .bold = true});
  }
  for (const std::string& line : wrap(subtitle, width - 2 * kMargin, kSmallSize)) {
    y += kSmallSize * kLineHeight;
    text(kMargin, y - 4, line, {.size = kSmallSize, .fill = kSoft});
  }
  return y + 6;
}

std::string Canvas::finish(double width, double height, std::string_view title,
                           std::string_view description) const {
  std::string svg = message(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", px(width), " ", px(height), "\" width=\"",
      px(width), "\" height=\"", px(height), "\" role=\"img\" aria-labelledby=\"", kIdMark, "t ", kIdMark,
      "d\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">\n<title id=\"", kIdMark, "t\">",
      escape(title), "</title>\n<desc id=\"", kIdMark, "d\">", escape(description), "</desc>\n<rect width=\"",
      px(width), "\" height=\"", px(height), "\" fill=\"#ffffff\"/>\n", body_, "</svg>\n");
  replace_all(svg, kIdMark, fingerprint(svg));
  return svg;
}

}  // namespace noyau::inline v0::plot
