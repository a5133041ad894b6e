#pragma once
// Conversions of the 16-bit storage types, round to nearest even.
#include <bit>
#include <cmath>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

inline float to_float(bfloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

inline bfloat16 to_bfloat16(float x) {
  if (std::isnan(x)) return {0x7fc0};
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t round = 0x7fff + ((bits >> 16) & 1);
  return {static_cast<std::uint16_t>((bits + round) >> 16)};
}

inline float to_float(half x) {
  const int exponent = (x.bits >> 10) & 31;
  const int fraction = x.bits & 1023;
  const float sign = (x.bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

inline half to_half(float x) {
  const std::uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x)) return {0x7e00};
  const float magnitude = std::fabs(x);
  if (magnitude >= 65520.0f) return {static_cast<std::uint16_t>(sign | 0x7c00)};
  // nearbyint rounds to even; a carry out of the fraction rightly moves into the exponent.
  const int exponent = magnitude < 0x1p-14f ? -14 : std::ilogb(magnitude);
  const int scaled = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  const int bits = magnitude < 0x1p-14f ? scaled : ((exponent + 15) << 10) + scaled - 1024;
  return {static_cast<std::uint16_t>(sign | bits)};
}

}  // namespace noyau::inline v0
