#include "explain/fold.h"

namespace noyau::inline v0 {
namespace {

Tensor or_full(const Tensor& t, const Tensor& like, double value) {
  return t.defined() ? t.detach() : full(like.shape(), value, {like.dtype(), like.device()});
}

// gamma (w x + b - mean) / sqrt(variance + epsilon) + beta as w' x + b'; output channels are the kernel's last axis.
template <class Layer>
void fold_into(Layer& layer, const BatchNorm& norm) {
  const Tensor mean = norm.moving_mean.tensor();
  const Tensor factor =
      or_full(norm.gamma, mean, 1) / sqrt(norm.moving_variance.tensor() + norm.options.epsilon);
  const Tensor bias = or_full(layer.bias, mean, 0);
  layer.bias = Parameter(or_full(norm.beta, mean, 0) + (bias - mean) * factor);
  layer.kernel = Parameter(layer.kernel.tensor().detach() * factor);
}

void fold_in_place(Sequential& net);

void fold_inside(Module& module) {
  if (auto* const inner = dynamic_cast<Sequential*>(&module)) fold_in_place(*inner);
  if (auto* const residual = dynamic_cast<Residual*>(&module)) {
    fold_in_place(residual->body);
    fold_in_place(residual->shortcut);
  }
}

void fold_in_place(Sequential& net) {
  const NoGrad off;
  for (std::int64_t i = 0; i < net.size(); ++i) {
    Module& module = net[i].layer.module();
    fold_inside(module);
    if (i + 1 == net.size()) return;
    const auto* const norm = dynamic_cast<const BatchNorm*>(&net[i + 1].layer.module());
    if (norm == nullptr) continue;
    auto* const conv = dynamic_cast<Conv2d*>(&module);
    auto* const dense = dynamic_cast<Dense*>(&module);
    if (conv != nullptr) fold_into(*conv, *norm);
    if (dense != nullptr) fold_into(*dense, *norm);
    if (conv != nullptr || dense != nullptr) net[i + 1].layer = Activate(Activation::none);
  }
}

}  // namespace

Sequential fold_batch_norm(const Sequential& net) {
  Sequential copy = net;
  fold_in_place(copy);
  return copy;
}

}  // namespace noyau::inline v0
