#pragma once
// The three passes of a convolution, for the files that instantiate them.
#include "conv2d_operands.h"
#include "kernel_trace.h"
#include "slices.h"

namespace noyau::inline v0 {

// y[m, group * width + n] = value + bias + residual, 0 where that is negative if relu; with parts, instead
// parts[slice, m, group * width + n] = value.
template <class T>
struct Channels {
  using A = accumulate_t<T>;

  __device__ Channels of(unsigned group, unsigned slice) const {
    Channels result = *this;
    result.y += group * width;
    if (bias != nullptr) result.bias += group * width;
    if (residual != nullptr) result.residual += group * width;
    if (parts != nullptr) result.parts += slice * size + group * width;
    return result;
  }
  __device__ A ended(std::int64_t at, std::int64_t n, A value) const {
    if (bias != nullptr) value += widen(bias[n]);
    if (residual != nullptr) value += widen(residual[at]);
    return relu && value < 0 ? A(0) : value;
  }
  __device__ void operator()(std::int64_t m, std::int64_t n, A value) const {
    const std::int64_t at = m * pitch + n;
    if (parts == nullptr)
      y[at] = narrow<T>(ended(at, n, value));
    else
      parts[at] = value;
  }
  // Elements n and n + 1, where `paired`.
  __device__ void pair(std::int64_t m, std::int64_t n, A first, A second) const {
    const std::int64_t at = m * pitch + n;
    if (parts == nullptr)
      store_pair(y + at, ended(at, n, first), ended(at + 1, n + 1, second));
    else
      store_pair(parts + at, first, second);
  }

  T* y;
  const T* bias;
  std::int64_t pitch;
  std::int64_t width;
  const T* residual = nullptr;
  bool relu = false;
  A* parts = nullptr;
  std::int64_t size = 0;  // of a slice
  bool paired = in_pairs(y, pitch, width);
};

inline bool is_depthwise(const Conv2dDims& d) { return d.groups > 1 && d.ic == d.groups && d.oc == d.groups; }

// Coordinates of one image, taps and channels are 32 bits in the kernels; offsets are 64.
inline void check_extents(const Conv2dDims& d) {
  const std::int64_t most =
      std::max({d.ih * d.iw, d.oh * d.ow, d.n * d.oh * d.ow, d.kh * d.kw * std::max(d.ic, d.oc)});
  NOYAU_CHECK(most < INT32_MAX, "conv2d: ", d.n, " images of ", d.oh, "x", d.ow,
              " outputs are too many for the CUDA kernel; use a smaller batch");
}

inline GemmExtents extents(std::int64_t m, std::int64_t n, std::int64_t k, unsigned slices = 1) {
  const std::int64_t slice = std::max<std::int64_t>(1, ceil_div(k, slices));
  return {m, n, static_cast<int>(k), static_cast<int>(slice), slices};
}

// y[n, oh, ow, o] = bias[o] + residual + sum of x[n, oh * stride + kh * dilation - top, .., c] * kernel[kh, kw, c, o].
template <class T>
void Cuda::conv2d_forward(Context& context, const Conv2dDims& d, const T* x, const T* kernel, const T* bias,
                          const T* residual, bool relu, T* y) {
  if (d.n == 0) return;
  check_extents(d);
  if (is_depthwise(d)) return depthwise_forward(context, d, x, kernel, bias, residual, relu, y);
  trace_kernel("conv2d_forward/cuda");
  const Geometry g(d);
  launch_product<T>(context, extents(d.n * d.oh * d.ow, g.out, d.kh * d.kw * g.in),
                    static_cast<unsigned>(d.groups), Windows<T>{g, x}, Rows<T>{d.oc, g.out, kernel},
                    Channels<T>{y, bias, d.oc, g.out, residual, relu});
}

// dx[n, ih, iw, c] = bias[c] + sum of dy[n, oh, ow, o] * kernel[kh, kw, c, o] over oh * stride + kh * dilation - top
// = ih and the same for w.
template <class T>
void Cuda::conv2d_dinput(Context& context, const Conv2dDims& d, const T* dy, const T* kernel, const T* bias,
                         T* dx) {
  if (d.n == 0) return;
  check_extents(d);
  if (is_depthwise(d)) return depthwise_dinput(context, d, dy, kernel, bias, dx);
  trace_kernel("conv2d_dinput/cuda");
  const Geometry g(d);
  launch_product<T>(context, extents(d.n * d.ih * d.iw, g.in, d.kh * d.kw * g.out),
                    static_cast<unsigned>(d.groups),
                    Reached<T>{g, Divider32(d.stride_h), Divider32(d.stride_w), dy},
                    KernelColumns<T>{g, kernel}, Channels<T>{dx, bias, d.ic, g.in});
}

// dkernel[kh, kw, c, o] = sum of x[n, oh * stride + kh * dilation - top, .., c] * dy[n, oh, ow, o]; pixels are cut
// into slices by the shape alone, whose sums are added in order.
template <class T>
void Cuda::conv2d_dkernel(Context& context, const Conv2dDims& d, const T* x, const T* dy, T* dkernel) {
  check_extents(d);
  if (is_depthwise(d)) return depthwise_dkernel(context, d, x, dy, dkernel);
  trace_kernel("conv2d_dkernel/cuda");
  const Geometry g(d);
  const std::int64_t taps = d.kh * d.kw * g.in;
  const std::int64_t pixels = d.n * d.oh * d.ow;
  const std::int64_t size = taps * d.oc;
  const unsigned slices = slices_of_k(taps, g.out, pixels, d.groups);
  const auto run = [&](accumulate_t<T>* parts) {
    launch_product<T>(context, extents(taps, g.out, pixels, slices), static_cast<unsigned>(d.groups),
                      WindowsOfTaps<T>{g, x}, Rows<T>{d.oc, g.out, dy},
                      Channels<T>{dkernel, nullptr, d.oc, g.out, nullptr, false, parts, size});
  };
  sum_in_slices<T>(context, 1, slices, size, d.oc, nullptr, dkernel, run);
}

}  // namespace noyau::inline v0
