#pragma once
/// \file
/// Images as tensors u8 [h, w, c], with c = 1 (grey) or 3 (red, green, blue): reading, writing, resizing, normalising.

#include "noyau/data.h"

namespace noyau::inline v0 {

/// Options of decode_image() and load_image().
struct DecodeOptions {
  std::int64_t channels = 0;  ///< 1 or 3 converts; 0 keeps grey grey and colour colour.
};
/// Decodes a JPEG or PNG to u8 [h, w, c]: EXIF orientation is applied, transparency laid over white. `name` stands in
/// errors. Throws on anything else and on files that are cut or damaged.
NOYAU_API Tensor decode_image(std::span<const std::uint8_t> bytes, const std::string& name = "image",
                              const DecodeOptions& options = {});
/// decode_image() of a file.
NOYAU_API Tensor load_image(const std::string& path, const DecodeOptions& options = {});
/// The EXIF orientation of a JPEG or PNG, 1 to 8; 1 when there is none.
/// Source: CIPA DC-008 (EXIF 2.3), tag 0x0112.
NOYAU_API int exif_orientation(std::span<const std::uint8_t> bytes);

/// A PNG of an image u8 [h, w, 1 or 3].
NOYAU_API std::vector<std::uint8_t> encode_png(const Tensor& image);
/// Writes encode_png() to a file, whole or not at all.
NOYAU_API void save_png(const std::string& path, const Tensor& image);

/// How resize_image() finds the value of a pixel.
enum class Resample : std::uint8_t {
  area,      ///< Mean over the area it covers, with parts of pixels (OpenCV's INTER_AREA when shrinking).
  bilinear,  ///< Between the four nearest, half-pixel centres, not smoothed when shrinking.
  nearest,   ///< The nearest one.
};
/// An image u8 [h, w, c] or several [n, h, w, c] in another size.
NOYAU_API Tensor resize_image(const Tensor& image, std::int64_t height, std::int64_t width,
                              Resample how = Resample::area);
/// The image u8 [..., c] with 1 or 3 channels: grey is repeated, colour becomes luma (ITU-R BT.601).
NOYAU_API Tensor convert_channels(const Tensor& image, std::int64_t channels);

/// Options of image_grid().
struct GridOptions {
  std::int64_t columns = 0;  ///< Images in a row; 0: as square as it goes.
  std::int64_t gap = 2;      ///< White pixels around images.
  std::int64_t scale = 1;    ///< Each pixel becomes a square of this side.
};
/// One image u8 [h, w, c] that shows many, u8 [n, h, w, c], row by row on white.
NOYAU_API Tensor image_grid(const Tensor& images, const GridOptions& options = {});

/// An image u8 [h, w, c] of any size as input [1, h, w, c] of a network that was trained on `info`: resized by area,
/// channels converted, normalised.
NOYAU_API Tensor preprocess(const Tensor& image, const DataInfo& info);
/// Undoes the normalisation of f32 [..., c]: u8, rounded and limited to 0 .. 255.
NOYAU_API Tensor to_image(const Tensor& normalized, const DataInfo& info);

}  // namespace noyau::inline v0
