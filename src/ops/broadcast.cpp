#include "ops/broadcast.h"

#include "backend.h"
#include "noyau/ops.h"
#include "ops/reduce.h"

namespace noyau::inline v0 {
namespace {

std::int64_t extent_at_back(const Shape& shape, int back) {
  return back > shape.rank() ? 1 : shape[shape.rank() - back];
}

}  // namespace

BroadcastDims broadcast_dims(const Shape& out, std::initializer_list<Shape> operands) {
  BroadcastDims reversed;  // innermost axis first
  reversed.rank = 0;
  std::array<std::int64_t, BroadcastDims::kOperands> dense{1, 1, 1};
  for (int back = 1; back <= out.rank(); ++back) {
    const std::int64_t extent = extent_at_back(out, back);
    if (extent == 1) continue;
    std::array<std::int64_t, BroadcastDims::kOperands> stride{};
    std::size_t i = 0;
    for (const Shape& operand : operands) {
      const std::int64_t own = extent_at_back(operand, back);
      stride[i] = own == 1 ? 0 : dense[i];
      dense[i++] *= own;
    }
    const int inner = reversed.rank - 1;
    bool merges = inner >= 0;
    for (std::size_t k = 0; merges && k < stride.size(); ++k) {
      merges = stride[k] == reversed.strides[k][inner] * reversed.extents[inner];
    }
    if (merges) {
      reversed.extents[inner] *= extent;
      continue;
    }
    reversed.extents[reversed.rank] = extent;
    for (std::size_t k = 0; k < stride.size(); ++k) reversed.strides[k][reversed.rank] = stride[k];
    ++reversed.rank;
  }
  if (reversed.rank == 0) return {};
  std::reverse(reversed.extents, reversed.extents + reversed.rank);
  for (auto& strides : reversed.strides) std::reverse(strides, strides + reversed.rank);
  return reversed;
}

// y[i] = x[i's place before repetition]; each row piece is written by one thread.
template <class T>
void Cpu::broadcast(Context&, const BroadcastDims& dims, const T* x, T* y) {
  const bool contiguous = dims.strides[0][dims.rank - 1] == 1;
  for_rows(dims, [=](std::int64_t element, const BroadcastCursor& cursor, std::int64_t count) {
    const T* source = x + cursor.offset(0);
    if (contiguous)
      std::copy(source, source + count, y + element);
    else
      std::fill(y + element, y + element + count, *source);
  });
}

Tensor expand(const Tensor& x, const Shape& aligned, const Shape& shape) {
  if (x.shape() == shape) return x;
  const Tensor y = empty(shape, {x.dtype(), x.device()});
  dispatch(StoredFloats{}, "broadcast_to", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template broadcast<T>(context, broadcast_dims(shape, {aligned}), x.device_data<T>(),
                             y.device_data<T>());
  });
  const Shape before = x.shape();
  return record("broadcast_to", y, {x},
                [=](const Tensor& dy, const Tensor&) -> Grads { return {sum_aligned(dy, aligned, before)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check_operands("broadcast_to", {{"x", x}});
  NOYAU_CHECK(broadcast_shapes("broadcast_to", x.shape(), shape) == shape, "broadcast_to: x ", x.shape(),
              " does not broadcast to ", shape);
  return expand(x, x.shape(), shape);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check_operands("sum_to", {{"x", x}});
  NOYAU_CHECK(broadcast_shapes("sum_to", x.shape(), shape) == x.shape(), "sum_to: ", shape,
              " does not broadcast to x ", x.shape());
  return sum_aligned(x, shape, shape);
}

}  // namespace noyau::inline v0
