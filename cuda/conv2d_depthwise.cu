// Channel c of y is channel c of x, filtered by kernel[:, :, 0, c]: memory-bound, so a thread owns one output
// element.
#include "accumulate.h"
#include "conv2d.h"
#include "divide.h"
#include "kernel_trace.h"
#include "sums.h"

namespace noyau::inline v0 {
namespace {

// y[n, oh, ow, c] = bias[c] + residual + sum of x[n, oh * stride + kh * dilation - top, .., c] * kernel[kh, kw, 0, c]
template <class T>
struct Forward {
  Conv2dDims d;
  Divider by_c, by_ow, by_oh;
  const T* x;
  const T* kernel;
  const T* bias;
  const T* residual;
  bool relu;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t n = i;
    const std::int64_t c = by_c.split(n);
    const std::int64_t left = by_ow.split(n) * d.stride_w - d.left;
    const std::int64_t top = by_oh.split(n) * d.stride_h - d.top;
    accumulate_t<T> sum = bias == nullptr ? 0 : widen(bias[c]);
    for (std::int64_t kh = 0; kh < d.kh; ++kh) {
      const std::int64_t ih = top + kh * d.dilation_h;
      for (std::int64_t kw = 0; kw < d.kw; ++kw) {
        const std::int64_t iw = left + kw * d.dilation_w;
        if (ih < 0 || ih >= d.ih || iw < 0 || iw >= d.iw) continue;
        sum +=
            widen(x[((n * d.ih + ih) * d.iw + iw) * d.ic + c]) * widen(kernel[(kh * d.kw + kw) * d.ic + c]);
      }
    }
    if (residual != nullptr) sum += widen(residual[i]);
    y[i] = narrow<T>(relu && sum < 0 ? accumulate_t<T>(0) : sum);
  }
};

// dx[n, ih, iw, c] = bias[c] + sum of dy[n, oh, ow, c] * kernel[kh, kw, 0, c] over oh * stride + kh * dilation - top
// = ih
template <class T>
struct InputGradient {
  Conv2dDims d;
  Divider by_c, by_iw, by_ih, by_stride_h, by_stride_w;
  const T* dy;
  const T* kernel;
  const T* bias;
  T* dx;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t n = i;
    const std::int64_t c = by_c.split(n);
    const std::int64_t left = by_iw.split(n) + d.left;
    const std::int64_t top = by_ih.split(n) + d.top;
    accumulate_t<T> sum = bias == nullptr ? 0 : widen(bias[c]);
    for (std::int64_t kh = 0; kh < d.kh; ++kh) {
      std::int64_t oh = top - kh * d.dilation_h;
      if (oh < 0 || by_stride_h.split(oh) != 0 || oh >= d.oh) continue;
      for (std::int64_t kw = 0; kw < d.kw; ++kw) {
        std::int64_t ow = left - kw * d.dilation_w;
        if (ow < 0 || by_stride_w.split(ow) != 0 || ow >= d.ow) continue;
        sum +=
            widen(dy[((n * d.oh + oh) * d.ow + ow) * d.oc + c]) * widen(kernel[(kh * d.kw + kw) * d.ic + c]);
      }
    }
    dx[i] = narrow<T>(sum);
  }
};

// Contribution of pixel r of dy to dkernel[kh, kw, 0, c], whose number is the column.
template <class T>
struct KernelGradient {
  Conv2dDims d;
  Divider by_c, by_ow, by_oh;
  const T* x;
  const T* dy;
  __device__ void operator()(std::int64_t r, std::int64_t column, double (&sums)[1]) const {
    std::int64_t tap = column;
    const std::int64_t c = by_c.split(tap);
    std::int64_t n = r;
    const std::int64_t iw = by_ow.split(n) * d.stride_w - d.left + tap % d.kw * d.dilation_w;
    const std::int64_t ih = by_oh.split(n) * d.stride_h - d.top + tap / d.kw * d.dilation_h;
    if (ih < 0 || ih >= d.ih || iw < 0 || iw >= d.iw) return;
    sums[0] += static_cast<double>(widen(x[((n * d.ih + ih) * d.iw + iw) * d.ic + c])) *
               static_cast<double>(widen(dy[r * d.oc + c]));
  }
};

template <class T>
struct StoreSum {
  T* y;
  __device__ void operator()(std::int64_t i, const double (&sums)[1]) const {
    y[i] = narrow<T>(static_cast<accumulate_t<T>>(sums[0]));
  }
};

}  // namespace

template <class T>
void depthwise_forward(const Context& context, const Conv2dDims& d, const T* x, const T* kernel,
                       const T* bias, const T* residual, bool relu, T* y) {
  trace_kernel("conv2d_forward/cuda depthwise");
  launch_elements(
      context, d.n * d.oh * d.ow * d.oc,
      Forward<T>{d, Divider(d.oc), Divider(d.ow), Divider(d.oh), x, kernel, bias, residual, relu, y});
}

template <class T>
void depthwise_dinput(const Context& context, const Conv2dDims& d, const T* dy, const T* kernel,
                      const T* bias, T* dx) {
  trace_kernel("conv2d_dinput/cuda depthwise");
  launch_elements(context, d.n * d.ih * d.iw * d.ic,
                  InputGradient<T>{d, Divider(d.ic), Divider(d.iw), Divider(d.ih), Divider(d.stride_h),
                                   Divider(d.stride_w), dy, kernel, bias, dx});
}

template <class T>
void depthwise_dkernel(const Context& context, const Conv2dDims& d, const T* x, const T* dy, T* dkernel) {
  trace_kernel("conv2d_dkernel/cuda depthwise");
  column_sums<1>(context, d.n * d.oh * d.ow, d.kh * d.kw * d.oc,
                 KernelGradient<T>{d, Divider(d.oc), Divider(d.ow), Divider(d.oh), x, dy},
                 StoreSum<T>{dkernel});
}

template decltype(depthwise_forward<float>) depthwise_forward<float>;
template decltype(depthwise_forward<double>) depthwise_forward<double>;
template decltype(depthwise_forward<half>) depthwise_forward<half>;
template decltype(depthwise_forward<bfloat16>) depthwise_forward<bfloat16>;
template decltype(depthwise_dinput<float>) depthwise_dinput<float>;
template decltype(depthwise_dinput<double>) depthwise_dinput<double>;
template decltype(depthwise_dinput<half>) depthwise_dinput<half>;
template decltype(depthwise_dinput<bfloat16>) depthwise_dinput<bfloat16>;
template decltype(depthwise_dkernel<float>) depthwise_dkernel<float>;
template decltype(depthwise_dkernel<double>) depthwise_dkernel<double>;
template decltype(depthwise_dkernel<half>) depthwise_dkernel<half>;
template decltype(depthwise_dkernel<bfloat16>) depthwise_dkernel<bfloat16>;

}  // namespace noyau::inline v0
