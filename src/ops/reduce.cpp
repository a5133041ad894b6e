#include "ops/reduce.h"

#include <vector>

#include "backend.h"
#include "ops/broadcast.h"

namespace noyau::inline v0 {
namespace {

// A sum is cut into slices by its shape alone, so that threads do not change it.
constexpr std::int64_t kSlice = 1 << 15;  // elements
constexpr std::int64_t kTile = 256;       // columns whose accumulators stay in the first-level cache
constexpr int kLanes = 16;                // independent accumulators of a row

template <class T>
double row_sum(std::int64_t count, const T* x) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(x[i + lane]);
  }
  double total = 0;
  for (; i < count; ++i) total += static_cast<double>(x[i]);
  for (double lane : lanes) total += lane;
  return total;
}

// total[j] += sum over i of x[i * stride + j]
template <class T>
void column_sums(std::int64_t rows, std::int64_t columns, std::int64_t stride, const T* __restrict x,
                 double* __restrict total) {
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4, x += 4 * stride) {
    for (std::int64_t j = 0; j < columns; ++j) {
      total[j] += (static_cast<double>(x[j]) + static_cast<double>(x[stride + j])) +
                  (static_cast<double>(x[2 * stride + j]) + static_cast<double>(x[3 * stride + j]));
    }
  }
  for (; i < rows; ++i, x += stride) {
    for (std::int64_t j = 0; j < columns; ++j) total[j] += static_cast<double>(x[j]);
  }
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// y[o, 0] = sum over i of x[o, i, 0]; a slice is one thread's, slices are added in order.
template <class T>
void sum_rows(const ReduceDims& d, const T* x, T* y) {
  const std::int64_t slices = std::max<std::int64_t>(1, ceil_div(d.count, kSlice));
  std::vector<double> partial(static_cast<std::size_t>(d.outer * slices));
  parallel_for(d.outer * slices, std::max<std::int64_t>(1, kSlice / std::max<std::int64_t>(1, d.count)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t item = begin; item < end; ++item) {
                   const std::int64_t from = item % slices * kSlice;
                   partial[static_cast<std::size_t>(item)] =
                       row_sum(std::min(kSlice, d.count - from), x + item / slices * d.count + from);
                 }
               });
  for (std::int64_t o = 0; o < d.outer; ++o) {
    double total = 0;
    for (std::int64_t s = 0; s < slices; ++s) total += partial[static_cast<std::size_t>(o * slices + s)];
    y[o] = static_cast<T>(total);
  }
}

// y[o, j] = sum over i of x[o, i, j]; a slice of rows of a tile of columns is one thread's, slices are added in order.
template <class T>
void sum_columns(const ReduceDims& d, const T* x, T* y) {
  const std::int64_t tiles = ceil_div(d.inner, kTile);
  const std::int64_t slice_rows = std::max<std::int64_t>(1, kSlice / std::min(d.inner, kTile));
  const std::int64_t slices = std::max<std::int64_t>(1, ceil_div(d.count, slice_rows));
  std::vector<double> partial(static_cast<std::size_t>(d.outer * slices * d.inner));
  parallel_for(d.outer * slices * tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t column = item % tiles * kTile;
      const std::int64_t row = item / tiles % slices * slice_rows;
      const std::int64_t o = item / tiles / slices;
      column_sums(std::min(slice_rows, d.count - row), std::min(kTile, d.inner - column), d.inner,
                  x + (o * d.count + row) * d.inner + column,
                  partial.data() + item / tiles * d.inner + column);
    }
  });
  for (std::int64_t o = 0; o < d.outer; ++o) {
    double* const total = partial.data() + o * slices * d.inner;
    for (std::int64_t s = 1; s < slices; ++s) {
      for (std::int64_t j = 0; j < d.inner; ++j) total[j] += total[s * d.inner + j];
    }
    for (std::int64_t j = 0; j < d.inner; ++j) y[o * d.inner + j] = static_cast<T>(total[j]);
  }
}

}  // namespace

template <class T>
void Cpu::sum(Context&, const ReduceDims& dims, const T* x, T* y) {
  if (dims.inner == 1)
    sum_rows(dims, x, y);
  else
    sum_columns(dims, x, y);
}

namespace {

// `shape` with the extents of `axes` (all when empty) set to 1.
Shape reduced_shape(const char* name, const Shape& shape, const Axes& axes) {
  Shape kept = shape;
  for (int axis = 0; axes.empty() && axis < shape.rank(); ++axis) kept[axis] = 1;
  for (const int axis : axes) kept[normalize_axis(name, axis, shape.rank())] = 1;
  return kept;
}

Shape without_axes(const char* name, const Shape& shape, const Axes& axes) {
  std::array<bool, Shape::kMaxRank> dropped{};
  for (const int axis : axes)
    dropped[static_cast<std::size_t>(normalize_axis(name, axis, shape.rank()))] = true;
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!axes.empty() && !dropped[static_cast<std::size_t>(axis)]) extents.push_back(shape[axis]);
  }
  return Shape(std::span<const std::int64_t>(extents));
}

// The steps from `shape` to `aligned`: one for each run of reduced axes, the last first.
std::vector<ReduceDims> reduction_steps(const Shape& shape, const Shape& aligned) {
  const int leading = shape.rank() - aligned.rank();
  const auto reduced = [&](int axis) {
    return shape[axis] != 1 && (axis < leading || aligned[axis - leading] == 1);
  };
  std::vector<ReduceDims> steps;
  std::int64_t inner = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (!reduced(axis)) {
      inner *= shape[axis];
      continue;
    }
    ReduceDims step{.outer = 1, .count = shape[axis], .inner = inner};
    for (; axis > 0 && (reduced(axis - 1) || shape[axis - 1] == 1); --axis) step.count *= shape[axis - 1];
    for (int before = 0; before < axis; ++before) step.outer *= shape[before];
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

Tensor sum_aligned(const Tensor& x, const Shape& aligned, const Shape& result) {
  const std::vector<ReduceDims> steps = reduction_steps(x.shape(), aligned);
  if (steps.empty() && x.shape() == result) return x;
  Tensor y = x;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, steps.size()); ++i) {
    const ReduceDims step = steps.empty() ? ReduceDims{x.size(), 1, 1} : steps[i];
    const Shape shape = i + 1 >= steps.size() ? result : Shape{step.outer * step.inner};
    const Tensor total = empty(shape, {x.dtype(), x.device()});
    dispatch(Floats{}, "sum", x, [&](auto on, Context& context, auto type) {
      using T = typename decltype(type)::type;
      on.template sum<T>(context, step, y.device_data<T>(), total.device_data<T>());
    });
    y = total;
  }
  return record("sum", y, {x},
                [aligned, whole = x.shape()](const Tensor& dy, const Tensor&) -> Grads {
                  return {expand(dy, aligned, whole)};
                },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor sum(const Tensor& x, const Axes& axes, bool keep_dims) {
  check_operands("sum", {{"x", x}});
  const Shape aligned = reduced_shape("sum", x.shape(), axes);
  return sum_aligned(x, aligned, keep_dims ? aligned : without_axes("sum", x.shape(), axes));
}

}  // namespace noyau::inline v0
