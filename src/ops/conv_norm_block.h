#pragma once
// A convolution and the norm block after it as one op, while they are trained on the CPU.
#include "ops/batch_norm.h"

namespace noyau::inline v0 {

// Whether there are images enough for conv_norm_block() of x.
bool conv_norm_block_takes(const Tensor& x, const Tensor& kernel, const Conv2dOptions& convolution);

// norm_block(conv2d(x, kernel, {}, convolution), ...) in training with gamma, beta and the averages of `norm`, whose x is
// not read. The gradient between the two exists for some images at a time, in the cache.
Tensor conv_norm_block(const Tensor& x, const Tensor& kernel, const Conv2dOptions& convolution,
                       const NormOperands& norm, const NormBlockOptions& options,
                       Generator& generator = default_generator());

}  // namespace noyau::inline v0
