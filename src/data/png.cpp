#include <zlib.h>

#include <cstdlib>

#include "data/codec.h"
#include "noyau/image.h"

// Source: ISO/IEC 15948 (PNG), sections 5 (chunks) and 9 (filters).
namespace noyau::inline v0 {
namespace {

void put_number(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_chunk(Bytes& out, std::uint32_t type, const Bytes& contents) {
  put_number(out, static_cast<std::uint32_t>(contents.size()));
  const std::size_t start = out.size();
  put_number(out, type);
  out.insert(out.end(), contents.begin(), contents.end());
  put_number(out, static_cast<std::uint32_t>(crc32(0, &out[start], static_cast<uInt>(out.size() - start))));
}

std::uint8_t paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = std::abs(guess - left), to_up = std::abs(guess - up),
            to_corner = std::abs(guess - corner);
  if (to_left <= to_up && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_up <= to_corner ? up : corner);
}

// Each row as its difference from the Paeth predictor (filter 4), which suits photographs and figures alike.
Bytes filtered(const Tensor& image) {
  constexpr std::uint8_t kPaeth = 4;
  const std::int64_t height = image.dim(0), step = image.dim(2), stride = image.dim(1) * step;
  Bytes out;
  out.reserve(static_cast<std::size_t>(height * (stride + 1)));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::uint8_t* const row = image.data<std::uint8_t>() + y * stride;
    out.push_back(kPaeth);
    for (std::int64_t i = 0; i < stride; ++i) {
      const int left = i >= step ? row[i - step] : 0, up = y > 0 ? row[i - stride] : 0;
      const int corner = i >= step && y > 0 ? row[i - step - stride] : 0;
      out.push_back(static_cast<std::uint8_t>(row[i] - paeth(left, up, corner)));
    }
  }
  return out;
}

}  // namespace

Bytes encode_png(const Tensor& image) {
  const bool fits = image.defined() && image.dtype() == Dtype::u8 && image.rank() == 3 && image.size() > 0 &&
                    (image.dim(2) == 1 || image.dim(2) == 3);
  NOYAU_CHECK(fits, "encode_png: expected u8 [h, w, 1 or 3], got ", image);
  const Bytes rows = filtered(image);
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  Bytes compressed(size);
  NOYAU_CHECK(compress2(compressed.data(), &size, rows.data(), static_cast<uLong>(rows.size()),
                        Z_BEST_COMPRESSION) == Z_OK,
              "encode_png: zlib failed");
  compressed.resize(size);
  Bytes header;
  put_number(header, static_cast<std::uint32_t>(image.dim(1)));
  put_number(header, static_cast<std::uint32_t>(image.dim(0)));
  const std::uint8_t grey_or_colour = image.dim(2) == 1 ? 0 : 2;
  header.insert(header.end(),
                {8, grey_or_colour, 0, 0, 0});  // bits, colour type, deflate, filters, no interlace
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  put_chunk(png, png_type("IHDR"), header);
  put_chunk(png, png_type("IDAT"), compressed);
  put_chunk(png, png_type("IEND"), {});
  return png;
}

}  // namespace noyau::inline v0
