#include "ops/unary.h"

#include "backend.h"
#include "ops/broadcast.h"

namespace noyau::inline v0 {

namespace {

template <class T, class F>
void map(std::int64_t count, const T* __restrict x, T* __restrict y, F f) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
}

// dx[i] = dy[i] * slope(v[i])
template <class T, class F>
void map_slope(std::int64_t count, const T* __restrict dy, const T* __restrict v, T* __restrict dx, F slope) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * slope(v[i]);
}

template <class T>
void forward_block(UnaryOp op, T p, std::int64_t count, const T* x, T* y) {
  switch (op) {
    case UnaryOp::shift:
      return map(count, x, y, [p](T v) { return v + p; });
    case UnaryOp::scale:
      return map(count, x, y, [p](T v) { return v * p; });
    case UnaryOp::relu:
      return map(count, x, y, [](T v) { return v <= 0 ? T(0) : v; });
  }
}

template <class T>
void backward_block(UnaryOp op, T p, std::int64_t count, const T* dy, const T* v, T* dx) {
  switch (op) {
    case UnaryOp::shift:
      return map_slope(count, dy, v, dx, [](T) { return T(1); });
    case UnaryOp::scale:
      return map_slope(count, dy, v, dx, [p](T) { return p; });
    case UnaryOp::relu:
      return map_slope(count, dy, v, dx, [](T y) { return y <= 0 ? T(0) : T(1); });
  }
}

}  // namespace

// y[i] = f(x[i])
template <class T>
void Cpu::unary_forward(Context&, UnaryOp op, T p, std::int64_t count, const T* x, T* y) {
  for_elements(count, [=](std::int64_t begin, std::int64_t end) {
    forward_block(op, p, end - begin, x + begin, y + begin);
  });
}

// dx[i] = dy[i] * f'(v[i])
template <class T>
void Cpu::unary_backward(Context&, UnaryOp op, T p, std::int64_t count, const T* dy, const T* v, T* dx) {
  for_elements(count, [=](std::int64_t begin, std::int64_t end) {
    backward_block(op, p, end - begin, dy + begin, v + begin, dx + begin);
  });
}

Tensor unary(const UnaryRule& rule, const Tensor& x, double p) {
  check_operands(rule.name, {{"x", x}});
  const Tensor y = empty_like(x);
  dispatch(Floats{}, rule.name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template unary_forward<T>(context, rule.op, static_cast<T>(p), x.size(), x.device_data<T>(),
                                 y.device_data<T>());
  });
  return record(
      rule.name, y, {x},
      [rule, p, kept = rule.from_output ? Tensor() : x](const Tensor& dy, const Tensor& output) -> Grads {
        const Tensor& v = rule.from_output ? output : kept;
        if (records({dy, v})) return {mul(dy, rule.slope(v, p))};
        const Tensor dx = empty_like(dy);
        dispatch(Floats{}, rule.name, dy, [&](auto on, Context& context, auto type) {
          using T = typename decltype(type)::type;
          on.template unary_backward<T>(context, rule.op, static_cast<T>(p), dy.size(), dy.device_data<T>(),
                                        v.device_data<T>(), dx.device_data<T>());
        });
        return {dx};
      },
      {.differentiable = true, .reads_output = rule.from_output, .reads_inputs = !rule.from_output});
}

namespace {

Tensor affine(const char* name, UnaryOp op, const Tensor& x, double p) {
  check_operands(name, {{"x", x}});
  const Tensor y = empty_like(x);
  dispatch(Floats{}, name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template unary_forward<T>(context, op, static_cast<T>(p), x.size(), x.device_data<T>(),
                                 y.device_data<T>());
  });
  return record(
      name, y, {x},
      [=](const Tensor& dy, const Tensor&) -> Grads { return {op == UnaryOp::shift ? dy : mul(dy, p)}; },
      {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace

Tensor add(const Tensor& x, double b) { return affine("add", UnaryOp::shift, x, b); }
Tensor mul(const Tensor& x, double b) { return affine("mul", UnaryOp::scale, x, b); }
Tensor neg(const Tensor& x) { return affine("neg", UnaryOp::scale, x, -1); }

}  // namespace noyau::inline v0
