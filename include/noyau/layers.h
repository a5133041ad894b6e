#pragma once
/// \file
/// Layers: the ops as modules. Images are [n, h, w, c]. Parameters are named as in Keras.

#include "noyau/init.h"
#include "noyau/module.h"

namespace noyau::inline v0 {

/// Options of Conv2d and DepthwiseConv2d.
struct Conv2dLayerOptions {
  Size2 stride = 1;                                    ///< Step of the window.
  Padding padding = Padding::same();                   ///< Zeros around the image.
  Size2 dilation = 1;                                  ///< Distance of the window's taps.
  int groups = 1;                                      ///< Channel groups; DepthwiseConv2d has its own.
  bool bias = true;                                    ///< Adds a bias, at first 0.
  Initializer initializer = {};                        ///< Of the kernel.
  bool frozen = false;                                 ///< The kernel is not trained.
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< Of the output and the gradients.
};
/// Convolution, [n, ih, iw, in] to [n, oh, ow, out]: conv2d().
struct NOYAU_API Conv2d : Module {
  /// Kernel [window.h, window.w, in / groups, out] and bias [out]; throws unless groups divides both.
  Conv2d(std::int64_t in, std::int64_t out, Size2 window, const Conv2dLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  void visit(Visitor& visitor) override;     ///< Names kernel and bias.

  Conv2dLayerOptions options;  ///< As constructed.
  Parameter kernel;            ///< [kh, kw, in / groups, out]
  Parameter bias;              ///< [out], or undefined.
};
/// Convolution of each channel by itself: [n, ih, iw, in] to [n, oh, ow, in * multiplier] (Keras' DepthwiseConv2D).
struct NOYAU_API DepthwiseConv2d : Conv2d {
  /// Kernel [window.h, window.w, 1, in * multiplier]; output channel c reads input channel c / multiplier.
  DepthwiseConv2d(std::int64_t in, Size2 window, std::int64_t multiplier = 1,
                  const Conv2dLayerOptions& layer_options = {});
};

/// Options of ConvTranspose2d.
struct ConvTranspose2dLayerOptions {
  Size2 stride = 1;                   ///< Distance of neighbouring inputs in the output.
  Padding padding = Padding::same();  ///< Of the convolution this is the adjoint of.
  Size2 dilation = 1;                 ///< Distance of the window's taps.
  int groups = 1;                     ///< Channel groups.
  Size2 output_padding = 0;           ///< Extra rows and columns at the bottom and right.
  bool bias = true;                   ///< Adds a bias, at first 0.
  Initializer initializer = {};       ///< Of the kernel.
};
/// Transposed convolution, [n, ih, iw, in] to [n, oh, ow, out]: conv2d_transpose().
struct NOYAU_API ConvTranspose2d : Module {
  /// Kernel [window.h, window.w, out / groups, in] and bias [out]; throws unless groups divides both.
  ConvTranspose2d(std::int64_t in, std::int64_t out, Size2 window,
                  const ConvTranspose2dLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  void visit(Visitor& visitor) override;     ///< Names kernel and bias.

  ConvTranspose2dLayerOptions options;  ///< As constructed.
  Parameter kernel;                     ///< [kh, kw, out / groups, in]
  Parameter bias;                       ///< [out], or undefined.
};

/// Options of Dense.
struct DenseLayerOptions {
  bool bias = true;              ///< Adds a bias, at first 0.
  Initializer initializer = {};  ///< Of the kernel.
};
/// Matrix product, [.., in] to [.., out]: dense().
struct NOYAU_API Dense : Module {
  /// Kernel [in, out] and bias [out].
  Dense(std::int64_t in, std::int64_t out, const DenseLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  void visit(Visitor& visitor) override;     ///< Names kernel and bias.

  DenseLayerOptions options;  ///< As constructed.
  Parameter kernel;           ///< [in, out]
  Parameter bias;             ///< [out], or undefined.
};

/// Options of BatchNorm.
struct BatchNormLayerOptions {
  double epsilon = 1e-3;   ///< Added to the variance.
  double momentum = 0.99;  ///< Share of the old moving average that is kept (Keras; PyTorch's is 1 - this).
  bool scale = true;       ///< Has gamma, at first 1.
  bool center = true;      ///< Has beta, at first 0.
};
/// Batch normalisation over all axes but the last: batch_norm(). Its mode is training().
struct NOYAU_API BatchNorm : Module {
  /// Everything is [channels].
  explicit BatchNorm(std::int64_t channels, const BatchNormLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`; moves the averages while training.
  /// norm_block(): operator() and what `block` and `residual` add in one pass. Epsilon and momentum are this layer's.
  Tensor in_block(const Tensor& x, NormBlockOptions block, const Tensor& residual = {}) const;
  void visit(Visitor& visitor) override;  ///< Names gamma, beta, moving_mean and moving_variance.

  BatchNormLayerOptions options;  ///< As constructed.
  Parameter gamma;                ///< Factor, or undefined.
  Parameter beta;                 ///< Offset, or undefined.
  Buffer moving_mean;             ///< At first 0.
  Buffer moving_variance;         ///< At first 1.
};

/// Options of LayerNorm and GroupNorm.
struct NormLayerOptions {
  double epsilon = 1e-3;  ///< Added to the variance.
  bool scale = true;      ///< Has gamma, at first 1.
  bool center = true;     ///< Has beta, at first 0.
};
/// Normalisation of each row over its last axes: layer_norm().
struct NOYAU_API LayerNorm : Module {
  /// `shape` is that of the last axes, {channels} for the last alone.
  explicit LayerNorm(const Shape& shape, const NormLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  void visit(Visitor& visitor) override;     ///< Names gamma and beta.

  Shape shape;               ///< Of the last axes.
  NormLayerOptions options;  ///< As constructed.
  Parameter gamma;           ///< Factor, or undefined.
  Parameter beta;            ///< Offset, or undefined.
};
/// Normalisation over groups of channels: group_norm().
struct NOYAU_API GroupNorm : Module {
  /// Throws unless `groups` divides `channels`.
  GroupNorm(int groups, std::int64_t channels, const NormLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  void visit(Visitor& visitor) override;     ///< Names gamma and beta.

  int groups;                ///< Groups of neighbouring channels.
  std::int64_t channels;     ///< Channels of the input.
  NormLayerOptions options;  ///< As constructed.
  Parameter gamma;           ///< [channels], or undefined.
  Parameter beta;            ///< [channels], or undefined.
};

/// Base of layers with nothing to train.
struct NOYAU_API StatelessLayer : Module {
  void visit(Visitor&) override {}  ///< Names nothing.
};

/// Names of the functions that Activate and activate() know: "none", "relu", ...
NOYAU_API std::vector<std::string> activation_names();
/// The activation of that name; throws, with the nearest, on an unknown one.
NOYAU_API Activation activation_of(std::string_view name);
/// Appends the name.
NOYAU_API void append(std::string& text, Activation activation);

/// Any activation function with its default parameters: activate().
struct NOYAU_API Activate : StatelessLayer {
  /// The function.
  explicit Activate(Activation function) : activation(function) {}
  /// The function of that name; throws on an unknown one.
  explicit Activate(std::string_view name) : activation(activation_of(name)) {}
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.

  Activation activation;  ///< The function.
};
/// relu()
struct NOYAU_API Relu : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// leaky_relu()
struct NOYAU_API LeakyRelu : StatelessLayer {
  explicit LeakyRelu(double negative_slope = 0.01) : slope(negative_slope) {}  ///< Slope below 0.
  Tensor operator()(const Tensor& x) const;                                    ///< The output for `x`.
  double slope;                                                                ///< Slope below 0.
};
/// elu()
struct NOYAU_API Elu : StatelessLayer {
  explicit Elu(double limit = 1) : alpha(limit) {}  ///< Minus the limit at minus infinity.
  Tensor operator()(const Tensor& x) const;         ///< The output for `x`.
  double alpha;                                     ///< Minus the limit at minus infinity.
};
/// gelu()
struct NOYAU_API Gelu : StatelessLayer {
  explicit Gelu(GeluForm gelu_form = GeluForm::exact) : form(gelu_form) {}  ///< Exact, or by tanh.
  Tensor operator()(const Tensor& x) const;                                 ///< The output for `x`.
  GeluForm form;                                                            ///< Exact, or by tanh.
};
/// silu()
struct NOYAU_API Silu : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// sigmoid()
struct NOYAU_API Sigmoid : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// tanh()
struct NOYAU_API Tanh : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// softplus()
struct NOYAU_API Softplus : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// softmax(). Losses take logits: use it after training only.
struct NOYAU_API Softmax : StatelessLayer {
  explicit Softmax(int along = -1) : axis(along) {}  ///< Along an axis.
  Tensor operator()(const Tensor& x) const;          ///< The output for `x`.
  int axis;                                          ///< The axis.
};
/// Every element times a constant.
struct NOYAU_API Scale : StatelessLayer {
  explicit Scale(double constant) : factor(constant) {}  ///< The constant.
  Tensor operator()(const Tensor& x) const;              ///< The output for `x`.
  double factor;                                         ///< The constant.
};

/// max_pool2d()
struct NOYAU_API MaxPool : StatelessLayer {
  /// The step is the window unless options say otherwise.
  explicit MaxPool(Size2 pool_window, const Pool2dOptions& pool_options = {})
      : window(pool_window), options(pool_options) {}
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.

  Size2 window;           ///< Height and width.
  Pool2dOptions options;  ///< Step and padding.
};
/// average_pool2d()
struct NOYAU_API AveragePool : StatelessLayer {
  /// The step is the window unless options say otherwise.
  explicit AveragePool(Size2 pool_window, const Pool2dOptions& pool_options = {})
      : window(pool_window), options(pool_options) {}
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.

  Size2 window;           ///< Height and width.
  Pool2dOptions options;  ///< Step and padding.
};
/// global_average_pool()
struct NOYAU_API GlobalAveragePool : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// global_max_pool()
struct NOYAU_API GlobalMaxPool : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};

/// [n, ...] to [n, product of the rest].
struct NOYAU_API Flatten : StatelessLayer {
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
};
/// [n, ...] to [n, shape].
struct NOYAU_API Reshape : StatelessLayer {
  explicit Reshape(const Shape& row_shape) : shape(row_shape) {}  ///< Shape of a row.
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`; throws when sizes differ.
  Shape shape;                               ///< Shape of a row.
};

/// While training, each element is 0 with probability `rate`, else divided by 1 - rate: dropout().
struct NOYAU_API Dropout : StatelessLayer {
  explicit Dropout(double drop_rate);        ///< Throws unless the rate is in [0, 1).
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  double rate;                               ///< Probability of 0.
};
/// While training, drops whole channels: spatial_dropout().
struct NOYAU_API SpatialDropout : StatelessLayer {
  explicit SpatialDropout(double drop_rate);  ///< Throws unless the rate is in [0, 1).
  Tensor operator()(const Tensor& x) const;   ///< The output for `x`.
  double rate;                                ///< Probability of 0.
};

/// Zeros around an image.
struct NOYAU_API ZeroPad : StatelessLayer {
  explicit ZeroPad(const Padding& zeros);    ///< Amounts by side; throws on same.
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  Padding padding;                           ///< Amounts by side.
};
/// resize() to a given size.
struct NOYAU_API Resize : StatelessLayer {
  /// Height and width to make.
  explicit Resize(Size2 target, ResizeMode resize_mode = ResizeMode::bilinear)
      : size(target), mode(resize_mode) {}
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.

  Size2 size;       ///< Height and width to make.
  ResizeMode mode;  ///< How to read between cells.
};
/// resize() by a whole factor.
struct NOYAU_API UpSampling : StatelessLayer {
  /// Factors of height and width.
  explicit UpSampling(Size2 times, ResizeMode resize_mode = ResizeMode::nearest)
      : factor(times), mode(resize_mode) {}
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.

  Size2 factor;     ///< Factors of height and width.
  ResizeMode mode;  ///< How to read between cells.
};

}  // namespace noyau::inline v0
