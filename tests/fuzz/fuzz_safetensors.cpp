// Weights files.
#include "fuzz.h"
#include "serialize/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    noyau::parse_tensors(noyau::Bytes(bytes.begin(), bytes.end()), "input");
  });
}
