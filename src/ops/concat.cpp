#include <algorithm>

#include "backend.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

// The joined shape, checked.
Shape joined_shape(const std::vector<Tensor>& parts, int axis) {
  Shape shape = parts[0].shape();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    check_operands("concat", {{"the first part", parts[0]}, {"another", parts[i]}});
    NOYAU_CHECK(parts[i].defined(), "concat: part ", static_cast<unsigned long>(i), " is undefined");
    Shape expected = parts[i].shape();
    NOYAU_CHECK(expected.rank() == shape.rank(), "concat: parts of ranks ", shape.rank(), " and ",
                expected.rank());
    shape[axis] += expected[axis];
    expected[axis] = shape[axis];
    NOYAU_CHECK(expected == shape, "concat: part ", static_cast<unsigned long>(i), " is ", parts[i].shape(),
                " but the first ", parts[0].shape(), "; only axis ", axis, " may differ");
  }
  return shape;
}

}  // namespace

// y[r * y_stride + i] = x[r * x_stride + i] for r < rows, i < count; a thread owns rows.
template <class T>
void Cpu::copy_rows(Context&, std::int64_t rows, std::int64_t count, const T* x, std::int64_t x_stride, T* y,
                    std::int64_t y_stride) {
  parallel_for(rows, 1 + (1 << 14) / (count + 1), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) std::copy_n(x + r * x_stride, count, y + r * y_stride);
  });
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  NOYAU_CHECK(!parts.empty() && parts[0].defined(),
              "concat: nothing to join, or the first part is undefined");
  const int k = normalize_axis("concat", axis, parts[0].rank());
  const Shape shape = joined_shape(parts, k);
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (int i = 0; i < shape.rank(); ++i) (i < k ? outer : inner) *= i == k ? 1 : shape[i];
  const Tensor y = empty(shape, {parts[0].dtype(), parts[0].device()});
  std::vector<std::int64_t> begins{0};
  dispatch(AllTypes{}, "concat", y, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    for (const Tensor& part : parts) {
      const std::int64_t count = part.dim(k) * inner;
      on.template copy_rows<T>(context, outer, count, part.device_data<T>(), count,
                               y.device_data<T>() + begins.back() * inner, shape[k] * inner);
      begins.push_back(begins.back() + part.dim(k));
    }
  });
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    Grads grads;
    for (std::size_t i = 0; i + 1 < begins.size(); ++i)
      grads.push_back(slice(dy, k, begins[i], begins[i + 1]));
    return grads;
  };
  return record("concat", y, parts, backward,
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
