// JPEG and PNG files with their EXIF headers.
#include "data/codec.h"
#include "fuzz.h"
#include "noyau/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    noyau::exif_orientation(bytes);
    if (noyau::is_png(bytes))
      noyau::decode_with_stb(bytes, "input");  // past the check sums, which nobody guesses
    noyau::decode_image(bytes, "input");
  });
}
