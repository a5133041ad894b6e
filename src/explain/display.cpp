// Pictures of maps.
#include <algorithm>
#include <array>
#include <cmath>

#include "explain/subject.h"
#include "noyau/image.h"
#include "plot/canvas.h"

namespace noyau::inline v0 {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

// Blue to red through white: the map RdBu of ColorBrewer, turned.
constexpr std::array<Rgb, 11> kDiverging = {{{5, 48, 97},
                                             {33, 102, 172},
                                             {67, 147, 195},
                                             {146, 197, 222},
                                             {209, 229, 240},
                                             {247, 247, 247},
                                             {253, 219, 199},
                                             {244, 165, 130},
                                             {214, 96, 77},
                                             {178, 24, 43},
                                             {103, 0, 31}}};

Rgb diverging(double share) {
  const double place = share * (kDiverging.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), kDiverging.size() - 2);
  const double rest = place - static_cast<double>(below);
  Rgb colour{};
  for (std::size_t i = 0; i < 3; ++i) {
    colour[i] = static_cast<std::uint8_t>(
        std::lround((1 - rest) * kDiverging[below][i] + rest * kDiverging[below + 1][i]));
  }
  return colour;
}

Rgb of_palette(plot::Palette palette, double share) {
  const std::string hex = plot::cell_color(palette, share).fill;
  Rgb colour{};
  for (std::size_t i = 0; i < 3; ++i)
    colour[i] = static_cast<std::uint8_t>(std::stoi(hex.substr(1 + 2 * i, 2), nullptr, 16));
  return colour;
}

// 256 colours from low to high.
std::vector<Rgb> scale_of(MapColours colours) {
  std::vector<Rgb> scale;
  for (int i = 0; i < 256; ++i) {
    const double share = i / 255.0;
    scale.push_back(
        colours == MapColours::diverging
            ? diverging(share)
            : of_palette(colours == MapColours::viridis ? plot::Palette::viridis : plot::Palette::cividis,
                         share));
  }
  return scale;
}

Tensor enlarged(const Tensor& map, Size2 size, ResizeMode mode) {
  return resize_map(reshape(map, {1, map.dim(0), map.dim(1)}), size, mode)[0];
}

// White columns between the parts, and the colour bar.
Tensor gap(std::int64_t height, std::int64_t width) { return full({height, width, 3}, 255, {Dtype::u8}); }

Tensor colour_bar(std::int64_t height, std::int64_t width, MapColours colours) {
  const double low = colours == MapColours::diverging ? -1 : 0;
  std::vector<float> rows;
  for (std::int64_t i = 0; i < height; ++i) {
    const double share =
        1 - static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(1, height - 1));
    rows.insert(rows.end(), static_cast<std::size_t>(width), static_cast<float>(low + share * (1 - low)));
  }
  return colour_map(from_vector(rows, {height, width}), colours);
}

// Images u8 [h, w, 3] of one height, from left to right.
Tensor side_by_side(const std::vector<Tensor>& parts) {
  std::int64_t width = 0;
  for (const Tensor& part : parts) width += part.dim(1);
  const std::int64_t height = parts[0].dim(0);
  const Tensor row = empty({height, width, 3}, {Dtype::u8});
  for (std::int64_t y = 0; y < height; ++y) {
    std::uint8_t* to = row.mutable_data<std::uint8_t>() + y * width * 3;
    for (const Tensor& part : parts) {
      const std::int64_t count = part.dim(1) * 3;
      to = std::copy_n(part.data<std::uint8_t>() + y * count, count, to);
    }
  }
  return row;
}

}  // namespace

Tensor colour_map(const Tensor& map, MapColours colours) {
  NOYAU_CHECK(map.defined() && map.rank() == 2, "colour_map: expected one map [h, w]");
  const std::vector<Rgb> scale = scale_of(colours);
  const std::vector<double> values = map.to(Dtype::f64).to_vector<double>();
  const Tensor picture = empty({map.dim(0), map.dim(1), 3}, {Dtype::u8});
  std::uint8_t* to = picture.mutable_data<std::uint8_t>();
  for (const double value : values) {
    const double share = std::clamp(colours == MapColours::diverging ? (value + 1) / 2 : value, 0.0, 1.0);
    const Rgb colour =
        std::isnan(value) ? Rgb{128, 128, 128} : scale[static_cast<std::size_t>(std::lround(share * 255))];
    to = std::copy(colour.begin(), colour.end(), to);
  }
  return picture;
}

Tensor overlay(const Tensor& image, const Tensor& colours, double opacity) {
  NOYAU_CHECK(image.defined() && colours.defined() && image.shape() == colours.shape() &&
                  image.dtype() == Dtype::u8 && colours.dtype() == Dtype::u8,
              "overlay: expected two images u8 [h, w, 3] of one size");
  NOYAU_CHECK(opacity >= 0 && opacity <= 1, "overlay: opacity ", opacity, " is not between 0 and 1");
  const Tensor mixed = image.to(Dtype::f32) * (1 - opacity) + colours.to(Dtype::f32) * opacity;
  return (mixed + 0.5).to(Dtype::u8);
}

Tensor map_picture(const Tensor& image, const Tensor& map, const MapPictureOptions& options) {
  NOYAU_CHECK(image.defined() && image.rank() == 3 && map.defined() && map.rank() == 2,
              "map_picture: expected an image u8 [h, w, c] and a map [h, w]");
  const std::int64_t longer = std::max(image.dim(0), image.dim(1));
  const std::int64_t factor = std::max<std::int64_t>(1, (options.side + longer - 1) / longer);
  const Size2 size{image.dim(0) * factor, image.dim(1) * factor};
  const MapColours colours = options.has_signs ? MapColours::diverging : options.colours;
  const Tensor scaled =
      normalize_map(reshape(map, {1, map.dim(0), map.dim(1)}).to(Device()), MapRange::maximum)[0];
  const Tensor large = resize_image(convert_channels(image, 3), size.h, size.w, Resample::nearest);
  const Tensor native = colour_map(enlarged(scaled, size, ResizeMode::nearest), colours);
  const Tensor over = overlay(large, colour_map(enlarged(scaled, size, options.resize), colours), 0.55);
  const std::int64_t margin = std::max<std::int64_t>(2, size.w / 32);
  return side_by_side({native, gap(size.h, margin), over, gap(size.h, margin),
                       colour_bar(size.h, std::max<std::int64_t>(4, size.w / 16), colours)});
}

}  // namespace noyau::inline v0
