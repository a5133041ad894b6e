#include <limits>

#include "accumulate.h"
#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

// An element of y [n, oh, ow, c] and the taps of its window that lie inside the image.
struct Window {
  __device__ Window(const Pool2dDims& d, std::int64_t n, std::int64_t oh, std::int64_t ow)
      : top(oh * d.stride_h - d.top),
        left(ow * d.stride_w - d.left),
        kh0(top < 0 ? -top : 0),
        kh1(d.kh < d.ih - top ? d.kh : d.ih - top),
        kw0(left < 0 ? -left : 0),
        kw1(d.kw < d.iw - left ? d.kw : d.iw - left),
        image(n * d.ih * d.iw) {}

  __device__ std::int64_t cell(const Pool2dDims& d, std::int64_t kh, std::int64_t kw) const {
    return (image + (top + kh) * d.iw + left + kw) * d.c;
  }
  // 1 / the number of cells that an average divides by
  template <class T>
  __device__ T share(const Pool2dDims& d) const {
    return T(1) / static_cast<T>(d.count_padding ? d.kh * d.kw : (kh1 - kh0) * (kw1 - kw0));
  }

  std::int64_t top, left;  // image position of tap (0, 0)
  std::int64_t kh0, kh1, kw0, kw1;
  std::int64_t image;
};

// Splits an index of [n, h, w, c].
struct Cells {
  Cells(std::int64_t h, std::int64_t w, std::int64_t c) : by_h(h), by_w(w), by_c(c) {}
  __device__ void split(std::int64_t& n, std::int64_t& h, std::int64_t& w, std::int64_t& c) const {
    c = by_c.split(n);
    w = by_w.split(n);
    h = by_h.split(n);
  }
  Divider by_h, by_w, by_c;
};

// The windows along one axis that cover a cell: outputs first .. last.
struct Covering {
  __device__ Covering(std::int64_t cell, std::int64_t window, std::int64_t stride, std::int64_t out)
      : first(cell < window ? 0 : (cell - window) / stride + 1),
        last(cell / stride < out - 1 ? cell / stride : out - 1) {}
  std::int64_t first, last;
};

// y[n, oh, ow, c] = max over taps of x[n, oh * stride + kh - top, ow * stride + kw - left, c], the first of equals,
// NaN before numbers.
template <class T, class Index>
struct MaxForward {
  Pool2dDims d;
  Cells cells;
  const T* x;
  T* y;
  Index* index;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t n = i, oh, ow, c;
    cells.split(n, oh, ow, c);
    const Window window(d, n, oh, ow);
    std::int64_t tap = window.kh0 * d.kw + window.kw0;
    accumulate_t<T> best = widen(x[window.cell(d, window.kh0, window.kw0) + c]);
    for (std::int64_t kh = window.kh0; kh < window.kh1; ++kh) {
      for (std::int64_t kw = window.kw0; kw < window.kw1; ++kw) {
        const accumulate_t<T> value = widen(x[window.cell(d, kh, kw) + c]);
        if (!(value > best || (value != value && best == best))) continue;
        best = value;
        tap = kh * d.kw + kw;
      }
    }
    y[i] = narrow<T>(best);
    if (index != nullptr) index[i] = static_cast<Index>(tap);
  }
};

// dx[n, ih, iw, c] = sum of dy over the windows whose index names this cell
template <class T, class Index>
struct MaxInputGradient {
  Pool2dDims d;
  Cells cells;
  const T* dy;
  const Index* index;
  T* dx;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t n = i, ih, iw, c;
    cells.split(n, ih, iw, c);
    const Covering rows(ih + d.top, d.kh, d.stride_h, d.oh);
    const Covering columns(iw + d.left, d.kw, d.stride_w, d.ow);
    accumulate_t<T> sum = 0;
    for (std::int64_t oh = rows.first; oh <= rows.last; ++oh) {
      for (std::int64_t ow = columns.first; ow <= columns.last; ++ow) {
        const std::int64_t tap = (ih + d.top - oh * d.stride_h) * d.kw + iw + d.left - ow * d.stride_w;
        const std::int64_t at = ((n * d.oh + oh) * d.ow + ow) * d.c + c;
        if (index[at] == static_cast<Index>(tap)) sum += widen(dy[at]);
      }
    }
    dx[i] = narrow<T>(sum);
  }
};

// y[n, oh, ow, c] = sum over taps of x[n, oh * stride + kh - top, ow * stride + kw - left, c] / cells
template <class T>
struct AverageForward {
  Pool2dDims d;
  Cells cells;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t n = i, oh, ow, c;
    cells.split(n, oh, ow, c);
    const Window window(d, n, oh, ow);
    accumulate_t<T> sum = 0;
    for (std::int64_t kh = window.kh0; kh < window.kh1; ++kh) {
      for (std::int64_t kw = window.kw0; kw < window.kw1; ++kw) sum += widen(x[window.cell(d, kh, kw) + c]);
    }
    y[i] = narrow<T>(sum * window.share<accumulate_t<T>>(d));
  }
};

// dx[n, ih, iw, c] = sum over the windows that cover the cell of dy / cells
template <class T>
struct AverageInputGradient {
  Pool2dDims d;
  Cells cells;
  const T* dy;
  T* dx;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t n = i, ih, iw, c;
    cells.split(n, ih, iw, c);
    const Covering rows(ih + d.top, d.kh, d.stride_h, d.oh);
    const Covering columns(iw + d.left, d.kw, d.stride_w, d.ow);
    accumulate_t<T> sum = 0;
    for (std::int64_t oh = rows.first; oh <= rows.last; ++oh) {
      for (std::int64_t ow = columns.first; ow <= columns.last; ++ow) {
        sum += widen(dy[((n * d.oh + oh) * d.ow + ow) * d.c + c]) *
               Window(d, n, oh, ow).share<accumulate_t<T>>(d);
      }
    }
    dx[i] = narrow<T>(sum);
  }
};

Cells outputs(const Pool2dDims& d) { return Cells(d.oh, d.ow, d.c); }
Cells inputs(const Pool2dDims& d) { return Cells(d.ih, d.iw, d.c); }
std::int64_t output_count(const Pool2dDims& d) { return d.n * d.oh * d.ow * d.c; }
std::int64_t input_count(const Pool2dDims& d) { return d.n * d.ih * d.iw * d.c; }

}  // namespace

template <class T, class Index>
void Cuda::max_pool_forward(Context& context, const Pool2dDims& d, const T* x, T* y, Index* index) {
  launch_elements(context, output_count(d), MaxForward<T, Index>{d, outputs(d), x, y, index});
}

template <class T, class Index>
void Cuda::max_pool_dinput(Context& context, const Pool2dDims& d, const T* dy, const Index* index, T* dx) {
  launch_elements(context, input_count(d), MaxInputGradient<T, Index>{d, inputs(d), dy, index, dx});
}

template <class T>
void Cuda::average_pool_forward(Context& context, const Pool2dDims& d, const T* x, T* y) {
  launch_elements(context, output_count(d), AverageForward<T>{d, outputs(d), x, y});
}

template <class T>
void Cuda::average_pool_dinput(Context& context, const Pool2dDims& d, const T* dy, T* dx) {
  launch_elements(context, input_count(d), AverageInputGradient<T>{d, inputs(d), dy, dx});
}

template decltype(Cuda::max_pool_forward<float, std::uint8_t>) Cuda::max_pool_forward<float, std::uint8_t>;
template decltype(Cuda::max_pool_forward<double, std::uint8_t>) Cuda::max_pool_forward<double, std::uint8_t>;
template decltype(Cuda::max_pool_forward<half, std::uint8_t>) Cuda::max_pool_forward<half, std::uint8_t>;
template decltype(Cuda::max_pool_forward<bfloat16, std::uint8_t>)
    Cuda::max_pool_forward<bfloat16, std::uint8_t>;
template decltype(Cuda::max_pool_forward<float, std::int32_t>) Cuda::max_pool_forward<float, std::int32_t>;
template decltype(Cuda::max_pool_forward<double, std::int32_t>) Cuda::max_pool_forward<double, std::int32_t>;
template decltype(Cuda::max_pool_forward<half, std::int32_t>) Cuda::max_pool_forward<half, std::int32_t>;
template decltype(Cuda::max_pool_forward<bfloat16, std::int32_t>)
    Cuda::max_pool_forward<bfloat16, std::int32_t>;
template decltype(Cuda::max_pool_dinput<float, std::uint8_t>) Cuda::max_pool_dinput<float, std::uint8_t>;
template decltype(Cuda::max_pool_dinput<double, std::uint8_t>) Cuda::max_pool_dinput<double, std::uint8_t>;
template decltype(Cuda::max_pool_dinput<half, std::uint8_t>) Cuda::max_pool_dinput<half, std::uint8_t>;
template decltype(Cuda::max_pool_dinput<bfloat16, std::uint8_t>)
    Cuda::max_pool_dinput<bfloat16, std::uint8_t>;
template decltype(Cuda::max_pool_dinput<float, std::int32_t>) Cuda::max_pool_dinput<float, std::int32_t>;
template decltype(Cuda::max_pool_dinput<double, std::int32_t>) Cuda::max_pool_dinput<double, std::int32_t>;
template decltype(Cuda::max_pool_dinput<half, std::int32_t>) Cuda::max_pool_dinput<half, std::int32_t>;
template decltype(Cuda::max_pool_dinput<bfloat16, std::int32_t>)
    Cuda::max_pool_dinput<bfloat16, std::int32_t>;
template decltype(Cuda::average_pool_forward<float>) Cuda::average_pool_forward<float>;
template decltype(Cuda::average_pool_forward<double>) Cuda::average_pool_forward<double>;
template decltype(Cuda::average_pool_forward<half>) Cuda::average_pool_forward<half>;
template decltype(Cuda::average_pool_forward<bfloat16>) Cuda::average_pool_forward<bfloat16>;
template decltype(Cuda::average_pool_dinput<float>) Cuda::average_pool_dinput<float>;
template decltype(Cuda::average_pool_dinput<double>) Cuda::average_pool_dinput<double>;
template decltype(Cuda::average_pool_dinput<half>) Cuda::average_pool_dinput<half>;
template decltype(Cuda::average_pool_dinput<bfloat16>) Cuda::average_pool_dinput<bfloat16>;

}  // namespace noyau::inline v0
