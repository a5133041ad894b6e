#include <algorithm>

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/parallel.h"
#include "ops/reduce.h"

namespace noyau::inline v0 {
namespace {

// Calls body(offset of the first element, columns) for tiles of neighbouring columns of [outer, count, inner].
template <class Body>
void for_column_tiles(const ReduceDims& d, Body&& body) {
  const std::int64_t columns = std::min(d.inner, kSoftmaxColumns);
  const std::int64_t tiles = (d.inner + columns - 1) / columns;
  constexpr std::int64_t kGrain = 1 << 12;  // elements worth a thread
  parallel_for(d.outer * tiles, 1 + kGrain / (d.count * columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t column = item % tiles * columns;
      body(item / tiles * d.count * d.inner + column, std::min(columns, d.inner - column));
    }
  });
}

}  // namespace

// y[o, i, j] = e^x[o, i, j] / sum over k of e^x[o, k, j], or its logarithm; a tile of j is one thread's.
template <class T>
void Cpu::softmax_forward(Context&, SoftmaxOp op, const ReduceDims& d, const T* x, T* y) {
  for_column_tiles(d, [=](std::int64_t at, std::int64_t columns) {
    isa<T>().softmax_forward(op, d.count, columns, d.inner, x + at, y + at);
  });
}

template <class T>
void Cpu::softmax_backward(Context&, SoftmaxOp op, const ReduceDims& d, const T* dy, const T* y, T* dx) {
  for_column_tiles(d, [=](std::int64_t at, std::int64_t columns) {
    isa<T>().softmax_backward(op, d.count, columns, d.inner, dy + at, y + at, dx + at);
  });
}

namespace {

// The backward as ops, for gradients of gradients.
Tensor softmax_gradient(SoftmaxOp op, int axis, const Tensor& dy, const Tensor& y) {
  if (op == SoftmaxOp::log_softmax) return dy - exp(y) * sum(dy, {axis}, true);
  return y * (dy - sum(dy * y, {axis}, true));
}

Tensor softmax_gradient_kernel(const char* name, SoftmaxOp op, const ReduceDims& dims, const Tensor& dy,
                               const Tensor& y) {
  const Tensor dx = empty_like(y);
  dispatch(Floats{}, name, y, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template softmax_backward<T>(context, op, dims, dy.device_data<T>(), y.device_data<T>(),
                                    dx.device_data<T>());
  });
  return dx;
}

Tensor softmax_along(const char* name, SoftmaxOp op, const Tensor& x, int axis) {
  check_operands(name, {{"x", x}});
  if (is_widened(x)) return softmax_along(name, op, x.to(Dtype::f32), axis).to(x.dtype());
  const int along = normalize_axis(name, axis, x.rank());
  const ReduceDims dims = around_axis(x.shape(), along);
  const Tensor y = empty_like(x);
  if (x.size() > 0) {
    dispatch(Floats{}, name, x, [&](auto on, Context& context, auto type) {
      using T = typename decltype(type)::type;
      on.template softmax_forward<T>(context, op, dims, x.device_data<T>(), y.device_data<T>());
    });
  }
  return record(name, y, {x},
                [=](const Tensor& dy, const Tensor& output) -> Grads {
                  const bool as_ops = output.size() == 0 || records({dy, output});
                  return {as_ops ? softmax_gradient(op, along, dy, output)
                                 : softmax_gradient_kernel(name, op, dims, dy, output)};
                },
                {.differentiable = true, .reads_inputs = false});
}

}  // namespace

Tensor softmax(const Tensor& x, int axis) { return softmax_along("softmax", SoftmaxOp::softmax, x, axis); }
Tensor log_softmax(const Tensor& x, int axis) {
  return softmax_along("log_softmax", SoftmaxOp::log_softmax, x, axis);
}

}  // namespace noyau::inline v0
