#pragma once
// The geometry of a pooling, checked.
#include "kernel_dims.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {

// Throws, naming `op`, unless x is [n, ih, iw, c] and every window holds at least one cell of the image.
Pool2dDims pool2d_dims(std::string_view op, const Tensor& x, Size2 window, const Pool2dOptions& options);

inline Shape input_shape(const Pool2dDims& d) { return {d.n, d.ih, d.iw, d.c}; }
inline Shape output_shape(const Pool2dDims& d) { return {d.n, d.oh, d.ow, d.c}; }

// The taps of the window at output (oh, ow) that lie inside the image.
struct PoolWindow {
  PoolWindow(const Pool2dDims& d, std::int64_t oh, std::int64_t ow)
      : top(oh * d.stride_h - d.top),
        left(ow * d.stride_w - d.left),
        kh0(std::max<std::int64_t>(0, -top)),
        kh1(std::min(d.kh, d.ih - top)),
        kw0(std::max<std::int64_t>(0, -left)),
        kw1(std::min(d.kw, d.iw - left)) {}

  std::int64_t top, left;           // image position of tap (0, 0)
  std::int64_t kh0, kh1, kw0, kw1;  // ranges of taps inside
};

}  // namespace noyau::inline v0
