#pragma once
// What reductions and broadcasts share. `aligned` is the reduced shape with extents of 1 kept: it broadcasts to the
// unreduced shape and has as many elements as the reduced tensor, whatever its shape.
#include <vector>

#include "kernel_dims.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {

// The shapes of a reduction of `shape` over `axes`, all when empty; throws on an axis out of range or given twice.
struct Reduced {
  Reduced(const char* op, const Shape& shape, const Axes& axes, bool keep_dims);

  Shape aligned;
  Shape result;
  std::int64_t count = 1;  // elements joined into one
};

// `x` seen as `aligned`, repeated to `shape`.
Tensor expand(const Tensor& x, const Shape& aligned, const Shape& shape);
// `x` summed to `aligned`, given the shape `result` of as many elements; on the tape as "sum".
Tensor sum_aligned(const Tensor& x, const Shape& aligned, const Shape& result);
// [outer, count, inner] around one axis of `shape`.
ReduceDims around_axis(const Shape& shape, int axis);

}  // namespace noyau::inline v0
