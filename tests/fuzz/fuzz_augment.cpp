// Augmentation as text: what is accepted prints to something that means the same.
#include <cstdlib>

#include "fuzz.h"
#include "noyau/augment.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    const noyau::Augment augment(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    const std::string text = noyau::to_string(augment);
    if (noyau::to_string(noyau::Augment(text)) != text) std::abort();
  });
}
