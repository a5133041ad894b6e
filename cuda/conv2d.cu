// Convolutions as products of matrices whose elements are looked up in the images: nothing is unfolded in memory.
#include "conv2d.h"
#include "divide.h"
#include "gemm.h"
#include "kernel_trace.h"
#include "runtime.h"

namespace noyau::inline v0 {
namespace {

// Geometry that operands share, with the divisions that find taps and pixels.
struct Geometry {
  explicit Geometry(const Conv2dDims& d_)
      : d(d_),
        in(static_cast<int>(d.ic / d.groups)),
        out(static_cast<int>(d.oc / d.groups)),
        by_in(in),
        by_out(out),
        by_kw(d.kw),
        by_ow(d.ow),
        by_oh(d.oh) {}

  Conv2dDims d;
  int in;  // channels of a group
  int out;
  Divider32 by_in, by_out, by_kw, by_ow, by_oh;
};

// One output pixel's window, or one input pixel's place among the windows.
struct Pixel {
  bool inside;
  std::int64_t image;  // offset of the other tensor's image
  int h;
  int w;
};

// A tap and a channel of the kernel.
struct Tap {
  int h;
  int w;
  int channel;
  std::int64_t offset;
};

// a(m, k) = x[n, oh * stride + kh * dilation - top, .., c] for pixel m = (n, oh, ow) and k = (kh, kw, c).
template <class T>
struct Windows {
  static constexpr bool kAlongK = true;
  using Line = Pixel;

  __device__ Windows of(unsigned group) const {
    Windows result = *this;
    result.x += group * static_cast<std::int64_t>(g.in);
    return result;
  }
  __device__ Line line(std::int64_t m) const {
    const Conv2dDims& d = g.d;
    const std::int64_t ow = m % d.ow;
    const std::int64_t row = m / d.ow;
    return {row < d.n * d.oh, row / d.oh * d.ih * d.iw * d.ic,
            static_cast<int>(row % d.oh * d.stride_h - d.top), static_cast<int>(ow * d.stride_w - d.left)};
  }
  __device__ Tap depth(int k) const {
    const int channel = g.by_in.split(k);
    const int kw = g.by_kw.split(k);
    return {k * static_cast<int>(g.d.dilation_h), kw * static_cast<int>(g.d.dilation_w), channel, 0};
  }
  __device__ T operator()(const Line& p, const Tap& tap) const {
    const int h = p.h + tap.h;
    const int w = p.w + tap.w;
    if (!p.inside || h < 0 || h >= g.d.ih || w < 0 || w >= g.d.iw) return T(0);
    return x[p.image + (h * g.d.iw + w) * g.d.ic + tap.channel];
  }

  Geometry g;
  const T* x;
};

// b(k, n) = matrix[k, o] for n = o: rows k are the kernel's (kh, kw, c), or the pixels (n, oh, ow) of dy.
template <class T>
struct Rows {
  static constexpr bool kAlongK = false;
  using Line = std::int64_t;

  __device__ Rows of(unsigned group) const {
    Rows result = *this;
    result.matrix += group * width;
    return result;
  }
  __device__ Line line(std::int64_t n) const { return n < width ? n : -1; }
  __device__ std::int64_t depth(int k) const { return k * pitch; }
  __device__ T operator()(Line o, std::int64_t k) const { return o < 0 ? T(0) : matrix[k + o]; }

  std::int64_t pitch;
  std::int64_t width;
  const T* matrix;
};

// a(m, k) = dy[n, oh, ow, o] for pixel m = (n, ih, iw) and k = (kh, kw, o), where oh * stride + kh * dilation - top =
// ih.
template <class T>
struct Reached {
  static constexpr bool kAlongK = true;
  using Line = Pixel;

  __device__ Reached of(unsigned group) const {
    Reached result = *this;
    result.dy += group * static_cast<std::int64_t>(g.out);
    return result;
  }
  __device__ Line line(std::int64_t m) const {
    const Conv2dDims& d = g.d;
    const std::int64_t iw = m % d.iw;
    const std::int64_t row = m / d.iw;
    return {row < d.n * d.ih, row / d.ih * d.oh * d.ow * d.oc, static_cast<int>(row % d.ih + d.top),
            static_cast<int>(iw + d.left)};
  }
  __device__ Tap depth(int k) const {
    const int channel = g.by_out.split(k);
    const int kw = g.by_kw.split(k);
    return {k * static_cast<int>(g.d.dilation_h), kw * static_cast<int>(g.d.dilation_w), channel, 0};
  }
  __device__ T operator()(const Line& p, const Tap& tap) const {
    int h = p.h - tap.h;
    int w = p.w - tap.w;
    if (!p.inside || h < 0 || w < 0) return T(0);
    if (by_stride_h.split(h) != 0 || by_stride_w.split(w) != 0 || h >= g.d.oh || w >= g.d.ow) return T(0);
    return dy[p.image + (h * g.d.ow + w) * g.d.oc + tap.channel];
  }

  Geometry g;
  Divider32 by_stride_h, by_stride_w;
  const T* dy;
};

// b(k, n) = kernel[kh, kw, c, o] for k = (kh, kw, o) and n = c
template <class T>
struct KernelColumns {
  static constexpr bool kAlongK = true;
  using Line = std::int64_t;

  __device__ KernelColumns of(unsigned group) const {
    KernelColumns result = *this;
    result.kernel += group * static_cast<std::int64_t>(g.out);
    return result;
  }
  __device__ Line line(std::int64_t n) const { return n < g.in ? n * g.d.oc : -1; }
  __device__ std::int64_t depth(int k) const {
    const int o = g.by_out.split(k);
    return k * g.d.oc * g.in + o;
  }
  __device__ T operator()(Line c, std::int64_t k) const { return c < 0 ? T(0) : kernel[k + c]; }

  Geometry g;
  const T* kernel;
};

// a(m, k) = x[n, oh * stride + kh * dilation - top, .., c] for m = (kh, kw, c) and pixel k = (n, oh, ow).
template <class T>
struct WindowsOfTaps {
  static constexpr bool kAlongK = false;
  using Line = Tap;

  __device__ WindowsOfTaps of(unsigned group) const {
    WindowsOfTaps result = *this;
    result.x += group * static_cast<std::int64_t>(g.in);
    return result;
  }
  __device__ Line line(std::int64_t m) const {
    const std::int64_t kh = m / g.in / g.d.kw;
    if (kh >= g.d.kh) return {-1, -1, -1, 0};
    return {static_cast<int>(kh * g.d.dilation_h - g.d.top),
            static_cast<int>(m / g.in % g.d.kw * g.d.dilation_w - g.d.left), static_cast<int>(m % g.in), 0};
  }
  __device__ Pixel depth(int k) const {
    const int ow = g.by_ow.split(k);
    const int oh = g.by_oh.split(k);
    return {true, k * g.d.ih * g.d.iw * g.d.ic, oh * static_cast<int>(g.d.stride_h),
            ow * static_cast<int>(g.d.stride_w)};
  }
  __device__ T operator()(const Line& tap, const Pixel& p) const {
    const int h = p.h + tap.h;
    const int w = p.w + tap.w;
    if (tap.channel < 0 || h < 0 || h >= g.d.ih || w < 0 || w >= g.d.iw) return T(0);
    return x[p.image + (h * g.d.iw + w) * g.d.ic + tap.channel];
  }

  Geometry g;
  const T* x;
};

// y[m, group * width + n] = value + bias, of slices `size` apart
template <class T>
struct Channels {
  __device__ Channels of(unsigned group, unsigned slice) const {
    Channels result = *this;
    result.y += slice * size + group * width;
    if (bias != nullptr) result.bias += group * width;
    return result;
  }
  __device__ void operator()(std::int64_t m, std::int64_t n, T value) const {
    y[m * pitch + n] = bias == nullptr ? value : value + bias[n];
  }

  T* y;
  const T* bias;
  std::int64_t pitch;
  std::int64_t width;
  std::int64_t size;
};

// y[i] = sum over slices s in order of parts[s, i]
template <class T>
struct SumSlices {
  __device__ void operator()(std::int64_t i) const {
    T total = 0;
    for (std::int64_t s = 0; s < slices; ++s) total += parts[s * size + i];
    y[i] = total;
  }

  const T* parts;
  T* y;
  std::int64_t size;
  std::int64_t slices;
};

bool is_depthwise(const Conv2dDims& d) { return d.groups > 1 && d.ic == d.groups && d.oc == d.groups; }

// Coordinates of one image, taps and channels are 32 bits in the kernels; offsets are 64.
void check_extents(const Conv2dDims& d) {
  const std::int64_t most =
      std::max({d.ih * d.iw, d.oh * d.ow, d.n * d.oh * d.ow, d.kh * d.kw * std::max(d.ic, d.oc)});
  NOYAU_CHECK(most < INT32_MAX, "conv2d: ", d.n, " images of ", d.oh, "x", d.ow,
              " outputs are too many for the CUDA kernel; use a smaller batch");
}

GemmExtents extents(std::int64_t m, std::int64_t n, std::int64_t k, unsigned slices = 1) {
  const std::int64_t slice = std::max<std::int64_t>(1, ceil_div(k, slices));
  return {m, n, static_cast<int>(k), static_cast<int>(slice), slices};
}

}  // namespace

// y[n, oh, ow, o] = bias[o] + sum of x[n, oh * stride + kh * dilation - top, .., c] * kernel[kh, kw, c, o].
template <class T>
void Cuda::conv2d_forward(Context& context, const Conv2dDims& d, const T* x, const T* kernel, const T* bias,
                          T* y) {
  if (d.n == 0) return;
  check_extents(d);
  if (is_depthwise(d)) return depthwise_forward(context, d, x, kernel, bias, y);
  trace_kernel("conv2d_forward/cuda");
  const Geometry g(d);
  launch_gemm<T>(context, extents(d.n * d.oh * d.ow, g.out, d.kh * d.kw * g.in),
                 static_cast<unsigned>(d.groups), Windows<T>{g, x}, Rows<T>{d.oc, g.out, kernel},
                 Channels<T>{y, bias, d.oc, g.out, 0});
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
  launch_gemm<T>(context, extents(d.n * d.ih * d.iw, g.in, d.kh * d.kw * g.out),
                 static_cast<unsigned>(d.groups),
                 Reached<T>{g, Divider32(d.stride_h), Divider32(d.stride_w), dy}, KernelColumns<T>{g, kernel},
                 Channels<T>{dx, bias, d.ic, g.in, 0});
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
  const auto run = [&](T* to) {
    launch_gemm<T>(context, extents(taps, g.out, pixels, slices), static_cast<unsigned>(d.groups),
                   WindowsOfTaps<T>{g, x}, Rows<T>{d.oc, g.out, dy},
                   Channels<T>{to, nullptr, d.oc, g.out, size});
  };
  if (slices == 1) return run(dkernel);
  const Scratch<T> parts(context, slices * size);
  run(parts.data());
  launch_elements(context, size, SumSlices<T>{parts.data(), dkernel, size, slices});
}

template decltype(Cuda::conv2d_forward<float>) Cuda::conv2d_forward<float>;
template decltype(Cuda::conv2d_forward<double>) Cuda::conv2d_forward<double>;
template decltype(Cuda::conv2d_dinput<float>) Cuda::conv2d_dinput<float>;
template decltype(Cuda::conv2d_dinput<double>) Cuda::conv2d_dinput<double>;
template decltype(Cuda::conv2d_dkernel<float>) Cuda::conv2d_dkernel<float>;
template decltype(Cuda::conv2d_dkernel<double>) Cuda::conv2d_dkernel<double>;

}  // namespace noyau::inline v0
