#include "noyau/image.h"

#include <algorithm>
#include <cmath>

#include "data/codec.h"

namespace noyau::inline v0 {
namespace {

// Colours on white paper: value * alpha + 255 * (1 - alpha), rounded.
RawImage over_white(const RawImage& image) {
  if (image.channels != 2 && image.channels != 4) return image;
  RawImage result{{}, image.height, image.width, image.channels - 1};
  result.pixels.reserve(static_cast<std::size_t>(image.height * image.width * result.channels));
  const auto step = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < image.pixels.size(); i += step) {
    const int alpha = image.pixels[i + step - 1];
    for (std::size_t c = 0; c + 1 < step; ++c) {
      const int value = image.pixels[i + c] * alpha + 255 * (255 - alpha);
      result.pixels.push_back(static_cast<std::uint8_t>((value + 127) / 255));
    }
  }
  return result;
}

// Where pixel (y, x) of an upright image is in one stored with an EXIF orientation; sizes are those stored.
std::int64_t stored_at(int orientation, std::int64_t y, std::int64_t x, std::int64_t height,
                       std::int64_t width) {
  switch (orientation) {
    case 2:
      return y * width + (width - 1 - x);
    case 3:
      return (height - 1 - y) * width + (width - 1 - x);
    case 4:
      return (height - 1 - y) * width + x;
    case 5:
      return x * width + y;
    case 6:
      return (height - 1 - x) * width + y;
    case 7:
      return (height - 1 - x) * width + (width - 1 - y);
    case 8:
      return x * width + (width - 1 - y);
    default:
      return y * width + x;
  }
}

Tensor upright(const RawImage& image, int orientation) {
  const bool turned = orientation >= 5;
  const std::int64_t height = turned ? image.width : image.height,
                     width = turned ? image.height : image.width;
  const Tensor result = empty({height, width, image.channels}, {Dtype::u8});
  std::uint8_t* out = result.mutable_data<std::uint8_t>();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x, out += image.channels) {
      const std::int64_t from = stored_at(orientation, y, x, image.height, image.width);
      std::copy_n(image.pixels.data() + from * image.channels, image.channels, out);
    }
  }
  return result;
}

void check_image(const char* op, const Tensor& image, bool several) {
  const bool fits =
      image.defined() && image.dtype() == Dtype::u8 && (image.rank() == 3 || (several && image.rank() == 4));
  NOYAU_CHECK(fits, op, ": expected u8 [h, w, c]", several ? " or [n, h, w, c]" : "", ", got ", image);
}

}  // namespace

Tensor decode_image(ByteView bytes, const std::string& name, const DecodeOptions& options) {
  NOYAU_CHECK(!bytes.empty(), "image: ", name, " is empty");
  NOYAU_CHECK(is_png(bytes) || is_jpeg(bytes), "image: ", name, " is no JPEG or PNG");
  if (is_png(bytes)) check_png(bytes, name);
  if (is_jpeg(bytes)) check_jpeg(bytes, name);
  const Tensor image = upright(over_white(decode_with_stb(bytes, name)), exif_orientation(bytes));
  return options.channels == 0 ? image : convert_channels(image, options.channels);
}

Tensor load_image(const std::string& path, const DecodeOptions& options) {
  return decode_image(read_file(path), path, options);
}

void save_png(const std::string& path, const Tensor& image) { write_file(path, encode_png(image)); }

Tensor convert_channels(const Tensor& image, std::int64_t channels) {
  check_image("convert_channels", image, true);
  const std::int64_t from = image.dim(-1);
  NOYAU_CHECK((channels == 1 || channels == 3) && (from == 1 || from == 3), "convert_channels: from ", from,
              " to ", channels, " channels, expected 1 or 3");
  if (from == channels) return image;
  Shape shape = image.shape();
  shape[shape.rank() - 1] = channels;
  const Tensor result = empty(shape, {Dtype::u8});
  const std::uint8_t* x = image.data<std::uint8_t>();
  std::uint8_t* out = result.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < image.size(); i += from, x += from, out += channels) {
    // Luma in 16-bit fixed point; the weights sum to 65536.
    if (channels == 1)
      *out = static_cast<std::uint8_t>((19595 * x[0] + 38470 * x[1] + 7471 * x[2] + 32768) >> 16);
    if (channels == 3) std::fill_n(out, 3, *x);
  }
  return result;
}

Tensor image_grid(const Tensor& images, const GridOptions& options) {
  check_image("image_grid", images, true);
  NOYAU_CHECK(images.rank() == 4 && images.size() > 0, "image_grid: expected images u8 [n, h, w, c], got ",
              images);
  NOYAU_CHECK(options.columns >= 0 && options.gap >= 0 && options.scale >= 1, "image_grid: ", options.columns,
              " columns, gap ", options.gap, ", scale ", options.scale);
  const std::int64_t count = images.dim(0), channels = images.dim(3), scale = options.scale,
                     gap = options.gap;
  const std::int64_t height = images.dim(1) * scale, width = images.dim(2) * scale;
  const auto square = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const std::int64_t columns = options.columns > 0 ? options.columns : square,
                     rows = (count + columns - 1) / columns;
  const Tensor grid =
      full({rows * (height + gap) + gap, columns * (width + gap) + gap, channels}, 255, {Dtype::u8});
  const std::uint8_t* const x = images.data<std::uint8_t>();
  std::uint8_t* const out = grid.mutable_data<std::uint8_t>();
  for (std::int64_t n = 0; n < count; ++n) {
    const std::int64_t top = gap + n / columns * (height + gap), left = gap + n % columns * (width + gap);
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t from = (n * images.dim(1) + y / scale) * images.dim(2) + i / scale;
        std::copy_n(x + from * channels, channels, out + ((top + y) * grid.dim(1) + left + i) * channels);
      }
    }
  }
  return grid;
}

Tensor preprocess(const Tensor& image, const DataInfo& info) {
  check_image("preprocess", image, false);
  const Tensor fitted = convert_channels(resize_image(image, info.height, info.width), info.channels);
  const Tensor batch = empty({1, info.height, info.width, info.channels}, {Dtype::u8});
  std::copy_n(fitted.data<std::uint8_t>(), fitted.size(), batch.mutable_data<std::uint8_t>());
  return normalize(batch, info);
}

Tensor to_image(const Tensor& normalized, const DataInfo& info) {
  NOYAU_CHECK(normalized.dtype() == Dtype::f32 && normalized.rank() >= 3 &&
                  normalized.dim(-1) == info.channels &&
                  info.mean.size() == static_cast<std::size_t>(info.channels),
              "to_image: ", normalized, " for images of ", info.channels, " channels");
  const Tensor host = normalized.to(Device());
  const Tensor result = empty(host.shape(), {Dtype::u8});
  const float* const x = host.data<float>();
  std::uint8_t* const out = result.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < host.size(); ++i) {
    const auto c = static_cast<std::size_t>(i % info.channels);
    out[i] = static_cast<std::uint8_t>(
        std::clamp(std::lround(255 * (x[i] * info.deviation[c] + info.mean[c])), 0L, 255L));
  }
  return result;
}

}  // namespace noyau::inline v0
