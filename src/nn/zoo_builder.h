#pragma once
// What the networks of the zoo are put together with.
#include <algorithm>
#include <cmath>
#include <utility>

#include "noyau/models.h"

namespace noyau::inline v0 {

// What a model is where its options do not say otherwise.
struct ZooDefaults {
  Activation activation = Activation::relu;
  Initializer initializer = Init::he_normal;
  int depth = 0;
  bool batch_norm = false;
};

// Puts layers one after another and knows the shape [h, w, c] reached.
class ZooBuilder {
 public:
  ZooBuilder(const ModelOptions& model_options, const ZooDefaults& defaults)
      : depth(model_options.depth.value_or(defaults.depth)),
        activation(model_options.activation.value_or(defaults.activation)),
        h(model_options.height),
        w(model_options.width),
        c(model_options.channels),
        options_(model_options),
        initializer_(model_options.initializer.value_or(defaults.initializer)),
        batch_norm_(model_options.batch_norm.value_or(defaults.batch_norm)) {}

  int depth;
  Activation activation;
  std::int64_t h, w, c;
  Sequential net;

  // `base` channels times the width factor.
  std::int64_t width(std::int64_t base) const {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(base) * options_.width_factor));
  }

  void conv(std::int64_t out, Size2 window, std::int64_t stride = 1) {
    net.push_back(
        Conv2d(c, out, window, {.stride = stride, .bias = !batch_norm_, .initializer = initializer_}));
    shrink(stride);
    c = out;
  }
  void depthwise(Size2 window, std::int64_t stride) {
    net.push_back(
        DepthwiseConv2d(c, window, 1, {.stride = stride, .bias = !batch_norm_, .initializer = initializer_}));
    shrink(stride);
  }
  // With PyTorch's defaults.
  void norm() {
    if (batch_norm_) net.push_back(BatchNorm(c, {.epsilon = 1e-5, .momentum = 0.9}));
  }
  void act() {
    if (activation == Activation::relu) {
      net.push_back(Relu());
    } else if (activation != Activation::none) {
      net.push_back(Activate(activation));
    }
  }
  void conv_norm_act(std::int64_t out, Size2 window, std::int64_t stride = 1) {
    conv(out, window, stride);
    norm();
    act();
  }
  void max_pool() {
    NOYAU_CHECK(h >= 2 && w >= 2, "make_model: depth ", depth, " leaves no image to pool; give less");
    net.push_back(MaxPool(2));
    h /= 2;
    w /= 2;
  }
  // Makes the last convolution pass its first inputs through to its first outputs, unless an initializer was asked for.
  void pass_through() {
    if (options_.initializer) return;
    const Tensor& kernel = dynamic_cast<const Conv2d&>(net[net.size() - 1].layer.module()).kernel;
    const std::int64_t ic = kernel.dim(2), oc = kernel.dim(3), taps = kernel.dim(0) * kernel.dim(1);
    float* const v = kernel.mutable_data<float>();
    for (std::int64_t i = 0; i < taps * ic; ++i) {
      const bool center = i / ic == taps / 2;
      for (std::int64_t o = 0; o < std::min(ic, oc); ++o) v[i * oc + o] = center && i % ic == o ? 1.0F : 0.0F;
    }
  }
  void norm_without_scale() {
    if (batch_norm_) net.push_back(BatchNorm(c, {.epsilon = 1e-12, .momentum = 0.6, .scale = false}));
  }
  // A dropout at the rate asked for, else at the model's own.
  void dropout(double own = 0) {
    if (const double rate = options_.dropout.value_or(own); rate > 0) net.push_back(Dropout(rate));
  }
  void flatten() {
    net.push_back(Flatten());
    c *= h * w;
    h = w = 1;
  }
  void global_pool() {
    net.push_back(GlobalAveragePool());
    h = w = 1;
  }
  void dense(std::int64_t out) {
    net.push_back(Dense(c, out, {.initializer = initializer_}));
    c = out;
  }
  // The last layer, initialised by `own` rule unless another was asked for.
  void logits(const Initializer& own = Init::glorot_uniform, bool bias = true) {
    const Initializer initializer = options_.initializer.value_or(own);
    net.push_back(named("logits", Dense(c, options_.classes, {.bias = bias, .initializer = initializer})));
  }
  // What `body` adds to an empty network that starts from the shape reached here.
  template <class Body>
  Sequential branch(Body body) {
    Sequential outer = std::exchange(net, Sequential());
    body();
    return std::exchange(net, std::move(outer));
  }

 private:
  void shrink(std::int64_t stride) {
    h = (h + stride - 1) / stride;
    w = (w + stride - 1) / stride;
  }

  ModelOptions options_;
  Initializer initializer_;
  bool batch_norm_;
};

}  // namespace noyau::inline v0
