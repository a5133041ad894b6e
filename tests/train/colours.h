#pragma once
// A data set that a small network learns in a few steps.
#include "noyau/data.h"
#include "noyau/random.h"

namespace noyau::testing {

// Images side x side x 3 of three classes that differ in their brightest colour, with noise.
inline Dataset colours(std::int64_t count, std::uint64_t seed, std::int64_t side = 6) {
  const Tensor images = empty({count, side, side, 3}, {.dtype = Dtype::u8});
  const Tensor labels = empty({count}, {.dtype = Dtype::i32});
  Generator generator(seed);
  auto* pixel = images.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(i % 3);
    labels.mutable_data<std::int32_t>()[i] = label;
    for (std::int64_t p = 0; p < side * side; ++p) {
      for (int c = 0; c < 3; ++c)
        *pixel++ = static_cast<std::uint8_t>(generator.below(180) + (c == label ? 40 : 0));
    }
  }
  return Dataset(images, labels, {.name = "colours", .classes = {"red", "green", "blue"}});
}

}  // namespace noyau::testing
