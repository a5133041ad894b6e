#pragma once
// The checks and the decoding that decode_image() is made of.
#include "data/bytes.h"
#include "noyau/tensor.h"

namespace noyau::inline v0 {

bool is_png(ByteView bytes);
bool is_jpeg(ByteView bytes);
// Throw on a file that is cut or damaged where the decoder would not notice.
void check_png(ByteView bytes, const std::string& name);
void check_jpeg(ByteView bytes, const std::string& name);

// One section of a file's metadata: a JPEG segment or a PNG chunk.
struct Section {
  std::uint32_t type = 0;  // marker (0xe1) or chunk name
  std::size_t offset = 0;  // of the contents
  ByteView contents;
};
// The next section from `offset` on, which is moved past it; false at the picture's data, the end, or nonsense.
bool next_jpeg_segment(ByteView bytes, std::size_t& offset, Section& section);
bool next_png_chunk(ByteView bytes, std::size_t& offset, Section& section);

constexpr std::uint32_t png_type(const char (&name)[5]) {
  std::uint32_t type = 0;
  for (int i = 0; i < 4; ++i) type = type << 8 | static_cast<std::uint8_t>(name[i]);
  return type;
}

// Pixels as stored, [h, w, 1 to 4], by stb_image.
struct RawImage {
  Bytes pixels;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
};
RawImage decode_with_stb(ByteView bytes, const std::string& name);

}  // namespace noyau::inline v0
