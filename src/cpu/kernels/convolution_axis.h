#pragma once
// Which taps and outputs of a convolution meet the input.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// Taps of `axis` that lie inside the input at output o: [first, last).
struct TapRange {
  std::int64_t first;
  std::int64_t last;
};
inline TapRange taps_inside(const ConvAxis& axis, std::int64_t o) {
  const std::int64_t start = o * axis.stride + axis.offset;
  const std::int64_t last = smaller(axis.taps, ceil_div(axis.in - start, axis.dilation));
  return {start >= 0 ? 0 : ceil_div(-start, axis.dilation), last};
}

// Outputs of `axis` at which tap t lies inside the input: [first, last).
inline TapRange outputs_inside(const ConvAxis& axis, std::int64_t t) {
  const std::int64_t start = t * axis.dilation + axis.offset;
  return {start >= 0 ? 0 : ceil_div(-start, axis.stride),
          smaller(axis.out, ceil_div(axis.in - start, axis.stride))};
}

}  // namespace
}  // namespace noyau::inline v0
