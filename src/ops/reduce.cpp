#include "ops/reduce.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

// A reduction is cut into slices by its shape alone, so that threads do not change it.
constexpr std::int64_t kSlice = 1 << 14;  // elements
constexpr std::int64_t kTile = 512;       // columns whose accumulators stay in the first-level cache

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// How [outer, count, inner] is cut: items of `rows` x `columns`, joined in order of their rows.
struct Slices {
  explicit Slices(const ReduceDims& d)
      : columns(std::clamp<std::int64_t>(d.inner, 1, kTile)),
        rows(std::max<std::int64_t>(1, kSlice / columns)),
        tiles(ceil_div(d.inner, columns)),
        slices(std::max<std::int64_t>(1, ceil_div(d.count, rows))) {}

  std::int64_t columns;
  std::int64_t rows;
  std::int64_t tiles;
  std::int64_t slices;
};

// partial[o, s, j] = join over the rows i of slice s of x[o, i, j]; a tile of a slice is one thread's.
template <class T>
void reduce_slices(ReduceOp op, const ReduceDims& d, const Slices& cut, const T* x, double* partial) {
  const std::int64_t work = std::max<std::int64_t>(1, std::min(cut.rows, d.count) * cut.columns);
  parallel_for(
      d.outer * cut.slices * cut.tiles, ceil_div(kSlice, work), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t column = item % cut.tiles * cut.columns;
          const std::int64_t row = item / cut.tiles % cut.slices * cut.rows;
          const std::int64_t o = item / cut.tiles / cut.slices;
          const std::int64_t rows = std::min(cut.rows, d.count - row);
          const T* const from = x + (o * d.count + row) * d.inner + column;
          double* const to = partial + item / cut.tiles * d.inner + column;
          if (d.inner == 1)
            *to = isa<T>().reduce_row(op, rows, from);
          else
            isa<T>().reduce_columns(op, rows, std::min(cut.columns, d.inner - column), d.inner, from, to);
        }
      });
}

}  // namespace

// y[o, j] = sum, largest or smallest over i of x[o, i, j]
template <class T>
void Cpu::reduce(Context&, ReduceOp op, const ReduceDims& d, const T* x, T* y) {
  const Slices cut(d);
  const double start = op == ReduceOp::sum ? 0.0 : op == ReduceOp::max ? -HUGE_VAL : HUGE_VAL;
  std::vector<double> partial(static_cast<std::size_t>(d.outer * cut.slices * d.inner), start);
  reduce_slices(op, d, cut, x, partial.data());
  for (std::int64_t o = 0; o < d.outer; ++o) {
    double* const total = partial.data() + o * cut.slices * d.inner;
    if (cut.slices > 1)
      isa<double>().reduce_columns(op, cut.slices - 1, d.inner, d.inner, total + d.inner, total);
    for (std::int64_t j = 0; j < d.inner; ++j) y[o * d.inner + j] = static_cast<T>(total[j]);
  }
}

// y[o, j] = the first i with the largest x[o, i, j], NaN being the largest; an o is one thread's.
template <class T>
void Cpu::argmax(Context&, const ReduceDims& d, const T* x, std::int32_t* y) {
  parallel_for(d.outer, ceil_div(kSlice, std::max<std::int64_t>(1, d.count * d.inner)),
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t o = begin; o < end; ++o) {
                   const T* const block = x + o * d.count * d.inner;
                   std::int32_t* const best = y + o * d.inner;
                   std::fill(best, best + d.inner, 0);
                   for (std::int64_t i = 1; i < d.count; ++i) {
                     for (std::int64_t j = 0; j < d.inner; ++j) {
                       const T value = block[i * d.inner + j];
                       const T largest = block[best[j] * d.inner + j];
                       if (value > largest || (value != value && largest == largest))
                         best[j] = static_cast<std::int32_t>(i);
                     }
                   }
                 }
               });
}

Reduced::Reduced(const char* op, const Shape& shape, const Axes& axes, bool keep_dims) : aligned(shape) {
  std::array<bool, Shape::kMaxRank> chosen{};
  if (axes.empty()) chosen.fill(true);
  for (const int axis : axes) {
    bool& slot = chosen[static_cast<std::size_t>(normalize_axis(op, axis, shape.rank()))];
    NOYAU_CHECK(!slot, op, ": axis ", axis, " is given twice");
    slot = true;
  }
  std::vector<std::int64_t> kept;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!chosen[static_cast<std::size_t>(axis)]) {
      kept.push_back(shape[axis]);
      continue;
    }
    count *= shape[axis];
    aligned[axis] = 1;
  }
  result = keep_dims ? aligned : Shape(std::span<const std::int64_t>(kept));
}

ReduceDims around_axis(const Shape& shape, int axis) {
  ReduceDims dims{.outer = 1, .count = shape[axis], .inner = 1};
  for (int before = 0; before < axis; ++before) dims.outer *= shape[before];
  for (int after = axis + 1; after < shape.rank(); ++after) dims.inner *= shape[after];
  return dims;
}

namespace {

// The steps from `shape` to `aligned`: one for each run of reduced axes, the last first; at least one.
std::vector<ReduceDims> reduction_steps(const Shape& shape, const Shape& aligned) {
  const int leading = shape.rank() - aligned.rank();
  const auto reduced = [&](int axis) {
    return axis < leading || (aligned[axis - leading] == 1 && shape[axis] != 1);
  };
  std::vector<ReduceDims> steps;
  std::int64_t inner = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (!reduced(axis)) {
      inner *= shape[axis];
      continue;
    }
    ReduceDims step{.outer = 1, .count = shape[axis], .inner = inner};
    for (; axis > 0 && reduced(axis - 1); --axis) step.count *= shape[axis - 1];
    for (int before = 0; before < axis; ++before) step.outer *= shape[before];
    steps.push_back(step);
  }
  if (steps.empty()) steps.push_back({.outer = 1, .count = 1, .inner = inner});
  return steps;
}

Tensor reduced(const char* name, ReduceOp op, const Tensor& x, const Shape& aligned, const Shape& result) {
  const std::vector<ReduceDims> steps = reduction_steps(x.shape(), aligned);
  Tensor y = x;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Shape shape = i + 1 == steps.size() ? result : Shape{steps[i].outer * steps[i].inner};
    const Tensor joined = empty(shape, {x.dtype(), x.device()});
    dispatch(StoredFloats{}, name, x, [&](auto on, Context& context, auto type) {
      using T = typename decltype(type)::type;
      on.template reduce<T>(context, op, steps[i], y.device_data<T>(), joined.device_data<T>());
    });
    y = joined;
  }
  return y;
}

// Everything equal to the extremum shares its gradient.
Tensor extremum(const char* name, ReduceOp op, const Tensor& x, const Axes& axes, bool keep_dims) {
  check_operands(name, {{"x", x}});
  const Reduced shapes(name, x.shape(), axes, keep_dims);
  NOYAU_CHECK(shapes.count > 0, name, ": x ", x.shape(), " has no elements along the reduced axes");
  const Tensor y = reduced(name, op, x, shapes.aligned, shapes.result);
  return record(name, y, {x},
                [x, aligned = shapes.aligned](const Tensor& dy, const Tensor& largest) -> Grads {
                  const Tensor ties = equal_to(x, reshape(largest, aligned)).to(x.dtype());
                  return {mul(ties, div(reshape(dy, aligned), sum_to(ties, aligned)))};
                },
                {.differentiable = true});
}

Tensor sum_named(const char* name, const Tensor& x, const Shape& aligned, const Shape& result) {
  const Tensor y = reduced(name, ReduceOp::sum, x, aligned, result);
  return record("sum", y, {x},
                [aligned, whole = x.shape()](const Tensor& dy, const Tensor&) -> Grads {
                  return {expand(dy, aligned, whole)};
                },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace

Tensor sum_aligned(const Tensor& x, const Shape& aligned, const Shape& result) {
  return x.shape() == result ? x : sum_named("sum", x, aligned, result);
}

Tensor sum(const Tensor& x, const Axes& axes, bool keep_dims) {
  check_operands("sum", {{"x", x}});
  const Reduced shapes("sum", x.shape(), axes, keep_dims);
  return sum_named("sum", x, shapes.aligned, shapes.result);
}

Tensor mean(const Tensor& x, const Axes& axes, bool keep_dims) {
  check_operands("mean", {{"x", x}});
  if (is_widened(x))
    return mean(x.to(Dtype::f32), axes, keep_dims).to(x.dtype());  // the sum may be too large
  const Reduced shapes("mean", x.shape(), axes, keep_dims);
  return mul(sum_named("mean", x, shapes.aligned, shapes.result), 1.0 / static_cast<double>(shapes.count));
}

// Two passes: the difference of a mean of squares and a squared mean would cancel.
Tensor variance(const Tensor& x, const Axes& axes, bool keep_dims, int correction) {
  check_operands("variance", {{"x", x}});
  if (is_widened(x)) return variance(x.to(Dtype::f32), axes, keep_dims, correction).to(x.dtype());
  const Reduced shapes("variance", x.shape(), axes, keep_dims);
  const std::int64_t divisor = shapes.count - correction;
  NOYAU_CHECK(divisor > 0, "variance: correction ", correction, " leaves nothing of ", shapes.count,
              " elements");
  const Tensor center = sum_named("variance", x, shapes.aligned, shapes.aligned);
  const Tensor distance = sub(x, mul(center, 1.0 / static_cast<double>(shapes.count)));
  return mul(sum_named("variance", mul(distance, distance), shapes.aligned, shapes.result),
             1.0 / static_cast<double>(divisor));
}

Tensor max(const Tensor& x, const Axes& axes, bool keep_dims) {
  return extremum("max", ReduceOp::max, x, axes, keep_dims);
}
Tensor min(const Tensor& x, const Axes& axes, bool keep_dims) {
  return extremum("min", ReduceOp::min, x, axes, keep_dims);
}

Tensor argmax(const Tensor& x, int axis, bool keep_dims) {
  check_operands("argmax", {{"x", x}});
  if (is_widened(x)) return argmax(x.to(Dtype::f32), axis, keep_dims);
  const ReduceDims dims = around_axis(x.shape(), normalize_axis("argmax", axis, x.rank()));
  NOYAU_CHECK(dims.count > 0, "argmax: x ", x.shape(), " has no elements along axis ", axis);
  const Tensor y = empty(Reduced("argmax", x.shape(), {axis}, keep_dims).result, {Dtype::i32, x.device()});
  dispatch(Floats{}, "argmax", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template argmax<T>(context, dims, x.device_data<T>(), y.device_data<std::int32_t>());
  });
  return y;
}

}  // namespace noyau::inline v0
