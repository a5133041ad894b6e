#pragma once
// The 16-bit storage types in device code: conversions as in src/half.h, round to nearest even.
#include <cmath>
#include <cstring>

#include "device.h"
#include "noyau/tensor.h"

namespace noyau::inline v0::device {

__device__ inline float float_of_bits(std::uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

__device__ inline std::uint32_t bits_of_float(float x) {
  std::uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

__device__ inline float to_float(bfloat16 x) {
  return float_of_bits(static_cast<std::uint32_t>(x.bits) << 16);
}

__device__ inline bfloat16 to_bfloat16(float x) {
  const std::uint32_t bits = bits_of_float(x);
  if (x != x) return {0x7fc0};
  return {static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

// 2^-112 times the float whose exponent and fraction are those of x.
__device__ inline float to_float(half x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(x.bits & 0x7fff) << 13;
  const std::uint32_t special = (x.bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  if (special != 0) return float_of_bits(sign | special | magnitude);
  return float_of_bits(sign | bits_of_float(float_of_bits(magnitude) * 0x1p112f));
}

__device__ inline half to_half(float x) {
  const std::uint32_t bits = bits_of_float(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  if (x != x) return {0x7e00};
  const float magnitude = float_of_bits(bits & 0x7fffffff);
  if (magnitude >= 65520.0f) return {static_cast<std::uint16_t>(sign | 0x7c00)};
  // Adding 2^-1 leaves multiples of 2^-24, the spacing of the subnormal halves, rounded to even.
  if (magnitude < 0x1p-14f)
    return {static_cast<std::uint16_t>(sign | (bits_of_float(magnitude + 0.5f) - bits_of_float(0.5f)))};
  const std::uint32_t rounded = (bits & 0x7fffffff) + 0xfff + ((bits >> 13) & 1);
  return {static_cast<std::uint16_t>(sign | ((rounded - (112u << 23)) >> 13))};
}

}  // namespace noyau::inline v0::device
