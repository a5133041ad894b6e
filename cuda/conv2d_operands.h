#pragma once
// Convolutions as products of matrices whose elements are looked up in the images: nothing is unfolded in memory.
#include "conv2d.h"
#include "divide.h"
#include "tensor_gemm.h"

namespace noyau::inline v0 {

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
  __device__ const T* at(const Line& p, const Tap& tap) const {
    const int h = p.h + tap.h;
    const int w = p.w + tap.w;
    if (!p.inside || h < 0 || h >= g.d.ih || w < 0 || w >= g.d.iw) return nullptr;
    return x + p.image + (h * g.d.iw + w) * g.d.ic + tap.channel;
  }

  Geometry g;
  const T* x;
  bool chunked = in_chunks(x, g.in);
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
  __device__ const T* at(Line o, std::int64_t k) const { return o < 0 ? nullptr : matrix + k + o; }

  std::int64_t pitch;
  std::int64_t width;
  const T* matrix;
  bool chunked = in_chunks(matrix, width);
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
  __device__ const T* at(const Line& p, const Tap& tap) const {
    int h = p.h - tap.h;
    int w = p.w - tap.w;
    if (!p.inside || h < 0 || w < 0) return nullptr;
    if (by_stride_h.split(h) != 0 || by_stride_w.split(w) != 0 || h >= g.d.oh || w >= g.d.ow) return nullptr;
    return dy + p.image + (h * g.d.ow + w) * g.d.oc + tap.channel;
  }

  Geometry g;
  Divider32 by_stride_h, by_stride_w;
  const T* dy;
  bool chunked = in_chunks(dy, g.out);
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
  __device__ const T* at(Line c, std::int64_t k) const { return c < 0 ? nullptr : kernel + k + c; }

  Geometry g;
  const T* kernel;
  bool chunked = in_chunks(kernel, g.out);
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
    int kh = static_cast<int>(m);
    const int channel = g.by_in.split(kh);
    const int kw = g.by_kw.split(kh);
    if (kh >= g.d.kh) return {-1, -1, -1, 0};
    return {static_cast<int>(kh * g.d.dilation_h - g.d.top), static_cast<int>(kw * g.d.dilation_w - g.d.left),
            channel, 0};
  }
  __device__ Pixel depth(int k) const {
    const int ow = g.by_ow.split(k);
    const int oh = g.by_oh.split(k);
    return {true, k * g.d.ih * g.d.iw * g.d.ic, oh * static_cast<int>(g.d.stride_h),
            ow * static_cast<int>(g.d.stride_w)};
  }
  __device__ const T* at(const Line& tap, const Pixel& p) const {
    const int h = p.h + tap.h;
    const int w = p.w + tap.w;
    if (tap.channel < 0 || h < 0 || h >= g.d.ih || w < 0 || w >= g.d.iw) return nullptr;
    return x + p.image + (h * g.d.iw + w) * g.d.ic + tap.channel;
  }

  Geometry g;
  const T* x;
  bool chunked = in_chunks(x, g.in);
};

}  // namespace noyau::inline v0
