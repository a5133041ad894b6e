#include "backend.h"
#include "noyau/ops.h"
#include "ops/broadcast.h"

namespace noyau::inline v0 {
namespace {

template <class T, class F>
void compare_row(F f, std::int64_t count, const T* __restrict a, std::int64_t a_step, const T* __restrict b,
                 std::int64_t b_step, std::uint8_t* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i * a_step], b[i * b_step]) ? 1 : 0;
}

}  // namespace

// y[i] = op(a[i], b[i]), operands repeated; each row piece is written by one thread.
template <class T>
void Cpu::compare(Context&, CompareOp op, const BroadcastDims& dims, const T* a, const T* b,
                  std::uint8_t* y) {
  const std::int64_t a_step = dims.strides[0][dims.rank - 1];
  const std::int64_t b_step = dims.strides[1][dims.rank - 1];
  for_rows(dims, [=](std::int64_t element, const BroadcastCursor& cursor, std::int64_t count) {
    const T* const left = a + cursor.offset(0);
    const T* const right = b + cursor.offset(1);
    switch (op) {
      case CompareOp::less:
        return compare_row([](T p, T q) { return p < q; }, count, left, a_step, right, b_step, y + element);
      case CompareOp::equal:
        return compare_row([](T p, T q) { return p == q; }, count, left, a_step, right, b_step, y + element);
    }
  });
}

// y[i] = condition[i] ? a[i] : b[i], operands repeated; each row piece is written by one thread.
template <class T>
void Cpu::select(Context&, const BroadcastDims& dims, const std::uint8_t* condition, const T* a, const T* b,
                 T* y) {
  const std::int64_t* const step[] = {&dims.strides[0][dims.rank - 1], &dims.strides[1][dims.rank - 1],
                                      &dims.strides[2][dims.rank - 1]};
  for_rows(dims, [=, condition_step = *step[0], a_step = *step[1], b_step = *step[2]](
                     std::int64_t element, const BroadcastCursor& cursor, std::int64_t count) {
    const std::uint8_t* const chosen = condition + cursor.offset(0);
    const T* const left = a + cursor.offset(1);
    const T* const right = b + cursor.offset(2);
    for (std::int64_t i = 0; i < count; ++i) {
      y[element + i] = chosen[i * condition_step] != 0 ? left[i * a_step] : right[i * b_step];
    }
  });
}

namespace {

using Compared = TypesByDevice<Types<float, double, std::int32_t, std::uint8_t>, AllTypes>;

Tensor compare(const char* name, CompareOp op, const Tensor& a, const Tensor& b) {
  check_operands(name, {{"a", a}, {"b", b}});
  NOYAU_CHECK(b.defined(), name, ": b is undefined");
  const Shape shape = broadcast_shapes(name, a.shape(), b.shape());
  const Tensor y = empty(shape, {Dtype::u8, a.device()});
  dispatch(Compared{}, name, a, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template compare<T>(context, op, broadcast_dims(shape, {a.shape(), b.shape()}), a.device_data<T>(),
                           b.device_data<T>(), y.device_data<std::uint8_t>());
  });
  return y;
}

}  // namespace

Tensor less(const Tensor& a, const Tensor& b) { return compare("less", CompareOp::less, a, b); }
Tensor equal_to(const Tensor& a, const Tensor& b) { return compare("equal_to", CompareOp::equal, a, b); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_operands("where", {{"a", a}, {"b", b}});
  NOYAU_CHECK(condition.defined() && b.defined(), "where: ", condition.defined() ? "b" : "condition",
              " is undefined");
  NOYAU_CHECK(condition.dtype() == Dtype::u8 && condition.device() == a.device(), "where: condition is ",
              condition, ", not u8 on ", a.device());
  const Shape shape =
      broadcast_shapes("where", condition.shape(), broadcast_shapes("where", a.shape(), b.shape()));
  const Tensor y = empty(shape, {a.dtype(), a.device()});
  const BroadcastDims dims = broadcast_dims(shape, {condition.shape(), a.shape(), b.shape()});
  dispatch(Compared{}, "where", a, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template select<T>(context, dims, condition.device_data<std::uint8_t>(), a.device_data<T>(),
                          b.device_data<T>(), y.device_data<T>());
  });
  if (!is_floating(a.dtype())) return y;
  return record("where", y, {a, b},
                [=, sa = a.shape(), sb = b.shape()](const Tensor& dy, const Tensor&) -> Grads {
                  const Tensor none = zeros({}, {dy.dtype(), dy.device()});
                  return {sum_to(where(condition, dy, none), sa), sum_to(where(condition, none, dy), sb)};
                },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
