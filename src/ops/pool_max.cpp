#include "backend.h"
#include "cpu/isa.h"
#include "noyau/parallel.h"
#include "ops/pool_dims.h"

namespace noyau::inline v0 {
namespace {

// The larger, the first of equals, NaN before numbers.
template <class T>
bool replaces(T candidate, T best) {
  return (candidate > best) | ((candidate != candidate) & (best == best));
}

template <class T, class Index>
void max_tap(std::int64_t c, Index tap, const T* x, T* y, Index* index) {
  for (std::int64_t i = 0; i < c; ++i) {
    const bool take = replaces(x[i], y[i]);
    y[i] = take ? x[i] : y[i];
    index[i] = take ? tap : index[i];
  }
}

template <class T>
void max_tap(std::int64_t c, const T* x, T* y) {
  for (std::int64_t i = 0; i < c; ++i) y[i] = replaces(x[i], y[i]) ? x[i] : y[i];
}

template <class T, class Index>
void max_window(const Pool2dDims& d, const PoolWindow& window, const T* image, T* y, Index* index) {
  const auto cell = [&](std::int64_t kh, std::int64_t kw) {
    return image + ((window.top + kh) * d.iw + window.left + kw) * d.c;
  };
  std::copy_n(cell(window.kh0, window.kw0), d.c, y);
  if (index != nullptr) std::fill_n(index, d.c, static_cast<Index>(window.kh0 * d.kw + window.kw0));
  for (std::int64_t kh = window.kh0; kh < window.kh1; ++kh) {
    for (std::int64_t kw = window.kw0; kw < window.kw1; ++kw) {
      if (index != nullptr)
        max_tap(d.c, static_cast<Index>(kh * d.kw + kw), cell(kh, kw), y, index);
      else
        max_tap(d.c, cell(kh, kw), y);
    }
  }
}

// The case of isa().max_2x2, whose index is a byte.
template <class Index>
bool is_plain_2x2(const Pool2dDims& d) {
  return std::is_same_v<Index, std::uint8_t> && d.kh == 2 && d.kw == 2 && d.stride_h == 2 &&
         d.stride_w == 2 && d.top == 0 && d.left == 0 && 2 * d.oh <= d.ih && 2 * d.ow <= d.iw;
}

std::int64_t grain_for(std::int64_t work) {
  return std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, work));
}

template <class T, class Index>
void add_window(const Pool2dDims& d, const PoolWindow& window, const T* dy, const Index* index, T* image) {
  for (std::int64_t kh = window.kh0; kh < window.kh1; ++kh) {
    for (std::int64_t kw = window.kw0; kw < window.kw1; ++kw) {
      const auto tap = static_cast<Index>(kh * d.kw + kw);
      T* const dx = image + ((window.top + kh) * d.iw + window.left + kw) * d.c;
      for (std::int64_t i = 0; i < d.c; ++i) dx[i] += index[i] == tap ? dy[i] : T{0};
    }
  }
}

// Rows 2 * oh and 2 * oh + 1 of dx, with zeros where an odd width leaves a column without a window.
template <class T>
void spread_row_2x2(const Pool2dDims& d, const T* dy, const std::uint8_t* index, T* dx) {
  const std::int64_t row = d.iw * d.c;
  const std::int64_t covered = 2 * d.ow * d.c;
  isa<T>().max_2x2_gradient(d.ow, d.c, dy, index, dx, row);
  std::fill(dx + covered, dx + row, T{0});
  std::fill(dx + row + covered, dx + 2 * row, T{0});
}

template <class Index>
Tensor max_pool_indexed(const Tensor& x, const Pool2dDims& d, const Pool2dOptions& options) {
  const Tensor y = empty(output_shape(d), {x.dtype(), x.device()});
  const Tensor index = records({x}) ? empty(y.shape(), {dtype_of<Index>, x.device()}) : Tensor();
  dispatch(StoredFloats{}, "max_pool2d", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template max_pool_forward<T, Index>(context, d, x.device_data<T>(), y.device_data<T>(),
                                           index.defined() ? index.device_data<Index>() : nullptr);
  });
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    const Tensor dx = empty(input_shape(d), {dy.dtype(), dy.device()});
    dispatch(StoredFloats{}, "max_pool2d", dy, [&](auto on, Context& context, auto type) {
      using T = typename decltype(type)::type;
      on.template max_pool_dinput<T, Index>(context, d, dy.device_data<T>(), index.device_data<Index>(),
                                            dx.device_data<T>());
    });
    return {dx};
  };
  return record("max_pool2d", y, {x}, backward,
                {.reads_output = false, .reads_inputs = false, .options = options});
}

}  // namespace

// y[n, oh, ow, c] = max over taps of x[n, oh * stride + kh - top, ow * stride + kw - left, c]; a thread owns rows of y.
template <class T, class Index>
void Cpu::max_pool_forward(Context&, const Pool2dDims& d, const T* x, T* y, Index* index) {
  const bool plain = is_plain_2x2<Index>(d);
  parallel_for(d.n * d.oh, grain_for(d.ow * d.c * d.kh * d.kw), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t oh = row % d.oh;
      const T* const image = x + row / d.oh * d.ih * d.iw * d.c;
      const std::int64_t out = row * d.ow * d.c;
      if constexpr (std::is_same_v<Index, std::uint8_t>) {
        const T* const from = image + 2 * oh * d.iw * d.c;
        Index* const chosen = index == nullptr ? nullptr : index + out;
        if (plain) isa<T>().max_2x2(d.ow, d.c, from, d.iw * d.c, y + out, chosen);
      }
      for (std::int64_t ow = 0; !plain && ow < d.ow; ++ow) {
        const std::int64_t at = out + ow * d.c;
        max_window(d, PoolWindow(d, oh, ow), image, y + at, index == nullptr ? nullptr : index + at);
      }
    }
  });
}

// dx[n, ih, iw, c] = sum of dy over the windows whose index names this cell; a thread owns images.
template <class T, class Index>
void Cpu::max_pool_dinput(Context&, const Pool2dDims& d, const T* dy, const Index* index, T* dx) {
  const std::int64_t in = d.ih * d.iw * d.c;
  const std::int64_t out = d.oh * d.ow * d.c;
  const bool plain = is_plain_2x2<Index>(d);
  parallel_for(d.n, grain_for(in), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      T* const image = dx + n * in;
      const std::int64_t covered = plain ? 2 * d.oh * d.iw * d.c : 0;
      std::fill(image + covered, image + in, T{0});
      for (std::int64_t oh = 0; oh < d.oh; ++oh) {
        const std::int64_t row = n * out + oh * d.ow * d.c;
        if constexpr (std::is_same_v<Index, std::uint8_t>) {
          if (plain) spread_row_2x2(d, dy + row, index + row, image + 2 * oh * d.iw * d.c);
        }
        for (std::int64_t ow = 0; !plain && ow < d.ow; ++ow) {
          add_window(d, PoolWindow(d, oh, ow), dy + row + ow * d.c, index + row + ow * d.c, image);
        }
      }
    }
  });
}

Tensor max_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options) {
  const Pool2dDims d = pool2d_dims("max_pool2d", x, window, options);
  return d.kh * d.kw <= 256 ? max_pool_indexed<std::uint8_t>(x, d, options)
                            : max_pool_indexed<std::int32_t>(x, d, options);
}

Tensor global_max_pool(const Tensor& x) {
  NOYAU_CHECK(x.defined() && x.rank() == 4, "global_max_pool: x must be [n, h, w, c], not ", x);
  return reshape(max_pool2d(x, {x.dim(1), x.dim(2)}), Shape{x.dim(0), x.dim(3)});
}

}  // namespace noyau::inline v0
