#include "noyau/layers.h"

#include "name_table.h"
#include "nn/exact_convolution.h"

namespace noyau::inline v0 {
namespace {

constexpr NameTable<Activation, 10> kActivations{{
    {"none", Activation::none},
    {"relu", Activation::relu},
    {"leaky_relu", Activation::leaky_relu},
    {"elu", Activation::elu},
    {"gelu", Activation::gelu},
    {"gelu_tanh", Activation::gelu_tanh},
    {"silu", Activation::silu},
    {"sigmoid", Activation::sigmoid},
    {"tanh", Activation::tanh},
    {"softplus", Activation::softplus},
}};

Parameter filled(const Shape& shape, bool wanted, double value) {
  return wanted ? Parameter(full(shape, value)) : Parameter();
}

void check_counts(const char* layer, std::int64_t in, std::int64_t out, Size2 window, int groups) {
  NOYAU_CHECK(in > 0 && out > 0, layer, ": channels must be above 0 (in ", in, ", out ", out, ")");
  NOYAU_CHECK(window.h > 0 && window.w > 0, layer, ": window must be above 0, not ", window);
  NOYAU_CHECK(groups > 0 && in % groups == 0 && out % groups == 0, layer, ": ", groups,
              " groups do not divide ", in, " input and ", out, " output channels");
}

void check_rate(const char* layer, double rate) {
  NOYAU_CHECK(rate >= 0 && rate < 1, layer, ": rate must be in [0, 1), not ", rate);
}

Conv2dLayerOptions with_groups(Conv2dLayerOptions options, std::int64_t groups) {
  options.groups = static_cast<int>(groups);
  return options;
}

}  // namespace

Conv2d::Conv2d(std::int64_t in, std::int64_t out, Size2 window, const Conv2dLayerOptions& layer_options)
    : options(layer_options) {
  check_counts("conv2d", in, out, window, options.groups);
  const Tensor values = empty({window.h, window.w, in / options.groups, out});
  initialize(values, options.initializer, fans(values.shape(), options.groups));
  kernel = Parameter(values);
  kernel.tensor().set_requires_grad(!options.frozen);
  bias = filled({out}, options.bias, 0);
}
Tensor Conv2d::operator()(const Tensor& x) const {
  return output(conv2d(x, kernel, bias, convolution_options(*this)));
}
void Conv2d::visit(Visitor& visitor) {
  visitor("kernel", kernel);
  visitor("bias", bias);
}

DepthwiseConv2d::DepthwiseConv2d(std::int64_t in, Size2 window, std::int64_t multiplier,
                                 const Conv2dLayerOptions& layer_options)
    : Conv2d(in, in * multiplier, window, with_groups(layer_options, in)) {}

ConvTranspose2d::ConvTranspose2d(std::int64_t in, std::int64_t out, Size2 window,
                                 const ConvTranspose2dLayerOptions& layer_options)
    : options(layer_options) {
  check_counts("conv_transpose2d", in, out, window, options.groups);
  const Tensor values = empty({window.h, window.w, out / options.groups, in});
  const Fans adjoint = fans(values.shape(), options.groups);
  initialize(values, options.initializer, {.in = adjoint.out, .out = adjoint.in});
  kernel = Parameter(values);
  bias = filled({out}, options.bias, 0);
}
Tensor ConvTranspose2d::operator()(const Tensor& x) const {
  return output(conv2d_transpose(x, kernel, bias,
                                 {.stride = options.stride,
                                  .padding = options.padding,
                                  .dilation = options.dilation,
                                  .groups = options.groups,
                                  .output_padding = options.output_padding,
                                  .algorithm = ExactConvolutions::instead_of(ConvAlgorithm::automatic)}));
}
void ConvTranspose2d::visit(Visitor& visitor) {
  visitor("kernel", kernel);
  visitor("bias", bias);
}

Dense::Dense(std::int64_t in, std::int64_t out, const DenseLayerOptions& layer_options)
    : options(layer_options) {
  NOYAU_CHECK(in > 0 && out > 0, "dense: sizes must be above 0 (in ", in, ", out ", out, ")");
  const Tensor values = empty({in, out});
  initialize(values, options.initializer);
  kernel = Parameter(values);
  bias = filled({out}, options.bias, 0);
}
Tensor Dense::operator()(const Tensor& x) const { return output(dense(x, kernel, bias)); }
void Dense::visit(Visitor& visitor) {
  visitor("kernel", kernel);
  visitor("bias", bias);
}

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormLayerOptions& layer_options)
    : options(layer_options),
      gamma(filled({channels}, options.scale, 1)),
      beta(filled({channels}, options.center, 0)),
      moving_mean(zeros({channels})),
      moving_variance(ones({channels})) {}
Tensor BatchNorm::operator()(const Tensor& x) const {
  return output(batch_norm(x, gamma, beta, moving_mean, moving_variance, training(),
                           {.epsilon = options.epsilon, .momentum = options.momentum}));
}
Tensor BatchNorm::in_block(const Tensor& x, NormBlockOptions block, const Tensor& residual) const {
  block.epsilon = options.epsilon;
  block.momentum = options.momentum;
  return norm_block(x, gamma, beta, moving_mean, moving_variance, training(), block, default_generator(),
                    residual);
}
void BatchNorm::visit(Visitor& visitor) {
  visitor("gamma", gamma);
  visitor("beta", beta);
  visitor("moving_mean", moving_mean);
  visitor("moving_variance", moving_variance);
}

LayerNorm::LayerNorm(const Shape& norm_shape, const NormLayerOptions& layer_options)
    : shape(norm_shape),
      options(layer_options),
      gamma(filled(shape, options.scale, 1)),
      beta(filled(shape, options.center, 0)) {
  NOYAU_CHECK(shape.rank() > 0, "layer_norm: the shape of the last axes is empty");
}
Tensor LayerNorm::operator()(const Tensor& x) const {
  return output(layer_norm(x, gamma, beta, shape.rank(), options.epsilon));
}
void LayerNorm::visit(Visitor& visitor) {
  visitor("gamma", gamma);
  visitor("beta", beta);
}

GroupNorm::GroupNorm(int group_count, std::int64_t channel_count, const NormLayerOptions& layer_options)
    : groups(group_count),
      channels(channel_count),
      options(layer_options),
      gamma(filled({channels}, options.scale, 1)),
      beta(filled({channels}, options.center, 0)) {
  NOYAU_CHECK(groups > 0 && channels % groups == 0, "group_norm: ", groups, " groups do not divide ",
              channels, " channels");
}
Tensor GroupNorm::operator()(const Tensor& x) const {
  return output(group_norm(x, gamma, beta, groups, options.epsilon));
}
void GroupNorm::visit(Visitor& visitor) {
  visitor("gamma", gamma);
  visitor("beta", beta);
}

std::vector<std::string> activation_names() { return names_of(kActivations); }
Activation activation_of(std::string_view name) {
  return value_of(kActivations, "activation", "function", name);
}
void append(std::string& text, Activation activation) { append(text, name_of(kActivations, activation)); }

Tensor Activate::operator()(const Tensor& x) const { return output(activate(x, activation)); }
Tensor Relu::operator()(const Tensor& x) const { return output(relu(x)); }
Tensor LeakyRelu::operator()(const Tensor& x) const { return output(leaky_relu(x, slope)); }
Tensor Elu::operator()(const Tensor& x) const { return output(elu(x, alpha)); }
Tensor Gelu::operator()(const Tensor& x) const { return output(gelu(x, form)); }
Tensor Silu::operator()(const Tensor& x) const { return output(silu(x)); }
Tensor Sigmoid::operator()(const Tensor& x) const { return output(sigmoid(x)); }
Tensor Tanh::operator()(const Tensor& x) const { return output(tanh(x)); }
Tensor Softplus::operator()(const Tensor& x) const { return output(softplus(x)); }
Tensor Softmax::operator()(const Tensor& x) const { return output(softmax(x, axis)); }
Tensor Scale::operator()(const Tensor& x) const { return output(mul(x, factor)); }

Tensor MaxPool::operator()(const Tensor& x) const { return output(max_pool2d(x, window, options)); }
Tensor AveragePool::operator()(const Tensor& x) const { return output(average_pool2d(x, window, options)); }
Tensor GlobalAveragePool::operator()(const Tensor& x) const { return output(global_average_pool(x)); }
Tensor GlobalMaxPool::operator()(const Tensor& x) const { return output(global_max_pool(x)); }

Tensor Flatten::operator()(const Tensor& x) const { return output(flatten(x)); }
Tensor Reshape::operator()(const Tensor& x) const {
  std::vector<std::int64_t> extents{x.dim(0)};
  extents.insert(extents.end(), shape.begin(), shape.end());
  return output(reshape(x, Shape(extents)));
}

Dropout::Dropout(double drop_rate) : rate(drop_rate) { check_rate("dropout", rate); }
Tensor Dropout::operator()(const Tensor& x) const {
  return output(training() && rate > 0 ? dropout(x, rate) : x);
}
SpatialDropout::SpatialDropout(double drop_rate) : rate(drop_rate) { check_rate("spatial_dropout", rate); }
Tensor SpatialDropout::operator()(const Tensor& x) const {
  return output(training() && rate > 0 ? spatial_dropout(x, rate) : x);
}

ZeroPad::ZeroPad(const Padding& zero_cells) : padding(zero_cells) {
  NOYAU_CHECK(padding.kind != Padding::Kind::same, "zero_pad: needs amounts, not 'same'");
}
Tensor ZeroPad::operator()(const Tensor& x) const {
  return output(pad(x, {{}, {padding.top, padding.bottom}, {padding.left, padding.right}, {}}));
}
Tensor Resize::operator()(const Tensor& x) const { return output(resize(x, size, mode)); }
Tensor UpSampling::operator()(const Tensor& x) const {
  return output(resize(x, {x.dim(1) * factor.h, x.dim(2) * factor.w}, mode));
}

}  // namespace noyau::inline v0
