#include "nn/fusion.h"

#include <atomic>

#include "nn/observer.h"

namespace noyau::inline v0 {
namespace {

std::atomic<bool> fusion{true};

template <class L>
const L* as(const Module& layer) {
  return dynamic_cast<const L*>(&layer);
}

std::optional<Activation> activation_in(const Module& layer, double& slope) {
  if (as<Relu>(layer) != nullptr) return Activation::relu;
  if (as<Silu>(layer) != nullptr) return Activation::silu;
  if (const auto* gelu = as<Gelu>(layer); gelu != nullptr && gelu->form == GeluForm::exact)
    return Activation::gelu;
  if (const auto* any = as<Activate>(layer)) return any->activation;
  if (const auto* leaky = as<LeakyRelu>(layer)) {
    slope = leaky->slope;
    return Activation::leaky_relu;
  }
  return {};
}

bool take_activation(const Module& layer, NormBlockOptions& options) {
  double slope = options.slope;
  const std::optional<Activation> activation = activation_in(layer, slope);
  if (!activation || !norm_block_takes(*activation, slope)) return false;
  options.activation = *activation;
  options.slope = slope;
  return true;
}

bool take_pool(const Module& layer, NormBlockOptions& options) {
  const auto* const pool = as<MaxPool>(layer);
  options.pool = pool != nullptr && pool->window == Size2(2) &&
                 pool->options.stride.value_or(2) == Size2(2) && pool->options.padding == Padding::valid();
  return options.pool;
}

bool take_dropout(const Module& layer, NormBlockOptions& options) {
  const auto* const drop = as<Dropout>(layer);
  if (drop == nullptr) return false;
  options.dropout = drop->training() ? drop->rate : 0;
  return true;
}

}  // namespace

bool set_fusion(bool on) { return fusion.exchange(on); }

bool FusedLayers::suits(const Tensor& x) const {
  return x.rank() >= 2 && (norm != nullptr || x.device().kind == Device::Kind::cpu);
}

Tensor FusedLayers::operator()(const Tensor& x) const {
  if (norm != nullptr) return norm->in_block(x, options);
  NormBlockOptions block = options;
  block.epsilon = 0;
  const TensorOptions like{x.dtype(), x.device()};
  return norm_block(x, {}, {}, zeros({x.dim(-1)}, like), ones({x.dim(-1)}, like), false, block);
}

FusedLayers fused_layers(std::span<const NamedLayer> layers) {
  FusedLayers run;
  if (keeps_tape() || !fusion.load(std::memory_order_relaxed)) return run;
  const Module& first = layers[0].layer.module();
  run.norm = as<BatchNorm>(first);
  if (run.norm == nullptr && !take_activation(first, run.options)) return run;
  for (const auto take : {take_activation, take_pool, take_dropout}) {
    const Module& last = layers[run.layers - 1].layer.module();
    if (run.layers == layers.size() || (observer() != nullptr && observer()->watches(last))) break;
    if (run.norm == nullptr && take == take_activation) continue;
    if (take(layers[run.layers].layer.module(), run.options)) ++run.layers;
  }
  // An activation and a dropout alone are worth little, and one by one they have second derivatives.
  return run.norm == nullptr && !run.options.pool ? FusedLayers() : run;
}

}  // namespace noyau::inline v0
