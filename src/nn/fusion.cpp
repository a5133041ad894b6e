#include "nn/fusion.h"

#include <atomic>
#include <typeinfo>

#include "nn/exact_convolution.h"
#include "nn/observer.h"
#include "ops/conv2d_kernels.h"
#include "ops/conv_norm_block.h"

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

// `layer` as a Conv2d, unless it is a class of the user's own.
const Conv2d* as_convolution(const Module& layer) {
  const bool own = typeid(layer) != typeid(Conv2d) && typeid(layer) != typeid(DepthwiseConv2d);
  return own ? nullptr : as<Conv2d>(layer);
}

// The same, unless its output is watched or its parameters are recorded.
const Conv2d* as_plain_convolution(const Module& layer) {
  const Conv2d* const convolution = as_convolution(layer);
  if (convolution == nullptr) return nullptr;
  const bool watched = observer() != nullptr && observer()->watches(layer);
  return watched || records({convolution->kernel, convolution->bias}) ? nullptr : convolution;
}

Tensor convolve(const Conv2d& layer, const Tensor& x, const ConvolutionEnding& ending) {
  return conv2d_ended(x, layer.kernel, layer.bias, convolution_options(layer), ending);
}

bool may_fuse() { return !keeps_tape() && fusion.load(std::memory_order_relaxed); }

// The convolution that `layers` begin with, if a batch norm that is trained follows.
const Conv2d* before_norm(std::span<const NamedLayer> layers) {
  if (layers.size() == 1) return nullptr;
  const auto* const norm = as<BatchNorm>(layers[1].layer.module());
  return norm != nullptr && norm->training() ? as_convolution(layers[0].layer.module()) : nullptr;
}

// The same, if they may run as one op.
const Conv2d* joined_with_norm(std::span<const NamedLayer> layers) {
  const Conv2d* const convolution = before_norm(layers);
  if (convolution == nullptr || convolution->bias.defined()) return nullptr;
  return observer() != nullptr && observer()->watches(*convolution) ? nullptr : convolution;
}

// The first of `layers`; a convolution takes the moments of its output for a batch norm.
Tensor run_layer(std::span<const NamedLayer> layers, const Tensor& x) {
  const AnyLayer& layer = layers[0].layer;
  const Conv2d* const convolution = may_fuse() ? before_norm(layers) : nullptr;
  return convolution == nullptr ? layer(x) : layer.module().output(convolve(*convolution, x, {.norm = true}));
}

// The output of the first `count` of `layers`, which are run for the sake of the others.
Tensor run_first(std::span<const NamedLayer> layers, std::size_t count, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < count; ++i) {
    const Module& module = layers[i].layer.module();
    if (observer() != nullptr && observer()->replaces(module)) {
      y = module.output(y);
      continue;
    }
    const FusedLayers run = fused_layers(layers.subspan(i, count - i));
    if (run.layers == 1 || !run.suits(y)) {
      y = run_layer(layers.subspan(i), y);
      continue;
    }
    y = run(y);
    i += run.layers - 1;
    y = layers[i].layer.module().output(y);
  }
  return y;
}

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
  if (convolution != nullptr && norm != nullptr)
    return conv_norm_block_takes(x, convolution->kernel, convolution_options(*convolution));
  if (convolution != nullptr) return x.device().kind == Device::Kind::cpu && !records({x});
  return x.rank() >= 2 && (norm != nullptr || x.device().kind == Device::Kind::cpu);
}

Tensor FusedLayers::operator()(const Tensor& x) const {
  if (convolution != nullptr && norm != nullptr) {
    NormBlockOptions block = options;
    block.epsilon = norm->options.epsilon;
    block.momentum = norm->options.momentum;
    return conv_norm_block(x, convolution->kernel, convolution_options(*convolution),
                           {{}, norm->gamma, norm->beta, norm->moving_mean, norm->moving_variance}, block);
  }
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
  const Conv2d* const convolution = joined_with_norm(layers);
  if (convolution != nullptr) run.layers = 2;
  const Module& first = layers[run.layers - 1].layer.module();
  run.norm = as<BatchNorm>(first);
  if (run.norm == nullptr && !take_activation(first, run.options)) return run;
  for (const auto take : {take_activation, take_pool, take_dropout}) {
    const Module& last = layers[run.layers - 1].layer.module();
    if (run.layers == layers.size() || (observer() != nullptr && observer()->watches(last))) break;
    if (run.norm == nullptr && take == take_activation) continue;
    if (take(layers[run.layers].layer.module(), run.options)) ++run.layers;
  }
  // An activation and a dropout alone are worth little, and one by one they have second derivatives.
  if (run.norm == nullptr && !run.options.pool) return {};
  run.convolution = convolution;
  return run;
}

Tensor run_layers(std::span<const NamedLayer> layers, const Tensor& x) {
  return run_first(layers, layers.size(), x);
}

Tensor run_residual(const Residual& residual, const Tensor& x) {
  const std::span<const NamedLayer> body = residual.body.layers();
  const Activation activation = residual.options.activation;
  if (!may_fuse() || observer() != nullptr || body.empty()) return {};
  const Module& last = body.back().layer.module();
  const auto* const norm = as<BatchNorm>(last);
  const Conv2d* const convolution =
      x.device().kind == Device::Kind::cpu ? as_plain_convolution(last) : nullptr;
  const bool ends = activation == Activation::none || activation == Activation::relu;
  if (norm == nullptr && (convolution == nullptr || !ends)) return {};
  const Tensor inner = run_first(body, body.size() - 1, x);
  const Tensor residue = residual.shortcut.size() == 0 ? x : residual.shortcut(x);
  if (norm == nullptr)
    return convolve(*convolution, inner, {.residual = residue, .relu = activation == Activation::relu});
  if (inner.shape() == residue.shape() && norm_block_takes(activation))
    return norm->in_block(inner, {.activation = activation}, residue);
  return activate(add((*norm)(inner), residue), activation);
}

}  // namespace noyau::inline v0
