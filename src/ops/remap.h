#pragma once
// Slice, pad and flip as one map of positions per axis.
#include "kernel_dims.h"
#include "noyau/tensor.h"

namespace noyau::inline v0 {

// The map that keeps every axis of `shape` as it is.
RemapDims identity_remap(const Shape& shape);

// `x` read through `dims`, `fill` where it reads nothing; recorded as `name`. Not for reflected axes, whose adjoint is
// no such map: those call remapped() and record their own backward.
Tensor remap(const char* name, const Tensor& x, const RemapDims& dims, double fill);
// remap() off the tape.
Tensor remapped(const char* name, const Tensor& x, const RemapDims& dims, double fill);

}  // namespace noyau::inline v0
