#pragma once
// Moments of a slice of rows [rows, c], by runs of channels in registers. See isa.h for the rules of this folder.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// Calls f(channel, vectors, lanes) for runs of at most four vectors, then for the channels that fill no vector.
template <class Isa, class T, class F>
[[gnu::always_inline]] inline void for_channels(std::int64_t c, F f) {
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for_even_parts<4>(c / kLane, [&](std::int64_t first, auto vectors) {
    f(first * kLane, vectors, Constant<static_cast<int>(kLane)>{});
  });
  if (c % kLane != 0) f(c - c % kLane, Constant<1>{}, c % kLane);
}

// mean[c] and squares[c] = sum of (x - mean)^2 over the rows. The sum is of distances from the first row, so that a
// mean far from zero costs no digits.
template <class Isa, class T>
void batch_moments(std::int64_t rows, std::int64_t c, const T* x, T* mean, T* squares) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for_channels<Isa, T>(c, [=](std::int64_t c0, auto vectors, auto lanes) {
    constexpr int kVectors = vectors;
    const auto at = [=](std::int64_t r, int v) { return load_first<Isa>(x + r * c + c0 + v * kLane, lanes); };
    V centre[kVectors], sum[kVectors], square[kVectors];
    unroll<0, kVectors>([&](auto v) {
      centre[v] = at(0, v);
      sum[v] = square[v] = V{};
    });
    for (std::int64_t r = 0; r < rows; ++r)
      unroll<0, kVectors>([&](auto v) { sum[v] += at(r, v) - centre[v]; });
    unroll<0, kVectors>([&](auto v) { centre[v] += sum[v] / static_cast<T>(rows); });
    for (std::int64_t r = 0; r < rows; ++r) {
      unroll<0, kVectors>([&](auto v) {
        const V distance = at(r, v) - centre[v];
        square[v] += distance * distance;
      });
    }
    unroll<0, kVectors>([&](auto v) {
      store_first<Isa>(mean + c0 + v * kLane, centre[v], lanes);
      store_first<Isa>(squares + c0 + v * kLane, square[v], lanes);
    });
  });
}

}  // namespace
}  // namespace noyau::inline v0
