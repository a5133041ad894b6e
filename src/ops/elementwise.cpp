#include "backend.h"
#include "noyau/ops.h"
#include "ops/broadcast.h"

namespace noyau::inline v0 {
namespace {

// y[i] = f(a[i], b[i]) where an operand with step 0 stays at its first element.
template <class T, class F>
void map_row(F f, std::int64_t count, const T* __restrict a, bool a_steps, const T* __restrict b,
             bool b_steps, T* __restrict y) {
  if (a_steps && b_steps) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], b[i]);
  } else if (a_steps) {
    const T right = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], right);
  } else {
    const T left = *a;
    if (!b_steps)
      std::fill(y, y + count, f(left, *b));
    else
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(left, b[i]);
  }
}

template <class T>
void binary_row(BinaryOp op, std::int64_t count, const T* a, bool a_steps, const T* b, bool b_steps, T* y) {
  const auto map = [&](auto f) { map_row(f, count, a, a_steps, b, b_steps, y); };
  switch (op) {
    case BinaryOp::add:
      return map([](T p, T q) { return p + q; });
    case BinaryOp::sub:
      return map([](T p, T q) { return p - q; });
    case BinaryOp::mul:
      return map([](T p, T q) { return p * q; });
    case BinaryOp::div:
      return map([](T p, T q) { return p / q; });
    case BinaryOp::minimum:
      return map([](T p, T q) { return p < q || p != p ? p : q; });
    case BinaryOp::maximum:
      return map([](T p, T q) { return p > q || p != p ? p : q; });
  }
}

}  // namespace

// y[i] = op(a[i], b[i]), operands repeated; each row piece is written by one thread.
template <class T>
void Cpu::binary(Context&, BinaryOp op, const BroadcastDims& dims, const T* a, const T* b, T* y) {
  const bool a_steps = dims.strides[0][dims.rank - 1] == 1;
  const bool b_steps = dims.strides[1][dims.rank - 1] == 1;
  for_rows(dims, [=](std::int64_t element, const BroadcastCursor& cursor, std::int64_t count) {
    binary_row(op, count, a + cursor.offset(0), a_steps, b + cursor.offset(1), b_steps, y + element);
  });
}

namespace {

Tensor binary(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  check_operands(name, {{"a", a}, {"b", b}});
  NOYAU_CHECK(b.defined(), name, ": b is undefined");
  const Shape shape = broadcast_shapes(name, a.shape(), b.shape());
  const Tensor y = empty(shape, {a.dtype(), a.device()});
  dispatch(Floats{}, name, a, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template binary<T>(context, op, broadcast_dims(shape, {a.shape(), b.shape()}), a.device_data<T>(),
                          b.device_data<T>(), y.device_data<T>());
  });
  return y;
}

// What the backward of a product keeps: each operand only if the gradient of the other one needs it.
struct Kept {
  Kept(const Tensor& left, const Tensor& right)
      : a(right.requires_grad() ? left : Tensor()), b(left.requires_grad() ? right : Tensor()) {}

  bool wants_a() const { return b.defined() && (!a.defined() || wants_grad(a)); }
  bool wants_b() const { return a.defined() && (!b.defined() || wants_grad(b)); }

  Tensor a;
  Tensor b;
};

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("add", BinaryOp::add, a, b);
  return record("add", y, {a, b},
                [sa = a.shape(), sb = b.shape()](const Tensor& dy, const Tensor&) -> Grads {
                  return {sum_to(dy, sa), sum_to(dy, sb)};
                },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("mul", BinaryOp::mul, a, b);
  return record(
      "mul", y, {a, b},
      [kept = Kept(a, b), sa = a.shape(), sb = b.shape()](const Tensor& dy, const Tensor&) -> Grads {
        return {kept.wants_a() ? sum_to(mul(dy, kept.b), sa) : Tensor(),
                kept.wants_b() ? sum_to(mul(dy, kept.a), sb) : Tensor()};
      },
      {.differentiable = true, .reads_output = false});
}

}  // namespace noyau::inline v0
