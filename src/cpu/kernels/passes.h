#pragma once
// 2x2 max pooling and dropout: one pass over memory. See isa.h for the rules of this folder.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// The larger, the first of equals, NaN before numbers; all bits of a lane of the mask are set where `candidate` is it.
template <class V>
[[gnu::always_inline]] inline auto replaces(V candidate, V best) {
  return ~(candidate <= best) & (best == best);
}

// One vector of max_2x2(); lanes of the result's index hold 0, 1, 2 or 3.
template <class V>
[[gnu::always_inline]] inline auto larger_of_four(V x00, V x01, V x10, V x11, V& largest) {
  const auto right0 = replaces(x01, x00);
  const auto right1 = replaces(x11, x10);
  const V upper = right0 ? x01 : x00;
  const V lower = right1 ? x11 : x10;
  const auto below = replaces(lower, upper);
  largest = below ? lower : upper;
  return below ? 2 - right1 : -right0;
}

// y[w, c] = largest of x at (0, 2w), (0, 2w + 1), (1, 2w), (1, 2w + 1), whose number goes to index (unless null); x's
// second row begins x_row after its first.
template <class Isa, class T>
void max_2x2(std::int64_t width, std::int64_t c, const T* x, std::int64_t x_row, T* y, std::uint8_t* index) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  typedef std::uint8_t Index __attribute__((vector_size(kLane)));
  for (std::int64_t w = 0; w < width; ++w, x += 2 * c, y += c) {
    for (std::int64_t i = 0; i < c; i += kLane) {
      const std::int64_t count = smaller(kLane, c - i);
      const T* at = x + i;
      V largest;
      const auto number =
          larger_of_four(load_first<Isa>(at, count), load_first<Isa>(at + c, count),
                         load_first<Isa>(at + x_row, count), load_first<Isa>(at + x_row + c, count), largest);
      store_first<Isa>(y + i, largest, count);
      if (index == nullptr) continue;
      const Index bytes = __builtin_convertvector(number, Index);
      __builtin_memcpy(index + w * c + i, &bytes, static_cast<std::size_t>(count));
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

// a * b of lanes below 2^32 in one instruction; compilers multiply whole lanes in several.
template <class V>
[[gnu::always_inline]] inline V multiply_halves(V a, V b) {
#if defined(__AVX__)
  V product;
  asm("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "v"(b));
  return product;
#elif defined(__SSE2__)
  asm("pmuludq %1, %0" : "+x"(a) : "x"(b));
  return a;
#else
  return a * b;
#endif
}

// Lanes a0, b0, a1, b1, ... of the lower halves of a and b, then of the upper.
template <class V>
[[gnu::always_inline]] inline void interleave(V a, V b, V& lower, V& upper) {
  if constexpr (sizeof(V) == 64) {
    lower = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    upper = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  } else if constexpr (sizeof(V) == 32) {
    lower = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    upper = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  } else {
    lower = __builtin_shufflevector(a, b, 0, 2);
    upper = __builtin_shufflevector(a, b, 1, 3);
  }
}

// Philox4x32-10 for one block a lane, whose 32-bit words stand in lanes of 64 bits; see philox4x32().
template <class V>
[[gnu::always_inline]] inline void philox_rounds(V& c0, V& c1, V& c2, V& c3, std::uint64_t seed) {
  constexpr std::uint64_t kLow = 0xFFFFFFFF;
  std::uint64_t k0 = seed & kLow;
  std::uint64_t k1 = seed >> 32;
  for (int round = 0; round < 10; ++round) {
    const V p = multiply_halves(c0, V{} + 0xD2511F53u);
    const V q = multiply_halves(c2, V{} + 0xCD9E8D57u);
    c0 = (q >> 32) ^ c1 ^ k0;
    c2 = (p >> 32) ^ c3 ^ k1;
    c1 = q & kLow;
    c3 = p & kLow;
    k0 = (k0 + 0x9E3779B9) & kLow;
    k1 = (k1 + 0xBB67AE85) & kLow;
  }
}

// Word w of block b of (seed, offset + b) into words[4 * b + w], for as many blocks as a vector has lanes.
template <class Isa>
void philox_words(std::uint64_t seed, std::uint64_t offset, std::uint32_t* words) {
  using V = Vector<Isa, std::uint64_t>;
  constexpr int kBlocks = kLanes<Isa, std::uint64_t>;
  V lane;
  for (int b = 0; b < kBlocks; ++b) lane[b] = static_cast<std::uint64_t>(b);
  const V counter = lane + offset;
  V c0 = counter & 0xFFFFFFFFu, c1 = counter >> 32, c2{}, c3{};
  philox_rounds(c0, c1, c2, c3, seed);
  V lower, upper;
  interleave(c0 | c1 << 32, c2 | c3 << 32, lower, upper);
  __builtin_memcpy(words, &lower, sizeof lower);
  __builtin_memcpy(words + 2 * kBlocks, &upper, sizeof upper);
}

// y[i] = scale * x[i] if word i % 4 of Philox block (seed, offset + i / 4) >= threshold, else 0.
template <class Isa, class T>
void dropout(std::int64_t count, std::uint64_t seed, std::uint64_t offset, std::uint32_t threshold, T scale,
             const T* x, T* y) {
  constexpr std::int64_t kRun = 4 * kLanes<Isa, std::uint64_t>;
  std::uint32_t words[kRun];
  for (std::int64_t first = 0; first < count; first += kRun) {
    philox_words<Isa>(seed, offset + static_cast<std::uint64_t>(first / 4), words);
    const std::int64_t last = smaller(kRun, count - first);
    for (std::int64_t i = 0; i < last; ++i) {
      const T value = scale * x[first + i];
      y[first + i] = words[i] >= threshold ? value : T{0};
    }
  }
}

}  // namespace
}  // namespace noyau::inline v0
