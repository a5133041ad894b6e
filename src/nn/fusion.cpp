#include "nn/fusion.h"

#include <atomic>
#include <typeinfo>

#include "nn/exact_convolution.h"
#include "nn/observer.h"
#include "ops/conv2d_kernels.h"

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

// `layer` as a Conv2d, unless it is a class of the user's own, its output is watched or its parameters are recorded.
const Conv2d* as_plain_convolution(const Module& layer) {
  const auto* const convolution = as<Conv2d>(layer);
  if (typeid(layer) != typeid(Conv2d) && typeid(layer) != typeid(DepthwiseConv2d)) return nullptr;
  const bool watched = observer() != nullptr && observer()->watches(layer);
  return watched || records({convolution->kernel, convolution->bias}) ? nullptr : convolution;
}

Tensor convolve(const Conv2d& layer, const Tensor& x, const ConvolutionEnding& ending) {
  return conv2d_ended(x, layer.kernel, layer.bias, convolution_options(layer), ending);
}

bool may_fuse() { return !keeps_tape() && fusion.load(std::memory_order_relaxed); }

// A Conv2d and the ReLU after it, if that is how `layers` begin.
FusedLayers convolution_and_relu(std::span<const NamedLayer> layers) {
  FusedLayers run;
  const Conv2d* const convolution = as_plain_convolution(layers[0].layer.module());
  if (convolution == nullptr || layers.size() == 1) return run;
  double slope = 0;
  if (activation_in(layers[1].layer.module(), slope) != Activation::relu) return run;
  run.layers = 2;
  run.convolution = convolution;
  return run;
}

}  // namespace

bool set_fusion(bool on) { return fusion.exchange(on); }

bool FusedLayers::suits(const Tensor& x) const {
  if (convolution != nullptr) return x.device().kind == Device::Kind::cpu && !records({x});
  return x.rank() >= 2 && (norm != nullptr || x.device().kind == Device::Kind::cpu);
}

Tensor FusedLayers::operator()(const Tensor& x) const {
  if (convolution != nullptr) return convolve(*convolution, x, {.relu = true});
  if (norm != nullptr) return norm->in_block(x, options);
  NormBlockOptions block = options;
  block.epsilon = 0;
  const TensorOptions like{x.dtype(), x.device()};
  return norm_block(x, {}, {}, zeros({x.dim(-1)}, like), ones({x.dim(-1)}, like), false, block);
}

FusedLayers fused_layers(std::span<const NamedLayer> layers) {
  FusedLayers run;
  if (!may_fuse()) return run;
  run = convolution_and_relu(layers);
  if (run.convolution != nullptr) return run;
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

Tensor run_layers(std::span<const NamedLayer> layers, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Module& module = layers[i].layer.module();
    if (observer() != nullptr && observer()->replaces(module)) {
      y = module.output(y);
      continue;
    }
    const FusedLayers run = fused_layers(layers.subspan(i));
    if (run.layers == 1 || !run.suits(y)) {
      y = layers[i].layer(y);
      continue;
    }
    y = run(y);
    i += run.layers - 1;
    y = layers[i].layer.module().output(y);
  }
  return y;
}

Tensor run_residual(const Residual& residual, const Tensor& x) {
  const std::span<const NamedLayer> body = residual.body.layers();
  const Activation activation = residual.options.activation;
  if (!may_fuse() || observer() != nullptr || body.empty()) return {};
  const Conv2d* const last = as_plain_convolution(body.back().layer.module());
  if (last == nullptr || x.device().kind != Device::Kind::cpu) return {};
  if (activation != Activation::none && activation != Activation::relu) return {};
  const Tensor inner = run_layers(body.first(body.size() - 1), x);
  const Tensor residue = residual.shortcut.size() == 0 ? x : residual.shortcut(x);
  return convolve(*last, inner, {.residual = residue, .relu = activation == Activation::relu});
}

}  // namespace noyau::inline v0
