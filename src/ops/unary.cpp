#include "ops/unary.h"

#include "backend.h"
#include "cpu/isa.h"
#include "ops/broadcast.h"

namespace noyau::inline v0 {

// y[i] = f(x[i])
template <class T>
void Cpu::unary_forward(Context&, UnaryOp op, UnaryParameters<accumulate_t<T>> p, std::int64_t count,
                        const T* x, T* y) {
  for_elements(count, [=](std::int64_t begin, std::int64_t end) {
    isa<T>().unary_forward(op, p, end - begin, x + begin, y + begin);
  });
}

// dx[i] = dy[i] * f'(v[i])
template <class T>
void Cpu::unary_backward(Context&, UnaryOp op, UnaryParameters<accumulate_t<T>> p, std::int64_t count,
                         const T* dy, const T* v, T* dx) {
  for_elements(count, [=](std::int64_t begin, std::int64_t end) {
    isa<T>().unary_backward(op, p, end - begin, dy + begin, v + begin, dx + begin);
  });
}

namespace {

template <class T>
UnaryParameters<T> rounded(const UnaryParameters<double>& p) {
  return {static_cast<T>(p.first), static_cast<T>(p.second)};
}

Tensor unary_backward(const UnaryRule& rule, const UnaryParameters<double>& p, const Tensor& dy,
                      const Tensor& v) {
  const Tensor dx = empty_like(dy);
  dispatch(StoredFloats{}, rule.name, dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template unary_backward<T>(context, rule.op, rounded<accumulate_t<T>>(p), dy.size(),
                                  dy.device_data<T>(), v.device_data<T>(), dx.device_data<T>());
  });
  return dx;
}

}  // namespace

Tensor unary(const UnaryRule& rule, const Tensor& x, const UnaryParameters<double>& p) {
  check_operands(rule.name, {{"x", x}});
  const Tensor y = empty_like(x);
  dispatch(StoredFloats{}, rule.name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template unary_forward<T>(context, rule.op, rounded<accumulate_t<T>>(p), x.size(), x.device_data<T>(),
                                 y.device_data<T>());
  });
  return record(
      rule.name, y, {x},
      [rule, p, kept = rule.from_output ? Tensor() : x](const Tensor& dy, const Tensor& output) -> Grads {
        const Tensor& v = rule.from_output ? output : kept;
        return {records({dy, v}) ? mul(dy, rule.slope(v, p)) : unary_backward(rule, p, dy, v)};
      },
      {.differentiable = true, .reads_output = rule.from_output, .reads_inputs = !rule.from_output});
}

Tensor scalar_like(const Tensor& like, double value) {
  return full({}, value, {like.dtype(), like.device()});
}

Tensor step(const Tensor& x) { return less(scalar_like(x, 0), x).to(x.dtype()); }

}  // namespace noyau::inline v0
