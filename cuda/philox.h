#pragma once
// Philox4x32-10 in device code: the same bits as philox4x32() of noyau/random.h.
#include <cstdint>

#include "device.h"

namespace noyau::inline v0::device {

struct Words {
  std::uint32_t word[4];
};

// Block `offset` of the stream `seed`.
__device__ inline Words philox(std::uint64_t seed, std::uint64_t offset) {
  constexpr int kRounds = 10;
  std::uint32_t c0 = static_cast<std::uint32_t>(offset), c1 = static_cast<std::uint32_t>(offset >> 32);
  std::uint32_t c2 = 0, c3 = 0;
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p = std::uint64_t{0xD2511F53} * c0;
    const std::uint64_t q = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(q >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(q);
    c2 = static_cast<std::uint32_t>(p >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace noyau::inline v0::device
