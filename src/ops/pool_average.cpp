#include "backend.h"
#include "noyau/parallel.h"
#include "ops/pool_dims.h"

namespace noyau::inline v0 {
namespace {

std::int64_t grain_for(std::int64_t work) {
  return std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, work));
}

template <class T>
T share_of(const Pool2dDims& d, const PoolWindow& window) {
  const std::int64_t inside = (window.kh1 - window.kh0) * (window.kw1 - window.kw0);
  return T{1} / static_cast<T>(d.count_padding ? d.kh * d.kw : inside);
}

template <class T>
void mean_window(const Pool2dDims& d, const PoolWindow& window, const T* image, T* y) {
  std::fill_n(y, d.c, T{0});
  for (std::int64_t kh = window.kh0; kh < window.kh1; ++kh) {
    for (std::int64_t kw = window.kw0; kw < window.kw1; ++kw) {
      const T* const cell = image + ((window.top + kh) * d.iw + window.left + kw) * d.c;
      for (std::int64_t i = 0; i < d.c; ++i) y[i] += cell[i];
    }
  }
  const T share = share_of<T>(d, window);
  for (std::int64_t i = 0; i < d.c; ++i) y[i] *= share;
}

template <class T>
void add_window(const Pool2dDims& d, const PoolWindow& window, const T* dy, T* image) {
  const T share = share_of<T>(d, window);
  for (std::int64_t kh = window.kh0; kh < window.kh1; ++kh) {
    for (std::int64_t kw = window.kw0; kw < window.kw1; ++kw) {
      T* const cell = image + ((window.top + kh) * d.iw + window.left + kw) * d.c;
      for (std::int64_t i = 0; i < d.c; ++i) cell[i] += dy[i] * share;
    }
  }
}

Tensor average_pool_adjoint(const char* name, const Tensor& dy, const Pool2dDims& d,
                            const Pool2dOptions& options);

Tensor average_pool(const char* name, const Tensor& x, const Pool2dDims& d, const Pool2dOptions& options) {
  const Tensor y = empty(output_shape(d), {x.dtype(), x.device()});
  dispatch(StoredFloats{}, name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template average_pool_forward<T>(context, d, x.device_data<T>(), y.device_data<T>());
  });
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    return {average_pool_adjoint(name, dy, d, options)};
  };
  return record(name, y, {x}, backward,
                {.differentiable = true, .reads_output = false, .reads_inputs = false, .options = options});
}

Tensor average_pool_adjoint(const char* name, const Tensor& dy, const Pool2dDims& d,
                            const Pool2dOptions& options) {
  const Tensor dx = empty(input_shape(d), {dy.dtype(), dy.device()});
  dispatch(StoredFloats{}, name, dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template average_pool_dinput<T>(context, d, dy.device_data<T>(), dx.device_data<T>());
  });
  const auto backward = [=](const Tensor& ddx, const Tensor&) -> Grads {
    return {average_pool(name, ddx, d, options)};
  };
  return record("average_pool2d_adjoint", dx, {dy}, backward,
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace

// y[n, oh, ow, c] = sum over taps of x[n, oh * stride + kh - top, ow * stride + kw - left, c] / cells; rows of y a thread.
template <class T>
void Cpu::average_pool_forward(Context&, const Pool2dDims& d, const T* x, T* y) {
  parallel_for(d.n * d.oh, grain_for(d.ow * d.c * d.kh * d.kw), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const image = x + row / d.oh * d.ih * d.iw * d.c;
      for (std::int64_t ow = 0; ow < d.ow; ++ow) {
        mean_window(d, PoolWindow(d, row % d.oh, ow), image, y + (row * d.ow + ow) * d.c);
      }
    }
  });
}

// dx[n, ih, iw, c] = sum over the windows that cover the cell of dy / cells; a thread owns images.
template <class T>
void Cpu::average_pool_dinput(Context&, const Pool2dDims& d, const T* dy, T* dx) {
  const std::int64_t in = d.ih * d.iw * d.c;
  parallel_for(d.n, grain_for(in), [&](std::int64_t begin, std::int64_t end) {
    std::fill(dx + begin * in, dx + end * in, T{0});
    for (std::int64_t row = begin * d.oh; row < end * d.oh; ++row) {
      for (std::int64_t ow = 0; ow < d.ow; ++ow) {
        add_window(d, PoolWindow(d, row % d.oh, ow), dy + (row * d.ow + ow) * d.c, dx + row / d.oh * in);
      }
    }
  });
}

Tensor average_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options) {
  return average_pool("average_pool2d", x, pool2d_dims("average_pool2d", x, window, options), options);
}

Tensor global_average_pool(const Tensor& x) {
  NOYAU_CHECK(x.defined() && x.rank() == 4, "global_average_pool: x must be [n, h, w, c], not ", x);
  const Size2 window(x.dim(1), x.dim(2));
  const Tensor y =
      average_pool("global_average_pool", x, pool2d_dims("global_average_pool", x, window, {}), {});
  return reshape(y, Shape{x.dim(0), x.dim(3)});
}

}  // namespace noyau::inline v0
