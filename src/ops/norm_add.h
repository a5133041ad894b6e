#pragma once
// Batch normalisation, the sum with a residual and an activation as one op.
#include "ops/batch_norm.h"

namespace noyau::inline v0 {

// Whether norm_add() knows the activation of `d`.
inline bool norm_add_takes(const NormBlockDims& d) {
  return d.activation == UnaryOp::relu || d.activation == UnaryOp::leaky_relu;
}

// activation(batch_norm(in.x) + residual) with the statistics of `in`, recorded as norm_block(); d has neither pool nor
// dropout. `averages` are what evaluation reads, for the tape.
Tensor norm_add(const NormOperands& in, const NormBlockDims& d, const Tensor& residual,
                const std::vector<Tensor>& averages, const NormBlockOptions& options);

}  // namespace noyau::inline v0
