#pragma once
/// \file
/// Every op, forward and backward. Images are [n, h, w, c]; convolution kernels [kh, kw, ic, oc]; dense kernels
/// [in, out]. Operands of one op share device and dtype (f32 or f64); a mix throws. An axis may be negative.

#include <optional>

#include "noyau/autograd.h"
#include "noyau/random.h"

namespace noyau::inline v0 {

/// \name Elementwise, with NumPy broadcasting
/// \{
NOYAU_API Tensor add(const Tensor& a, const Tensor& b);  ///< a + b
NOYAU_API Tensor sub(const Tensor& a, const Tensor& b);  ///< a - b
NOYAU_API Tensor mul(const Tensor& a, const Tensor& b);  ///< a * b
NOYAU_API Tensor div(const Tensor& a, const Tensor& b);  ///< a / b
/// The smaller; at a tie each gets half the gradient; NaN wins.
NOYAU_API Tensor minimum(const Tensor& a, const Tensor& b);
/// The larger; at a tie each gets half the gradient; NaN wins.
NOYAU_API Tensor maximum(const Tensor& a, const Tensor& b);
NOYAU_API Tensor add(const Tensor& a, double b);  ///< a + b
NOYAU_API Tensor mul(const Tensor& a, double b);  ///< a * b
NOYAU_API Tensor neg(const Tensor& x);            ///< -x
NOYAU_API Tensor abs(const Tensor& x);            ///< |x|; its gradient at 0 is 0.
NOYAU_API Tensor exp(const Tensor& x);            ///< e^x
NOYAU_API Tensor log(const Tensor& x);            ///< Natural logarithm.
NOYAU_API Tensor sqrt(const Tensor& x);           ///< Square root.
/// x^exponent; its gradient at 0 is 0 for exponent 0.
NOYAU_API Tensor pow(const Tensor& x, double exponent);
/// Limited to [low, high]; no gradient outside.
NOYAU_API Tensor clamp(const Tensor& x, double low, double high);
/// `a` where `condition` (u8) is not zero, else `b`; all three broadcast.
NOYAU_API Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
NOYAU_API Tensor less(const Tensor& a, const Tensor& b);      ///< u8: 1 where a < b, broadcast; no gradient.
NOYAU_API Tensor equal_to(const Tensor& a, const Tensor& b);  ///< u8: 1 where a == b, broadcast; no gradient.

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }    ///< add()
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }    ///< sub()
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }    ///< mul()
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }    ///< div()
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }           ///< add()
inline Tensor operator+(double a, const Tensor& b) { return add(b, a); }           ///< add()
inline Tensor operator-(const Tensor& a, double b) { return add(a, -b); }          ///< add()
inline Tensor operator-(double a, const Tensor& b) { return add(neg(b), a); }      ///< add()
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }           ///< mul()
inline Tensor operator*(double a, const Tensor& b) { return mul(b, a); }           ///< mul()
inline Tensor operator/(const Tensor& a, double b) { return mul(a, 1 / b); }       ///< mul()
inline Tensor operator/(double a, const Tensor& b) { return mul(pow(b, -1), a); }  ///< pow()
inline Tensor operator-(const Tensor& x) { return neg(x); }                        ///< neg()
/// \}

/// \name Activations
/// \{

/// Activation functions, for layers and fused ops.
enum class Activation : std::uint8_t {
  none,
  relu,
  leaky_relu,
  elu,
  gelu,
  gelu_tanh,
  silu,
  sigmoid,
  tanh,
  softplus
};
/// Forms of GELU: exact (erf), or Hendrycks and Gimpel's tanh approximation.
enum class GeluForm : std::uint8_t { exact, tanh };

NOYAU_API Tensor relu(const Tensor& x);                             ///< max(x, 0); its gradient at 0 is 0.
NOYAU_API Tensor leaky_relu(const Tensor& x, double slope = 0.01);  ///< x if x > 0, else slope * x.
NOYAU_API Tensor elu(const Tensor& x, double alpha = 1);            ///< x if x > 0, else alpha * (e^x - 1).
NOYAU_API Tensor gelu(const Tensor& x, GeluForm form = GeluForm::exact);  ///< x * Phi(x) (arXiv 1606.08415).
NOYAU_API Tensor silu(const Tensor& x);                                   ///< x * sigmoid(x)
NOYAU_API Tensor sigmoid(const Tensor& x);                                ///< 1 / (1 + e^-x)
NOYAU_API Tensor tanh(const Tensor& x);                                   ///< Hyperbolic tangent.
NOYAU_API Tensor softplus(const Tensor& x);                               ///< log(1 + e^x), without overflow.
/// The activation, with its default parameters.
NOYAU_API Tensor activate(const Tensor& x, Activation activation);
/// \}

/// \name Reductions; no axes means all of them, `keep_dims` leaves extents of 1
/// \{
using Axes = std::vector<int>;  ///< Axes of a reduction.

NOYAU_API Tensor sum(const Tensor& x, const Axes& axes = {}, bool keep_dims = false);   ///< Sum.
NOYAU_API Tensor mean(const Tensor& x, const Axes& axes = {}, bool keep_dims = false);  ///< Mean.
/// Mean squared distance from the mean, divided by (count - correction).
NOYAU_API Tensor variance(const Tensor& x, const Axes& axes = {}, bool keep_dims = false, int correction = 0);
/// Largest; ties share the gradient equally.
NOYAU_API Tensor max(const Tensor& x, const Axes& axes = {}, bool keep_dims = false);
/// Smallest; ties share the gradient equally.
NOYAU_API Tensor min(const Tensor& x, const Axes& axes = {}, bool keep_dims = false);
/// i32: first position of the largest.
NOYAU_API Tensor argmax(const Tensor& x, int axis = -1, bool keep_dims = false);
/// e^x / sum(e^x) along an axis.
NOYAU_API Tensor softmax(const Tensor& x, int axis = -1);
/// x - log(sum(e^x)) along an axis.
NOYAU_API Tensor log_softmax(const Tensor& x, int axis = -1);
/// The gradient of a broadcast: `x` summed to `shape`; throws unless `shape` broadcasts to x's.
NOYAU_API Tensor sum_to(const Tensor& x, const Shape& shape);
/// `x` repeated to `shape` by NumPy's rules.
NOYAU_API Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// \}

/// \name Shape
/// \{

/// The same elements under another shape, sharing storage; one extent may be -1. Throws when sizes differ.
NOYAU_API Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> extents);
/// The same for a shape that is known when the program runs.
NOYAU_API Tensor reshape(const Tensor& x, const Shape& shape);
/// [n, ...] to [n, product of the rest].
NOYAU_API Tensor flatten(const Tensor& x);
/// Axes in the given order; all axes reversed when empty.
NOYAU_API Tensor transpose(const Tensor& x, const Axes& order = {});
/// Tensors joined along `axis`; throws unless the other extents match.
NOYAU_API Tensor concat(const std::vector<Tensor>& parts, int axis);
/// Elements begin, begin + step, ... before `end` along `axis`; negative positions count from the end, step >= 1.
NOYAU_API Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end,
                       std::int64_t step = 1);
/// How pad() fills.
enum class PadMode : std::uint8_t { constant, reflect };
/// Cells to add before and after along one axis.
struct PadWidth {
  std::int64_t before = 0;  ///< Cells before the first.
  std::int64_t after = 0;   ///< Cells after the last.
};
/// `x` extended by `widths`, one per axis, with `value` or by reflection without repeating the edge (width < extent).
NOYAU_API Tensor pad(const Tensor& x, const std::vector<PadWidth>& widths, PadMode mode = PadMode::constant,
                     double value = 0);
/// Order reversed along each of `axes`.
NOYAU_API Tensor flip(const Tensor& x, const Axes& axes);
/// Rows `indices` (i32, any shape) of `x` along `axis`: shape x[:axis] + indices + x[axis+1:]. Throws on one out of range.
NOYAU_API Tensor gather(const Tensor& x, const Tensor& indices, int axis = 0);
/// `ids` (i32) as rows of 0 and 1: shape ids + [classes]. Throws on an id out of range.
NOYAU_API Tensor one_hot(const Tensor& ids, std::int64_t classes, Dtype dtype = Dtype::f32);
/// \}

/// \name Products
/// \{

/// Matrix product of the last two axes, [.., m, k] x [.., k, n]; leading axes broadcast.
NOYAU_API Tensor matmul(const Tensor& a, const Tensor& b);
/// x [.., in] times kernel [in, out] plus bias [out] (may be undefined).
NOYAU_API Tensor dense(const Tensor& x, const Tensor& kernel, const Tensor& bias = {});
/// \}

/// A height and a width; one number means both.
struct Size2 {
  std::int64_t h = 1;  ///< Vertical.
  std::int64_t w = 1;  ///< Horizontal.

  /// 1 x 1.
  constexpr Size2() = default;
  /// The same in both directions.
  constexpr Size2(std::int64_t both) : h(both), w(both) {}
  /// Height and width.
  constexpr Size2(std::int64_t height, std::int64_t width) : h(height), w(width) {}
  /// Same height and width.
  friend bool operator==(const Size2&, const Size2&) = default;
};
/// Appends `3` or `3x5`.
NOYAU_API void append(std::string& text, const Size2& size);

/// Zeros around an image.
struct NOYAU_API Padding {
  /// How the amounts are found.
  enum class Kind : std::uint8_t { same, valid, given };

  /// So much that out = ceil(in / stride); an odd total puts the extra cell at the bottom and right, as Keras does.
  static constexpr Padding same() { return Padding(Kind::same); }
  /// None.
  static constexpr Padding valid() { return Padding(Kind::valid); }
  /// The same amount on all four sides.
  constexpr Padding(std::int64_t all) : Padding(all, all, all, all) {}
  /// Amounts by side; must not be negative.
  constexpr Padding(std::int64_t above, std::int64_t below, std::int64_t before, std::int64_t after)
      : kind(Kind::given), top(above), bottom(below), left(before), right(after) {}

  Kind kind;                ///< How the amounts are found.
  std::int64_t top = 0;     ///< Rows above, when given.
  std::int64_t bottom = 0;  ///< Rows below, when given.
  std::int64_t left = 0;    ///< Columns to the left, when given.
  std::int64_t right = 0;   ///< Columns to the right, when given.

  /// Same kind and amounts.
  friend bool operator==(const Padding&, const Padding&) = default;

 private:
  constexpr explicit Padding(Kind rule) : kind(rule) {}
};

/// \name Convolution and pooling
/// \{

/// How conv2d() and its gradients are computed.
///
/// Winograd's F(m x m, 3 x 3) (Lavin and Gray, arXiv:1509.09308) applies to 3x3 kernels with stride 1, dilation 1 and one
/// group; elsewhere every choice computes the sum itself. The errors are the largest in f32, relative to the largest
/// output, with up to 128 channels.
enum class ConvAlgorithm : std::uint8_t {
  /// By shape, dtype and instruction set, never by timing; f64 is exact. $NOYAU_CONV names another.
  automatic,
  exact,      ///< The sum itself: error below 1e-6.
  winograd2,  ///< F(2 x 2, 3 x 3): 2.25 times fewer products, error below 1e-6.
  winograd4,  ///< F(4 x 4, 3 x 3): 4 times fewer products, error below 5e-6.
};
/// Writes `algorithm`'s name, such as "winograd4".
NOYAU_API void append(std::string& text, ConvAlgorithm algorithm);

/// Options of conv2d().
struct Conv2dOptions {
  Size2 stride = 1;                                    ///< Step of the window.
  Padding padding = Padding::same();                   ///< Zeros around the image.
  Size2 dilation = 1;                                  ///< Distance of the window's taps.
  int groups = 1;                                      ///< Channel groups; ic and oc must be multiples of it.
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< Of this pass and its gradients.
};
/// Cross-correlation of x [n, ih, iw, ic] with kernel [kh, kw, ic / groups, oc], plus bias [oc]: [n, oh, ow, oc].
NOYAU_API Tensor conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias = {},
                        const Conv2dOptions& options = {});

/// Options of conv2d_transpose().
struct ConvTranspose2dOptions {
  Size2 stride = 1;  ///< Distance of neighbouring inputs in the output.
  /// Of the convolution this is the adjoint of; same gives oh = ih * stride.
  Padding padding = Padding::same();
  Size2 dilation = 1;        ///< Distance of the window's taps.
  int groups = 1;            ///< Channel groups.
  Size2 output_padding = 0;  ///< Extra rows and columns at the bottom and right; below stride or dilation.
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< Of this pass and its gradients.
};
/// The adjoint of conv2d(): x [n, ih, iw, ic], kernel [kh, kw, oc / groups, ic], bias [oc]: [n, oh, ow, oc].
/// Unless padding is same, oh = (ih - 1) * stride - top - bottom + dilation * (kh - 1) + output_padding + 1.
NOYAU_API Tensor conv2d_transpose(const Tensor& x, const Tensor& kernel, const Tensor& bias = {},
                                  const ConvTranspose2dOptions& options = {});

/// Options of max_pool2d() and average_pool2d().
struct Pool2dOptions {
  std::optional<Size2> stride = {};  ///< Step of the window; the window itself when absent.
  /// Cells around the image; never chosen by max, nor counted by average unless below.
  Padding padding = Padding::valid();
  /// Average divides by the whole window (PyTorch's default); else by the cells inside.
  bool count_padding = false;
};
/// Largest of each window, [n, ih, iw, c] to [n, oh, ow, c]; the first of equals gets the gradient; NaN wins.
NOYAU_API Tensor max_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options = {});
/// Mean of each window, [n, ih, iw, c] to [n, oh, ow, c].
NOYAU_API Tensor average_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options = {});
NOYAU_API Tensor global_average_pool(const Tensor& x);  ///< Mean over h and w: [n, h, w, c] to [n, c].
NOYAU_API Tensor global_max_pool(const Tensor& x);      ///< Largest over h and w: [n, h, w, c] to [n, c].

/// How resize() reads between cells.
enum class ResizeMode : std::uint8_t {
  nearest,   ///< Cell floor((i + 0.5) * in / out), as Pillow and Keras.
  bilinear,  ///< Half-pixel centres, edges clamped, no antialiasing (PyTorch align_corners=False).
  bilinear_align_corners,  ///< First and last centres coincide.
  area,                    ///< Mean over the covered area, cells weighted by the share that is covered.
};
/// [n, ih, iw, c] to [n, size.h, size.w, c].
NOYAU_API Tensor resize(const Tensor& x, Size2 size, ResizeMode mode = ResizeMode::bilinear);
/// \}

/// \name Normalisation and dropout
/// \{

/// Options of batch_norm().
struct BatchNormOptions {
  double epsilon = 1e-3;  ///< Added to the variance.
  /// Share of the old moving average that is kept (Keras; PyTorch's is 1 - this).
  double momentum = 0.99;
  Activation activation = Activation::none;  ///< none or relu: applied in the same pass.
};
/// Batch normalisation over all axes but the last (arXiv 1502.03167): gamma * (x - mean) / sqrt(variance + epsilon) + beta.
///
/// `training` uses the batch's mean and biased variance, and moves `moving_mean` and `moving_variance` (may be
/// undefined) towards the mean and the unbiased variance as PyTorch does; otherwise those are used. gamma and beta [c]
/// may be undefined.
NOYAU_API Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                            const Tensor& moving_mean, const Tensor& moving_variance, bool training,
                            const BatchNormOptions& options = {});
/// Options of norm_block().
struct NormBlockOptions {
  double epsilon = 1e-3;                     ///< As BatchNormOptions.
  double momentum = 0.99;                    ///< As BatchNormOptions.
  Activation activation = Activation::none;  ///< What norm_block_takes().
  double slope = 0.01;                       ///< Of leaky_relu.
  bool pool = false;                         ///< Then max_pool2d(y, 2).
  double dropout = 0;                        ///< Then dropout() at this rate, in evaluation too.
};
/// dropout(max_pool2d(activate(batch_norm(x, ...) + residual), 2)) in one pass over memory, and its backward in two.
///
/// `residual` has the shape of x, or is undefined for none; pool and dropout, gelu and silu then take passes of their own.
/// Draws from `generator` what dropout() would. Throws where the ops would, and unless norm_block_takes() the activation.
NOYAU_API Tensor norm_block(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                            const Tensor& moving_mean, const Tensor& moving_variance, bool training,
                            const NormBlockOptions& options = {}, Generator& generator = default_generator(),
                            const Tensor& residual = {});
/// True for the activations that norm_block() knows: none, relu, gelu, silu, and leaky_relu unless its slope is negative.
NOYAU_API bool norm_block_takes(Activation activation, double slope = 0.01);
/// Layer normalisation over the last `axes` axes (arXiv 1607.06450); gamma and beta have their shape or are undefined.
NOYAU_API Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, int axes = 1,
                            double epsilon = 1e-3);
/// Group normalisation of [n, .., c] over `groups` of neighbouring channels (arXiv 1803.08494); gamma and beta [c].
NOYAU_API Tensor group_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, int groups,
                            double epsilon = 1e-3);
/// Each element is 0 with probability `rate` in [0, 1), else divided by 1 - rate.
NOYAU_API Tensor dropout(const Tensor& x, double rate, Generator& generator = default_generator());
/// dropout() of whole channels of [n, h, w, c].
NOYAU_API Tensor spatial_dropout(const Tensor& x, double rate, Generator& generator = default_generator());
/// \}

}  // namespace noyau::inline v0
