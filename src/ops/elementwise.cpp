#include "backend.h"
#include "cpu/isa.h"
#include "noyau/ops.h"
#include "ops/broadcast.h"

namespace noyau::inline v0 {

// y[i] = op(a[i], b[i]), operands repeated; each row piece is written by one thread.
template <class T>
void Cpu::binary(Context&, BinaryOp op, const BroadcastDims& dims, const T* a, const T* b, T* y) {
  const bool a_steps = dims.strides[0][dims.rank - 1] == 1;
  const bool b_steps = dims.strides[1][dims.rank - 1] == 1;
  for_rows(dims, [=](std::int64_t element, const BroadcastCursor& cursor, std::int64_t count) {
    isa<T>().binary(op, count, a + cursor.offset(0), a_steps, b + cursor.offset(1), b_steps, y + element);
  });
}

// y[i] = op(a[i], b)
template <class T>
void Cpu::binary_scalar(Context&, BinaryOp op, std::int64_t count, const T* a, accumulate_t<T> b, T* y) {
  for_elements(count, [=](std::int64_t begin, std::int64_t end) {
    isa<T>().binary(op, end - begin, a + begin, true, &b, false, y + begin);
  });
}

namespace {

Tensor binary(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  check_operands(name, {{"a", a}, {"b", b}});
  NOYAU_CHECK(b.defined(), name, ": b is undefined");
  const Shape shape = broadcast_shapes(name, a.shape(), b.shape());
  const Tensor y = empty(shape, {a.dtype(), a.device()});
  dispatch(StoredFloats{}, name, a, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template binary<T>(context, op, broadcast_dims(shape, {a.shape(), b.shape()}), a.device_data<T>(),
                          b.device_data<T>(), y.device_data<T>());
  });
  return y;
}

Tensor binary(const char* name, BinaryOp op, const Tensor& x, double b) {
  check_operands(name, {{"x", x}});
  const Tensor y = empty_like(x);
  dispatch(StoredFloats{}, name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template binary_scalar<T>(context, op, x.size(), x.device_data<T>(), static_cast<accumulate_t<T>>(b),
                                 y.device_data<T>());
  });
  return y;
}

// What the backward of a product keeps: each operand only if the gradient of the other one needs it.
struct Factors {
  Factors(const Tensor& left, const Tensor& right)
      : a(right.requires_grad() ? left : Tensor()), b(left.requires_grad() ? right : Tensor()) {}

  bool wants_a() const { return b.defined() && (!a.defined() || wants_grad(a)); }
  bool wants_b() const { return a.defined() && (!b.defined() || wants_grad(b)); }

  Tensor a;
  Tensor b;
};

// The backward of a sum: dy for a and sign * dy for b, as far as they require gradients.
Backward sum_backward(const Tensor& a, const Tensor& b, double sign) {
  return [sign, a_shape = a.shape(), b_shape = b.shape(), needs_a = a.requires_grad(),
          needs_b = b.requires_grad()](const Tensor& dy, const Tensor&) -> Grads {
    Grads grads(2);
    if (needs_a) grads[0] = sum_to(dy, a_shape);
    if (needs_b) grads[1] = sign > 0 ? sum_to(dy, b_shape) : neg(sum_to(dy, b_shape));
    return grads;
  };
}

// The backward of the larger (sign = 1) or smaller (sign = -1) of a and b: half the gradient each at a tie.
Backward extremum_backward(const Tensor& a, const Tensor& b, double sign) {
  return [=](const Tensor& dy, const Tensor&) -> Grads {
    const Tensor a_above = sub(less(b, a).to(dy.dtype()), less(a, b).to(dy.dtype()));
    const auto share = [&](const Tensor& x, double side) {
      return wants_grad(x) ? sum_to(dy * (a_above * (0.5 * side) + 0.5), x.shape()) : Tensor();
    };
    return {share(a, sign), share(b, -sign)};
  };
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("add", BinaryOp::add, a, b);
  return record("add", y, {a, b}, sum_backward(a, b, 1),
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor sub(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("sub", BinaryOp::sub, a, b);
  return record("sub", y, {a, b}, sum_backward(a, b, -1),
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("mul", BinaryOp::mul, a, b);
  return record("mul", y, {a, b},
                [kept = Factors(a, b), a_shape = a.shape(), b_shape = b.shape()](const Tensor& dy,
                                                                                 const Tensor&) -> Grads {
                  return {kept.wants_a() ? sum_to(mul(dy, kept.b), a_shape) : Tensor(),
                          kept.wants_b() ? sum_to(mul(dy, kept.a), b_shape) : Tensor()};
                },
                {.differentiable = true, .reads_output = false});
}

// d(a / b) = dy / b and -dy * y / b.
Tensor div(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("div", BinaryOp::div, a, b);
  return record("div", y, {a, b},
                [b, a_shape = a.shape(), needs_a = a.requires_grad()](const Tensor& dy,
                                                                      const Tensor& quotient) -> Grads {
                  const Tensor scaled = div(dy, b);
                  return {needs_a ? sum_to(scaled, a_shape) : Tensor(),
                          wants_grad(b) ? neg(sum_to(mul(scaled, quotient), b.shape())) : Tensor()};
                },
                {.differentiable = true, .reads_output = b.requires_grad()});
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("minimum", BinaryOp::minimum, a, b);
  return record("minimum", y, {a, b}, extremum_backward(a, b, -1),
                {.differentiable = true, .reads_output = false});
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("maximum", BinaryOp::maximum, a, b);
  return record("maximum", y, {a, b}, extremum_backward(a, b, 1),
                {.differentiable = true, .reads_output = false});
}

Tensor add(const Tensor& a, double b) {
  return record("add", binary("add", BinaryOp::add, a, b), {a},
                [](const Tensor& dy, const Tensor&) -> Grads { return {dy}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor mul(const Tensor& a, double b) {
  return record("mul", binary("mul", BinaryOp::mul, a, b), {a},
                [b](const Tensor& dy, const Tensor&) -> Grads { return {mul(dy, b)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor neg(const Tensor& x) {
  return record("neg", binary("neg", BinaryOp::mul, x, -1), {x},
                [](const Tensor& dy, const Tensor&) -> Grads { return {neg(dy)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
