#include <algorithm>

#include "plot/axes.h"

namespace noyau::inline v0::plot {
namespace {

constexpr double kGap = 8;

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Height over width, from the header of a PNG file.
double aspect(const Picture& picture, std::size_t index) {
  constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
  const std::string_view png = picture.png;
  NOYAU_CHECK(png.size() >= 24 && png.starts_with(kSignature), "plot: picture ", index,
              " of the grid is no PNG file");
  const std::uint32_t width = big_endian(png.substr(16, 4));
  const std::uint32_t height = big_endian(png.substr(20, 4));
  NOYAU_CHECK(width > 0 && height > 0, "plot: picture ", index, " of the grid is empty");
  return static_cast<double>(height) / width;
}

std::string summary(const ImageGrid& figure) {
  std::string text = figure.subtitle;
  for (const Picture& picture : figure.pictures)
    if (!picture.caption.empty()) text += message(" ", picture.caption, ".");
  return text;
}

}  // namespace

std::string to_svg(const ImageGrid& figure) {
  NOYAU_CHECK(figure.columns > 0, "plot: image grid needs at least one column, not ", figure.columns);
  Canvas canvas;
  double top = canvas.heading(figure.title, figure.subtitle, figure.width) + 4;
  const double cell = (figure.width - 2 * kMargin + kGap) / figure.columns - kGap;
  const auto columns = static_cast<std::size_t>(figure.columns);
  for (std::size_t row = 0; row < figure.pictures.size(); row += columns) {
    double bottom = top;
    for (std::size_t i = row; i < std::min(row + columns, figure.pictures.size()); ++i) {
      const double left = kMargin + static_cast<double>(i - row) * (cell + kGap);
      const double height = cell * aspect(figure.pictures[i], i);
      canvas.image({left, top, left + cell, top + height}, figure.pictures[i].png);
      double baseline = top + height + 2;
      for (const std::string& line : wrap(figure.pictures[i].caption, cell, kSmallSize)) {
        baseline += kSmallSize * kLineHeight;
        canvas.text(left + cell / 2, baseline - 3, line, {.size = kSmallSize, .anchor = Anchor::middle});
      }
      bottom = std::max(bottom, baseline);
    }
    top = bottom + kGap;
  }
  return canvas.finish(figure.width, top + kMargin, figure.title,
                       figure.description.empty() ? summary(figure) : figure.description);
}

}  // namespace noyau::inline v0::plot
