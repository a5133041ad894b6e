#pragma once
// What ends a convolution; see ConvolutionEnd.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// Writes the first `count` lanes of `sum`, which holds the bias, to `to` in end.y; NaN stays.
template <class Isa, class T>
[[gnu::always_inline]] inline void end_vector(const ConvolutionEnd<T>& end, T* to, Vector<Isa, T> sum,
                                              std::int64_t count) {
  if (end.residual != nullptr) sum += load_first<Isa>(end.residual + (to - end.y), count);
  const Vector<Isa, T> floor = Vector<Isa, T>{} + end.floor;
  store_first<Isa>(to, floor > sum ? floor : sum, count);
}

// The same for `pixels` neighbours, y_pixel apart, times `channels` channels of sums without bias, which may be null.
template <class Isa, class T, int pixels, int vectors>
[[gnu::always_inline]] inline void end_tile(const ConvolutionEnd<T>& end,
                                            Vector<Isa, T> (&sum)[pixels][vectors], const T* bias, T* y,
                                            std::int64_t y_pixel, std::int64_t channels) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  const bool plain = end.residual == nullptr && channels >= vectors * kLane;
  const V floor = V{} + end.floor;
  unroll<0, vectors>([&](auto v) {
    if (bias != nullptr) {
      const V offset = load<Isa>(bias + v * kLane);
      unroll<0, pixels>([&](auto p) { sum[p][v] += offset; });
    }
    if (plain) {
      unroll<0, pixels>(
          [&](auto p) { store<Isa>(y + p * y_pixel + v * kLane, floor > sum[p][v] ? floor : sum[p][v]); });
      return;
    }
    const std::int64_t count = v == vectors - 1 ? channels - v * kLane : kLane;
    unroll<0, pixels>([&](auto p) { end_vector<Isa>(end, y + p * y_pixel + v * kLane, sum[p][v], count); });
  });
}

}  // namespace
}  // namespace noyau::inline v0
