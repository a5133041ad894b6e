#pragma once
// Layers of a Sequential that run as one op.
#include <span>

#include "noyau/sequential.h"

namespace noyau::inline v0 {

// A run of `layers` layers that is one op: `convolution` and a ReLU or, with a `norm` in training, a norm_block(); where
// that is null, a norm_block() by the statistics of `norm` or, where that is null, too, without any. A run of one layer is
// just that layer.
struct FusedLayers {
  std::size_t layers = 1;
  const Conv2d* convolution = nullptr;
  const BatchNorm* norm = nullptr;
  NormBlockOptions options = {};

  // False for what the op does not take, or would take apart again and normalise for nothing.
  bool suits(const Tensor& x) const;
  Tensor operator()(const Tensor& x) const;
};

// The longest run that begins with `layers`: a Conv2d and a ReLU, off the tape; or a BatchNorm, after a Conv2d without bias
// if it is trained, or an activation or both, then MaxPool(2), which is there unless the BatchNorm is, then Dropout. It ends
// at a layer whose output is watched, and is one layer while fusion is off.
FusedLayers fused_layers(std::span<const NamedLayer> layers);

// The output of `layers` for x.
Tensor run_layers(std::span<const NamedLayer> layers, const Tensor& x);

// That of `residual`, whose sum and activation are made by the convolution or batch norm that ends its body; undefined
// where that cannot be.
Tensor run_residual(const Residual& residual, const Tensor& x);

}  // namespace noyau::inline v0
