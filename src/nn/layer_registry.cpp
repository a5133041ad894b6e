// Every layer that a network may be described with: the one place that lists them.
#include "nn/layer_json.h"

namespace noyau::inline v0 {
namespace {

using Reader = OptionReader;
using Writer = OptionWriter;

// A layer all of whose options are members that may be set: `fields(options, layer)` lists them, for both directions.
template <class L, class Fields>
LayerType plain(const L& prototype, Fields fields) {
  return {prototype.kind(),
          [=](Reader& options) {
            L layer = prototype;
            fields(options, layer);
            return AnyLayer(layer);
          },
          [=](Writer& options, const Module& layer) { fields(options, dynamic_cast<const L&>(layer)); }};
}

template <class L>
LayerType plain(const L& prototype) {
  return plain(prototype, [](auto&, auto&) {});
}

template <class L>
LayerType type(const char* kind, L (*read)(Reader&), void (*write)(Writer&, const L&)) {
  return {kind, [=](Reader& options) { return AnyLayer(read(options)); },
          [=](Writer& options, const Module& layer) { write(options, dynamic_cast<const L&>(layer)); }};
}

template <class T>
T required(Reader& options, const char* name) {
  T value{};
  options(name, value);
  return value;
}

template <class Options, class O>
void conv2d_fields(Options& options, O& o, bool with_groups, const Conv2dLayerOptions& standard = {}) {
  options("stride", o.stride, standard.stride);
  options("padding", o.padding, standard.padding);
  options("dilation", o.dilation, standard.dilation);
  if (with_groups) {
    options("groups", o.groups, standard.groups);
    options("algorithm", o.algorithm, standard.algorithm);
  }
  options("bias", o.bias, standard.bias);
  options("initializer", o.initializer, standard.initializer);
  options("frozen", o.frozen, standard.frozen);
}

Conv2d read_conv2d(Reader& options) {
  const auto in = required<std::int64_t>(options, "in");
  const auto out = required<std::int64_t>(options, "out");
  const auto window = required<Size2>(options, "window");
  Conv2dLayerOptions o;
  conv2d_fields(options, o, true);
  return Conv2d(in, out, window, o);
}
void write_conv2d_shape(Writer& options, const Conv2d& layer) {
  const Shape& kernel = layer.kernel.tensor().shape();
  options("in", kernel[2] * layer.options.groups);
  options("out", kernel[3]);
  options("window", Size2(kernel[0], kernel[1]));
}
void write_conv2d(Writer& options, const Conv2d& layer) {
  write_conv2d_shape(options, layer);
  conv2d_fields(options, layer.options, true);
}

DepthwiseConv2d read_depthwise(Reader& options) {
  const auto in = required<std::int64_t>(options, "in");
  const auto window = required<Size2>(options, "window");
  std::int64_t multiplier = 1;
  options("multiplier", multiplier, std::int64_t{1});
  Conv2dLayerOptions o;
  conv2d_fields(options, o, false);
  return DepthwiseConv2d(in, window, multiplier, o);
}
void write_depthwise(Writer& options, const DepthwiseConv2d& layer) {
  const Shape& kernel = layer.kernel.tensor().shape();
  options("in", std::int64_t{layer.options.groups});
  options("window", Size2(kernel[0], kernel[1]));
  options("multiplier", kernel[3] / layer.options.groups, std::int64_t{1});
  conv2d_fields(options, layer.options, false);
}

template <class Options, class O>
void conv_transpose2d_fields(Options& options, O& o) {
  const ConvTranspose2dLayerOptions standard;
  options("stride", o.stride, standard.stride);
  options("padding", o.padding, standard.padding);
  options("dilation", o.dilation, standard.dilation);
  options("groups", o.groups, standard.groups);
  options("output_padding", o.output_padding, standard.output_padding);
  options("bias", o.bias, standard.bias);
  options("initializer", o.initializer, standard.initializer);
}
ConvTranspose2d read_conv_transpose2d(Reader& options) {
  const auto in = required<std::int64_t>(options, "in");
  const auto out = required<std::int64_t>(options, "out");
  const auto window = required<Size2>(options, "window");
  ConvTranspose2dLayerOptions o;
  conv_transpose2d_fields(options, o);
  return ConvTranspose2d(in, out, window, o);
}
void write_conv_transpose2d(Writer& options, const ConvTranspose2d& layer) {
  const Shape& kernel = layer.kernel.tensor().shape();
  options("in", kernel[3]);
  options("out", kernel[2] * layer.options.groups);
  options("window", Size2(kernel[0], kernel[1]));
  conv_transpose2d_fields(options, layer.options);
}

template <class Options, class O>
void dense_fields(Options& options, O& o) {
  options("bias", o.bias, DenseLayerOptions().bias);
  options("initializer", o.initializer, DenseLayerOptions().initializer);
}
Dense read_dense(Reader& options) {
  const auto in = required<std::int64_t>(options, "in");
  const auto out = required<std::int64_t>(options, "out");
  DenseLayerOptions o;
  dense_fields(options, o);
  return Dense(in, out, o);
}
void write_dense(Writer& options, const Dense& layer) {
  options("in", layer.kernel.tensor().dim(0));
  options("out", layer.kernel.tensor().dim(1));
  dense_fields(options, layer.options);
}

template <class Options, class O>
void batch_norm_fields(Options& options, O& o) {
  const BatchNormLayerOptions standard;
  options("epsilon", o.epsilon, standard.epsilon);
  options("momentum", o.momentum, standard.momentum);
  options("scale", o.scale, standard.scale);
  options("center", o.center, standard.center);
}
BatchNorm read_batch_norm(Reader& options) {
  const auto channels = required<std::int64_t>(options, "channels");
  BatchNormLayerOptions o;
  batch_norm_fields(options, o);
  return BatchNorm(channels, o);
}
void write_batch_norm(Writer& options, const BatchNorm& layer) {
  options("channels", layer.moving_mean.tensor().dim(0));
  batch_norm_fields(options, layer.options);
}

template <class Options, class O>
void norm_fields(Options& options, O& o) {
  const NormLayerOptions standard;
  options("epsilon", o.epsilon, standard.epsilon);
  options("scale", o.scale, standard.scale);
  options("center", o.center, standard.center);
}
LayerNorm read_layer_norm(Reader& options) {
  const auto shape = required<Shape>(options, "shape");
  NormLayerOptions o;
  norm_fields(options, o);
  return LayerNorm(shape, o);
}
void write_layer_norm(Writer& options, const LayerNorm& layer) {
  options("shape", layer.shape);
  norm_fields(options, layer.options);
}
GroupNorm read_group_norm(Reader& options) {
  const auto groups = required<int>(options, "groups");
  const auto channels = required<std::int64_t>(options, "channels");
  NormLayerOptions o;
  norm_fields(options, o);
  return GroupNorm(groups, channels, o);
}
void write_group_norm(Writer& options, const GroupNorm& layer) {
  options("groups", layer.groups);
  options("channels", layer.channels);
  norm_fields(options, layer.options);
}

Residual read_residual(Reader& options) {
  auto body = required<Sequential>(options, "body");
  Sequential shortcut;
  options("shortcut", shortcut, Sequential());
  ResidualLayerOptions o;
  options("activation", o.activation, Activation::none);
  return Residual(std::move(body), std::move(shortcut), o);
}
void write_residual(Writer& options, const Residual& layer) {
  options("body", layer.body);
  if (layer.shortcut.size() > 0) options("shortcut", layer.shortcut);
  options("activation", layer.options.activation, Activation::none);
}

template <class Options, class O>
void conv_block_fields(Options& options, O& o) {
  const ConvBlockOptions standard;
  conv2d_fields(options, o.conv, true, standard.conv);
  options("batch_norm", o.batch_norm, standard.batch_norm);
  options("epsilon", o.norm.epsilon, standard.norm.epsilon);
  options("momentum", o.norm.momentum, standard.norm.momentum);
  options("scale", o.norm.scale, standard.norm.scale);
  options("center", o.norm.center, standard.norm.center);
  options("activation", o.activation, standard.activation);
  options("pool", o.pool, standard.pool);
  options("dropout", o.dropout, standard.dropout);
}
ConvBlock read_conv_block(Reader& options) {
  const auto in = required<std::int64_t>(options, "in");
  const auto out = required<std::int64_t>(options, "out");
  const auto window = required<Size2>(options, "window");
  ConvBlockOptions o;
  conv_block_fields(options, o);
  return ConvBlock(in, out, window, o);
}
void write_conv_block(Writer& options, const ConvBlock& layer) {
  write_conv2d_shape(options, dynamic_cast<const Conv2d&>(layer[0].layer.module()));
  conv_block_fields(options, layer.options);
}

template <class L>
LayerType pool() {
  return plain(L(1), [](auto& options, auto& layer) {
    options("window", layer.window);
    options("stride", layer.options.stride, Pool2dOptions().stride);
    options("padding", layer.options.padding, Pool2dOptions().padding);
    if constexpr (std::is_same_v<L, AveragePool>)
      options("count_padding", layer.options.count_padding, false);
  });
}

}  // namespace

std::vector<LayerType> built_in_layers() {
  return {
      type("conv2d", read_conv2d, write_conv2d),
      type("depthwise_conv2d", read_depthwise, write_depthwise),
      type("conv_transpose2d", read_conv_transpose2d, write_conv_transpose2d),
      type("dense", read_dense, write_dense),
      type("batch_norm", read_batch_norm, write_batch_norm),
      type("layer_norm", read_layer_norm, write_layer_norm),
      type("group_norm", read_group_norm, write_group_norm),
      type("conv_block", read_conv_block, write_conv_block),
      type("residual", read_residual, write_residual),
      type<Sequential>(
          "sequential", [](Reader& options) { return required<Sequential>(options, "layers"); },
          [](Writer& options, const Sequential& layer) { options("layers", layer); }),
      plain(Relu()),
      plain(LeakyRelu(),
            [](auto& options, auto& layer) { options("slope", layer.slope, LeakyRelu().slope); }),
      plain(Elu(), [](auto& options, auto& layer) { options("alpha", layer.alpha, Elu().alpha); }),
      plain(Gelu(), [](auto& options, auto& layer) { options("form", layer.form, Gelu().form); }),
      plain(Silu()),
      plain(Sigmoid()),
      plain(Tanh()),
      plain(Softplus()),
      plain(Softmax(), [](auto& options, auto& layer) { options("axis", layer.axis, Softmax().axis); }),
      plain(Activate(Activation::none),
            [](auto& options, auto& layer) { options("activation", layer.activation); }),
      plain(Scale(1), [](auto& options, auto& layer) { options("factor", layer.factor); }),
      pool<MaxPool>(),
      pool<AveragePool>(),
      plain(GlobalAveragePool()),
      plain(GlobalMaxPool()),
      plain(Flatten()),
      plain(Reshape({}), [](auto& options, auto& layer) { options("shape", layer.shape); }),
      type<Dropout>(
          "dropout", [](Reader& options) { return Dropout(required<double>(options, "rate")); },
          [](Writer& options, const Dropout& layer) { options("rate", layer.rate); }),
      type<SpatialDropout>(
          "spatial_dropout",
          [](Reader& options) { return SpatialDropout(required<double>(options, "rate")); },
          [](Writer& options, const SpatialDropout& layer) { options("rate", layer.rate); }),
      type<ZeroPad>(
          "zero_pad",
          [](Reader& options) {
            Padding padding(0);
            options("padding", padding);
            return ZeroPad(padding);
          },
          [](Writer& options, const ZeroPad& layer) { options("padding", layer.padding); }),
      plain(Resize(1),
            [](auto& options, auto& layer) {
              options("size", layer.size);
              options("mode", layer.mode, ResizeMode::bilinear);
            }),
      plain(UpSampling(1),
            [](auto& options, auto& layer) {
              options("factor", layer.factor);
              options("mode", layer.mode, ResizeMode::nearest);
            }),
  };
}

}  // namespace noyau::inline v0
