#pragma once
// Elements in the type that kernels compute in: f32 where 16 bits are stored.
#include "backend.h"
#include "primitives.h"

namespace noyau::inline v0 {

template <class T>
inline constexpr bool kIs16Bit = !std::is_same_v<accumulate_t<T>, T>;

template <class T>
__device__ accumulate_t<T> widen(T x) {
  if constexpr (std::is_same_v<T, half>)
    return f16_value(x.bits);
  else if constexpr (std::is_same_v<T, bfloat16>)
    return device::to_float(x);
  else
    return x;
}

// Rounds to the nearest, ties to even.
template <class T>
__device__ T narrow(accumulate_t<T> x) {
  if constexpr (std::is_same_v<T, half>)
    return {f16_bits(x)};
  else if constexpr (std::is_same_v<T, bfloat16>)
    return {bf16_bits(x)};
  else
    return x;
}

// x and y, rounded, to `to` and the next element, at once; `to` is aligned for that.
template <class T>
__device__ void store_pair(T* to, float x, float y) {
  if constexpr (kIs16Bit<T>)
    *reinterpret_cast<std::uint32_t*>(to) = narrow<T>(x).bits | static_cast<std::uint32_t>(narrow<T>(y).bits)
                                                                    << 16;
  else
    *reinterpret_cast<float2*>(to) = float2{x, y};
}

}  // namespace noyau::inline v0
