#pragma once
// Where the windows of convolutions and poolings lie along one axis.
#include <algorithm>

#include "noyau/ops.h"

namespace noyau::inline v0 {

struct WindowAxis {
  std::int64_t out;     // number of windows
  std::int64_t before;  // cells of padding before the first
};

// Windows of `extent` cells every `stride` cells over `in` cells; `before` and `after` count when padding is given.
inline WindowAxis window_axis(std::string_view op, std::int64_t in, std::int64_t extent, std::int64_t stride,
                              Padding::Kind kind, std::int64_t before, std::int64_t after) {
  NOYAU_CHECK(extent >= 1 && stride >= 1, op, ": window ", extent, " and stride ", stride,
              " must be at least 1");
  if (kind == Padding::Kind::same) {
    const std::int64_t out = (in + stride - 1) / stride;
    return {out, std::max<std::int64_t>(0, (out - 1) * stride + extent - in) / 2};
  }
  if (kind == Padding::Kind::valid) before = after = 0;
  NOYAU_CHECK(before >= 0 && after >= 0, op, ": negative padding (", before, ", ", after, ")");
  NOYAU_CHECK(in + before + after >= extent, op, ": window of ", extent, " cells is larger than the ", in,
              " cells and padding ", before, " + ", after);
  return {(in + before + after - extent) / stride + 1, before};
}

}  // namespace noyau::inline v0
