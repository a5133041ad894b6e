#include <algorithm>
#include <limits>

#include "ops/autocast.h"
#include "ops/conv2d_kernels.h"

namespace noyau::inline v0 {

double flops_of(const Conv2dDims& d) {
  const std::int64_t terms = d.kh * d.kw * (d.ic / d.groups);
  return 2.0 * static_cast<double>(d.n * d.oh * d.ow * d.oc) * static_cast<double>(terms);
}

namespace {

// y = conv(x, kernel) is linear in both operands. Its two adjoints and itself are each other's gradients.
Tensor forward_op(const Conv2dDims& d, const Tensor& x, const Tensor& kernel, const Tensor& bias,
                  const Conv2dOptions& options, bool moments = false);
Tensor dinput_op(const Conv2dDims& d, const Tensor& dy, const Tensor& kernel, const Tensor& bias,
                 const ConvTranspose2dOptions& options);
Tensor dkernel_op(const Conv2dDims& d, const Tensor& x, const Tensor& dy);

template <class T>
const T* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.device_data<T>() : nullptr;
}

Tensor bias_gradient(const Tensor& bias, const Tensor& dy) {
  return bias.defined() && wants_grad(bias) ? sum_to(dy, bias.shape()) : Tensor();
}

Tensor forward_op(const Conv2dDims& d, const Tensor& x, const Tensor& kernel, const Tensor& bias,
                  const Conv2dOptions& options, bool moments) {
  const Tensor y = empty({d.n, d.oh, d.ow, d.oc}, {x.dtype(), x.device()});
  dispatch(StoredFloats{}, "conv2d", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    note_flops(flops_of(d));
    if constexpr (std::is_same_v<decltype(on), Cpu>) {
      if (moments && gives_moments(d)) {
        return convolve_with_moments<T>(d, x.device_data<T>(), kernel.device_data<T>(), data_or_null<T>(bias),
                                        y);
      }
    }
    on.template conv2d_forward<T>(context, d, x.device_data<T>(), kernel.device_data<T>(),
                                  data_or_null<T>(bias), nullptr, false, y.device_data<T>());
  });
  return record("conv2d", y, {x, kernel, bias},
                [=](const Tensor& dy, const Tensor&) -> Grads {
                  return {wants_grad(x) ? dinput_op(d, dy, kernel, {}, {}) : Tensor(),
                          wants_grad(kernel) ? dkernel_op(d, x, dy) : Tensor(), bias_gradient(bias, dy)};
                },
                {.differentiable = true, .reads_output = false, .options = options});
}

Tensor dinput_op(const Conv2dDims& d, const Tensor& dy, const Tensor& kernel, const Tensor& bias,
                 const ConvTranspose2dOptions& options) {
  const Tensor dx = empty({d.n, d.ih, d.iw, d.ic}, {dy.dtype(), dy.device()});
  dispatch(StoredFloats{}, "conv2d_transpose", dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    note_flops(flops_of(d));
    on.template conv2d_dinput<T>(context, d, dy.device_data<T>(), kernel.device_data<T>(),
                                 data_or_null<T>(bias), dx.device_data<T>());
  });
  return record("conv2d_transpose", dx, {dy, kernel, bias},
                [=](const Tensor& g, const Tensor&) -> Grads {
                  return {wants_grad(dy) ? forward_op(d, g, kernel, {}, {}) : Tensor(),
                          wants_grad(kernel) ? dkernel_op(d, g, dy) : Tensor(), bias_gradient(bias, g)};
                },
                {.differentiable = true, .reads_output = false, .options = options});
}

Tensor dkernel_op(const Conv2dDims& d, const Tensor& x, const Tensor& dy) {
  const Tensor dkernel = empty({d.kh, d.kw, d.ic / d.groups, d.oc}, {x.dtype(), x.device()});
  dispatch(StoredFloats{}, "conv2d_dkernel", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    note_flops(flops_of(d));
    on.template conv2d_dkernel<T>(context, d, x.device_data<T>(), dy.device_data<T>(),
                                  dkernel.device_data<T>());
  });
  return record("conv2d_dkernel", dkernel, {x, dy},
                [=](const Tensor& g, const Tensor&) -> Grads {
                  return {wants_grad(x) ? dinput_op(d, dy, g, {}, {}) : Tensor(),
                          wants_grad(dy) ? forward_op(d, x, g, {}, {}) : Tensor()};
                },
                {.differentiable = true, .reads_output = false});
}

void check_window(std::string_view op, const Tensor& x, const Tensor& kernel, const Size2& stride,
                  const Size2& dilation, const Padding& padding, int groups) {
  NOYAU_CHECK(x.rank() == 4, op, ": x must be [n, h, w, c], not ", x.shape());
  NOYAU_CHECK(kernel.rank() == 4, op, ": kernel must be [kh, kw, in, out], not ", kernel.shape());
  NOYAU_CHECK(kernel.size() > 0, op, ": the kernel is empty (", kernel.shape(), ")");
  NOYAU_CHECK(x.dim(1) >= 1 && x.dim(2) >= 1, op, ": the images have no pixels (x ", x.shape(), ")");
  NOYAU_CHECK(stride.h >= 1 && stride.w >= 1, op, ": stride is ", stride, "; at least 1 is needed");
  NOYAU_CHECK(dilation.h >= 1 && dilation.w >= 1, op, ": dilation is ", dilation, "; at least 1 is needed");
  NOYAU_CHECK(groups >= 1, op, ": groups is ", groups, "; at least 1 is needed");
  NOYAU_CHECK(padding.top >= 0 && padding.bottom >= 0 && padding.left >= 0 && padding.right >= 0, op,
              ": padding must not be negative (", padding.top, " above, ", padding.bottom, " below, ",
              padding.left, " left, ", padding.right, " right)");
}

void check_bias(std::string_view op, const Tensor& bias, std::int64_t channels) {
  NOYAU_CHECK(!bias.defined() || bias.shape() == Shape{channels}, op, ": bias is ", bias.shape(),
              " but there are ", channels, " output channels");
}

// Zeros before the first element, and the extent of the output.
struct Extent {
  std::int64_t before;
  std::int64_t out;
};

Extent forward_extent(const char* side, std::int64_t in, std::int64_t window, std::int64_t stride,
                      Padding::Kind kind, std::int64_t before, std::int64_t after) {
  if (kind == Padding::Kind::same) {
    const std::int64_t out = (in + stride - 1) / stride;
    return {std::max<std::int64_t>(0, (out - 1) * stride + window - in) / 2, out};
  }
  const std::int64_t padded = in + before + after;
  NOYAU_CHECK(padded >= window, "conv2d: the window, ", window, " cells ", side,
              ", is larger than the padded image, ", padded);
  return {before, (padded - window) / stride + 1};
}

Extent transposed_extent(const char* side, std::int64_t in, std::int64_t window, std::int64_t stride,
                         Padding::Kind kind, std::int64_t before, std::int64_t after, std::int64_t extra) {
  if (kind == Padding::Kind::same) {
    const std::int64_t out = in * stride + extra;
    return {std::max<std::int64_t>(0, (in - 1) * stride + window - in * stride) / 2, out};
  }
  const std::int64_t out = std::max<std::int64_t>(0, in - 1) * stride + window - before - after + extra;
  NOYAU_CHECK(out >= 1, "conv2d_transpose: the output would have ", out, " cells ", side,
              "; use less padding");
  return {before, out};
}

}  // namespace

void append(std::string& text, const Size2& size) {
  append(text, static_cast<long>(size.h));
  if (size.h != size.w) append(text, message("x", size.w));
}

namespace {

// The convolution of images [n, ih, iw, ic] to [n, oh, ow, oc].
template <class Options>
Conv2dDims make_dims(const Shape& in, const Shape& out, const Shape& kernel, const Extent& h, const Extent& w,
                     const Options& options) {
  return {.n = in[0],
          .ih = in[1],
          .iw = in[2],
          .ic = in[3],
          .oh = out[1],
          .ow = out[2],
          .oc = out[3],
          .kh = kernel[0],
          .kw = kernel[1],
          .stride_h = options.stride.h,
          .stride_w = options.stride.w,
          .top = h.before,
          .left = w.before,
          .dilation_h = options.dilation.h,
          .dilation_w = options.dilation.w,
          .groups = options.groups,
          .algorithm = options.algorithm};
}

}  // namespace

Conv2dDims conv2d_dims(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                       const Conv2dOptions& options) {
  constexpr const char* kOp = "conv2d";
  check_operands(kOp, {{"x", x}, {"kernel", kernel}, {"bias", bias}});
  NOYAU_CHECK(kernel.defined(), "conv2d: kernel is undefined");
  check_window(kOp, x, kernel, options.stride, options.dilation, options.padding, options.groups);
  const std::int64_t ic = x.dim(3);
  const std::int64_t oc = kernel.dim(3);
  const std::int64_t groups = options.groups;
  NOYAU_CHECK(ic % groups == 0 && oc % groups == 0, "conv2d: ", ic, " input and ", oc,
              " output channels do not split into ", groups, " groups");
  NOYAU_CHECK(kernel.dim(2) * groups == ic, "conv2d: x has ", ic, " channels but kernel expects ",
              kernel.dim(2) * groups, " (x ", x.shape(), ", kernel ", kernel.shape(),
              groups > 1 ? message(", ", groups, " groups)") : ")");
  check_bias(kOp, bias, oc);
  const Padding& pad = options.padding;
  const Extent h = forward_extent("high", x.dim(1), options.dilation.h * (kernel.dim(0) - 1) + 1,
                                  options.stride.h, pad.kind, pad.top, pad.bottom);
  const Extent w = forward_extent("wide", x.dim(2), options.dilation.w * (kernel.dim(1) - 1) + 1,
                                  options.stride.w, pad.kind, pad.left, pad.right);
  return make_dims(x.shape(), {x.dim(0), h.out, w.out, oc}, kernel.shape(), h, w, options);
}

namespace {

// Off the tape.
Tensor ended_op(const Conv2dDims& d, const Tensor& x, const Tensor& kernel, const Tensor& bias,
                const ConvolutionEnding& ending) {
  const Tensor y = empty({d.n, d.oh, d.ow, d.oc}, {x.dtype(), x.device()});
  dispatch(StoredFloats{}, "conv2d", x, [&](auto on, [[maybe_unused]] Context& context, auto type) {
    using T = typename decltype(type)::type;
    note_flops(flops_of(d));
    const T* const offsets = data_or_null<T>(bias);
    const T* const residual = data_or_null<T>(ending.residual);
    T* const to = y.device_data<T>();
    if constexpr (std::is_same_v<decltype(on), Cpu>)
      convolve_and_end<T>(d, x.device_data<T>(), kernel, convolution_end(offsets, residual, ending.relu, to));
    else
      on.template conv2d_forward<T>(context, d, x.device_data<T>(), kernel.device_data<T>(), offsets,
                                    residual, ending.relu, to);
  });
  return y;
}

bool takes_residual(const Conv2dDims& d, const Tensor& x, const Tensor& residual) {
  return !residual.defined() || (residual.shape() == Shape{d.n, d.oh, d.ow, d.oc} &&
                                 residual.dtype() == x.dtype() && residual.device() == x.device());
}

}  // namespace

Tensor conv2d_ended(const Tensor& x_, const Tensor& kernel_, const Tensor& bias_,
                    const Conv2dOptions& options, const ConvolutionEnding& ending) {
  const Tensor x = product_operand("conv2d", x_);
  const Tensor kernel = product_operand("conv2d", kernel_);
  const Tensor bias = product_operand("conv2d", bias_);
  const Conv2dDims d = conv2d_dims(x, kernel, bias, options);
  if (takes_residual(d, x, ending.residual) && !ending.norm && !records({x, kernel, bias, ending.residual}))
    return ended_op(d, x, kernel, bias, ending);
  Tensor y = forward_op(d, x, kernel, bias, options, ending.norm);
  if (ending.residual.defined()) y = add(y, ending.residual);
  return ending.relu ? relu(y) : y;
}

Tensor conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2dOptions& options) {
  return conv2d_ended(x, kernel, bias, options, {});
}

Tensor conv2d_transpose(const Tensor& x_, const Tensor& kernel_, const Tensor& bias_,
                        const ConvTranspose2dOptions& options) {
  constexpr const char* kOp = "conv2d_transpose";
  const Tensor x = product_operand(kOp, x_);
  const Tensor kernel = product_operand(kOp, kernel_);
  const Tensor bias = product_operand(kOp, bias_);
  check_operands(kOp, {{"x", x}, {"kernel", kernel}, {"bias", bias}});
  NOYAU_CHECK(kernel.defined(), "conv2d_transpose: kernel is undefined");
  check_window(kOp, x, kernel, options.stride, options.dilation, options.padding, options.groups);
  const std::int64_t groups = options.groups;
  const std::int64_t in = x.dim(3);
  const std::int64_t out = kernel.dim(2) * groups;
  NOYAU_CHECK(kernel.dim(3) == in, "conv2d_transpose: x has ", in, " channels but kernel expects ",
              kernel.dim(3), " (x ", x.shape(), ", kernel ", kernel.shape(), ")");
  NOYAU_CHECK(in % groups == 0, "conv2d_transpose: ", in, " input channels do not split into ", groups,
              " groups");
  check_bias(kOp, bias, out);
  const Size2& extra = options.output_padding;
  NOYAU_CHECK(extra.h >= 0 && extra.w >= 0 && extra.h < std::max(options.stride.h, options.dilation.h) &&
                  extra.w < std::max(options.stride.w, options.dilation.w),
              "conv2d_transpose: output_padding ", extra, " must be below stride ", options.stride,
              " or dilation ", options.dilation);
  const Padding& pad = options.padding;
  const Extent h = transposed_extent("high", x.dim(1), options.dilation.h * (kernel.dim(0) - 1) + 1,
                                     options.stride.h, pad.kind, pad.top, pad.bottom, extra.h);
  const Extent w = transposed_extent("wide", x.dim(2), options.dilation.w * (kernel.dim(1) - 1) + 1,
                                     options.stride.w, pad.kind, pad.left, pad.right, extra.w);
  const Conv2dDims d = make_dims({x.dim(0), h.out, w.out, out}, x.shape(), kernel.shape(), h, w, options);
  return dinput_op(d, x, kernel, bias, options);
}

}  // namespace noyau::inline v0
