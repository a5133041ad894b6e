#include "data/codec.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace noyau::inline v0 {

RawImage decode_with_stb(ByteView bytes, const std::string& name) {
  // Deflate makes at most 1032 bytes of one (zlib's technical notes), a byte holds at most 8 pixels.
  constexpr std::int64_t kPixelsPerByte = 1032 * 8, kMostPixels = std::int64_t{1} << 28;
  NOYAU_CHECK(bytes.size() <= INT32_MAX, "image: ", name, " has ", bytes.size(), " bytes, more than 2 GiB");
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  const bool known = stbi_info_from_memory(bytes.data(), size, &width, &height, &channels) != 0;
  NOYAU_CHECK(known, "image: ", name, " cannot be read (", stbi_failure_reason(), ")");
  const std::int64_t count = std::int64_t{width} * height;
  NOYAU_CHECK(count <= kMostPixels && count <= kPixelsPerByte * size, "image: ", name, " claims ", width,
              " x ", height, " pixels in ", size, " bytes");
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), size, &width, &height, &channels, 0), stbi_image_free);
  NOYAU_CHECK(pixels, "image: ", name, " cannot be decoded (", stbi_failure_reason(), ")");
  return {Bytes(pixels.get(), pixels.get() + count * channels), height, width, channels};
}

}  // namespace noyau::inline v0
