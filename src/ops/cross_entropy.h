#pragma once
// The kernels of cross_entropy() behind an op of tensors.
#include "noyau/loss.h"

namespace noyau::inline v0 {

// One loss a row, on the tape as "cross_entropy"; operands are checked already.
Tensor cross_entropy_rows(const Tensor& logits, const Tensor& targets, double smoothing,
                          const Tensor& weights);

}  // namespace noyau::inline v0
