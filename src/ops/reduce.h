#pragma once
// What reductions and broadcasts need of each other. `aligned` is the reduced shape with extents of 1 kept: it
// broadcasts to the unreduced shape and has as many elements as the reduced tensor, whatever its shape.
#include "noyau/ops.h"

namespace noyau::inline v0 {

// `x` seen as `aligned`, repeated to `shape`.
Tensor expand(const Tensor& x, const Shape& aligned, const Shape& shape);
// `x` summed to `aligned`, given the shape `result` of as many elements.
Tensor sum_aligned(const Tensor& x, const Shape& aligned, const Shape& result);

}  // namespace noyau::inline v0
