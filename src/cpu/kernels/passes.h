#pragma once
// 2x2 max pooling and dropout: one pass over memory. See isa.h for the rules of this folder.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// The larger, the first of equals, NaN before numbers.
template <class T>
[[gnu::always_inline]] inline bool replaces(T candidate, T best) {
  return !(candidate <= best) & (best == best);
}

// y[w, c] = largest of x at (0, 2w), (0, 2w + 1), (1, 2w), (1, 2w + 1), whose number goes to index; x's second row
// begins x_row after its first.
template <class Isa, class T>
void max_2x2(std::int64_t width, std::int64_t c, const T* x, std::int64_t x_row, T* y, std::uint8_t* index) {
  for (std::int64_t w = 0; w < width; ++w, x += 2 * c, y += c, index += c) {
    const T* __restrict x00 = x;
    const T* __restrict x01 = x + c;
    const T* __restrict x10 = x + x_row;
    const T* __restrict x11 = x + x_row + c;
    T* __restrict to = y;
    std::uint8_t* __restrict chosen = index;
    for (std::int64_t i = 0; i < c; ++i) {
      const bool right0 = replaces(x01[i], x00[i]);
      const bool right1 = replaces(x11[i], x10[i]);
      const T upper = right0 ? x01[i] : x00[i];
      const T lower = right1 ? x11[i] : x10[i];
      const bool below = replaces(lower, upper);
      to[i] = below ? lower : upper;
      chosen[i] = static_cast<std::uint8_t>(below ? 2 + right1 : right0);
    }
  }
}

// The four cells of each window of dx: dy in the one that index names, 0 in the others.
template <class Isa, class T>
void max_2x2_gradient(std::int64_t width, std::int64_t c, const T* dy, const std::uint8_t* index, T* dx,
                      std::int64_t dx_row) {
  for (std::int64_t w = 0; w < width; ++w, dy += c, index += c, dx += 2 * c) {
    const T* __restrict from = dy;
    const std::uint8_t* __restrict chosen = index;
    for (int cell = 0; cell < 4; ++cell) {
      T* __restrict to = dx + (cell & 1) * c + (cell >> 1) * dx_row;
      for (std::int64_t i = 0; i < c; ++i) to[i] = chosen[i] == cell ? from[i] : T{0};
    }
  }
}

constexpr int kPhiloxBlocks = 16;  // made at a time: enough lanes for any vector

// Word w of block b into words[4 * b + w]; Philox4x32-10 as philox4x32(), whose key is seed and counter offset + b.
inline void philox_words(std::uint64_t seed, std::uint64_t offset, std::uint32_t* words) {
  std::uint32_t c0[kPhiloxBlocks], c1[kPhiloxBlocks], c2[kPhiloxBlocks] = {}, c3[kPhiloxBlocks] = {};
  for (int b = 0; b < kPhiloxBlocks; ++b) {
    c0[b] = static_cast<std::uint32_t>(offset + static_cast<std::uint64_t>(b));
    c1[b] = static_cast<std::uint32_t>((offset + static_cast<std::uint64_t>(b)) >> 32);
  }
  auto k0 = static_cast<std::uint32_t>(seed);
  auto k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int b = 0; b < kPhiloxBlocks; ++b) {
      const std::uint64_t p = std::uint64_t{0xD2511F53} * c0[b];
      const std::uint64_t q = std::uint64_t{0xCD9E8D57} * c2[b];
      c0[b] = static_cast<std::uint32_t>(q >> 32) ^ c1[b] ^ k0;
      c2[b] = static_cast<std::uint32_t>(p >> 32) ^ c3[b] ^ k1;
      c1[b] = static_cast<std::uint32_t>(q);
      c3[b] = static_cast<std::uint32_t>(p);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (int b = 0; b < kPhiloxBlocks; ++b) {
    words[4 * b] = c0[b];
    words[4 * b + 1] = c1[b];
    words[4 * b + 2] = c2[b];
    words[4 * b + 3] = c3[b];
  }
}

// y[i] = scale * x[i] if word i % 4 of Philox block (seed, offset + i / 4) >= threshold, else 0.
template <class Isa, class T>
void dropout(std::int64_t count, std::uint64_t seed, std::uint64_t offset, std::uint32_t threshold, T scale,
             const T* x, T* y) {
  constexpr std::int64_t kRun = 4 * kPhiloxBlocks;
  std::uint32_t words[kRun];
  for (std::int64_t first = 0; first < count; first += kRun) {
    philox_words(seed, offset + static_cast<std::uint64_t>(first / 4), words);
    const std::int64_t last = smaller(kRun, count - first);
    for (std::int64_t i = 0; i < last; ++i) {
      const T value = scale * x[first + i];
      y[first + i] = words[i] >= threshold ? value : T{0};
    }
  }
}

}  // namespace
}  // namespace noyau::inline v0
