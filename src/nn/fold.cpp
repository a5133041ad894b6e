#include "noyau/sequential.h"

namespace noyau::inline v0 {
namespace {

template <class L>
const L* as(const Module& layer) {
  return dynamic_cast<const L*>(&layer);
}

Tensor wide(const Tensor& values, const Tensor& kernel, double otherwise) {
  return values.defined() ? values.to(Dtype::f64)
                          : full({kernel.dim(-1)}, otherwise, {Dtype::f64, kernel.device()});
}

// norm(layer(x)) = layer'(x): kernel' = kernel * s over the last axis and bias' = (bias - mean) * s + beta, with s =
// gamma / sqrt(variance + epsilon).
template <class L>
L folded(L layer, const BatchNorm& norm) {
  const Tensor& kernel = layer.kernel;
  NOYAU_CHECK(norm.moving_mean.tensor().dim(0) == kernel.dim(-1), "fold: batch_norm of ",
              norm.moving_mean.tensor().dim(0), " channels after ", layer.kind(), " with ", kernel.dim(-1));
  const Tensor deviation = sqrt(norm.moving_variance.tensor().to(Dtype::f64) + norm.options.epsilon);
  const Tensor scale = wide(norm.gamma, kernel, 1) / deviation;
  const Tensor offset = wide(layer.bias, kernel, 0) - norm.moving_mean.tensor().to(Dtype::f64);
  const Tensor bias = offset * scale + wide(norm.beta, kernel, 0);
  layer.bias = Parameter(bias.to(kernel.dtype()));
  layer.kernel = Parameter((kernel.to(Dtype::f64) * scale).to(kernel.dtype()));
  layer.options.bias = true;
  return layer;
}

Sequential folded(std::span<const NamedLayer> layers);

AnyLayer folded(const AnyLayer& layer) {
  if (const auto* inner = as<Sequential>(layer.module())) return folded(inner->layers());
  if (const auto* residual = as<Residual>(layer.module())) {
    return Residual(folded(residual->body.layers()), folded(residual->shortcut.layers()), residual->options);
  }
  return layer;
}

Sequential folded(std::span<const NamedLayer> layers) {
  Sequential net;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& [name, layer] = layers[i];
    if (as<Dropout>(layer.module()) != nullptr || as<SpatialDropout>(layer.module()) != nullptr) continue;
    const auto* const norm = i + 1 == layers.size() ? nullptr : as<BatchNorm>(layers[i + 1].layer.module());
    const auto* const conv = as<Conv2d>(layer.module());
    const auto* const dense = as<Dense>(layer.module());
    if (norm == nullptr || (conv == nullptr && dense == nullptr)) {
      net.push_back(named(name, folded(layer)));
      continue;
    }
    net.push_back(named(name, conv != nullptr ? AnyLayer(folded(*conv, *norm)) : folded(*dense, *norm)));
    ++i;
  }
  return net;
}

}  // namespace

Sequential fold(const Sequential& net) {
  const NoGrad off;
  Sequential copy = folded(net.layers());
  copy.train(false);
  for (const Tensor& parameter : copy.parameters()) parameter.set_requires_grad(false);
  return copy;
}

}  // namespace noyau::inline v0
