#include <algorithm>

#include "backend.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

void check_indices(const char* op, const char* name, const Tensor& x, const Tensor& indices,
                   std::int64_t limit) {
  NOYAU_CHECK(indices.defined() && indices.dtype() == Dtype::i32, op, ": ", name, " must be i32, not ",
              indices);
  NOYAU_CHECK(indices.device() == x.device(), op, ": operands on different devices (x on ", x.device(), ", ",
              name, " on ", indices.device(), ")");
  if (indices.size() == 0) return;
  std::int32_t bounds[2] = {};
  by_device(op, indices.device(), [&](auto on, Context& context) {
    on.index_bounds(context, indices.size(), indices.device_data<std::int32_t>(), bounds);
  });
  const std::int32_t worst = bounds[0] < 0 ? bounds[0] : bounds[1];
  NOYAU_CHECK(worst >= 0 && worst < limit, op, ": ", name, " hold ", worst, ", which is not in [0, ", limit,
              ")");
}

Tensor scatter(const Tensor& dy, const Tensor& indices, const GatherDims& d, int axis, const Shape& shape);

Tensor gathered(const Tensor& x, const Tensor& indices, const GatherDims& d, int axis) {
  const Shape source = x.shape();
  std::vector<std::int64_t> extents(source.begin(), source.begin() + axis);
  extents.insert(extents.end(), indices.shape().begin(), indices.shape().end());
  extents.insert(extents.end(), source.begin() + axis + 1, source.end());
  const Tensor y = empty(Shape(std::span<const std::int64_t>(extents)), {x.dtype(), x.device()});
  dispatch(AllTypes{}, "gather", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template gather_forward<T>(context, d, x.device_data<T>(), indices.device_data<std::int32_t>(),
                                  y.device_data<T>());
  });
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    return {scatter(dy, indices, d, axis, source), Tensor()};
  };
  return record("gather", y, {x, indices}, backward, {.differentiable = true, .reads_output = false});
}

// Rows of dy added up where they were gathered from.
Tensor scatter(const Tensor& dy, const Tensor& indices, const GatherDims& d, int axis, const Shape& shape) {
  const Tensor dx = empty(shape, {dy.dtype(), dy.device()});
  dispatch(Floats{}, "gather", dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template gather_dinput<T>(context, d, dy.device_data<T>(), indices.device_data<std::int32_t>(),
                                 dx.device_data<T>());
  });
  const auto backward = [=](const Tensor& ddx, const Tensor&) -> Grads {
    return {gathered(ddx, indices, d, axis), Tensor()};
  };
  return record("gather_adjoint", dx, {dy, indices}, backward,
                {.differentiable = true, .reads_output = false});
}

}  // namespace

void Cpu::index_bounds(Context&, std::int64_t count, const std::int32_t* indices,
                       std::int32_t* lowest_highest) {
  const auto [lowest, highest] = std::minmax_element(indices, indices + count);
  lowest_highest[0] = *lowest;
  lowest_highest[1] = *highest;
}

// y[o, k, i] = x[o, indices[k], i]; a thread owns rows of y.
template <class T>
void Cpu::gather_forward(Context&, const GatherDims& d, const T* x, const std::int32_t* indices, T* y) {
  parallel_for(d.outer * d.count, 1 + (1 << 14) / (d.inner + 1), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t from = row / d.count * d.extent + indices[row % d.count];
      std::copy_n(x + from * d.inner, d.inner, y + row * d.inner);
    }
  });
}

// dx[o, e, i] = sum of dy[o, k, i] over k with indices[k] = e, in order of k; a thread owns o and a run of i.
template <class T>
void Cpu::gather_dinput(Context&, const GatherDims& d, const T* dy, const std::int32_t* indices, T* dx) {
  constexpr std::int64_t kRun = 64;
  const std::int64_t runs = (d.inner + kRun - 1) / kRun;
  parallel_for(d.outer * runs, 1, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t first = job % runs * kRun;
      const std::int64_t width = std::min(kRun, d.inner - first);
      T* const out = dx + job / runs * d.extent * d.inner + first;
      const T* const in = dy + job / runs * d.count * d.inner + first;
      for (std::int64_t e = 0; e < d.extent; ++e) std::fill_n(out + e * d.inner, width, T{0});
      for (std::int64_t k = 0; k < d.count; ++k) {
        T* const row = out + indices[k] * d.inner;
        for (std::int64_t i = 0; i < width; ++i) row[i] += in[k * d.inner + i];
      }
    }
  });
}

// y[k, c] = 1 where ids[k] = c, else 0; a thread owns rows of y.
template <class T>
void Cpu::one_hot(Context&, std::int64_t count, std::int64_t classes, const std::int32_t* ids, T* y) {
  parallel_for(count, 1 + (1 << 14) / classes, [=](std::int64_t begin, std::int64_t end) {
    std::fill(y + begin * classes, y + end * classes, T{0});
    for (std::int64_t k = begin; k < end; ++k) y[k * classes + ids[k]] = T{1};
  });
}

Tensor gather(const Tensor& x, const Tensor& indices, int axis) {
  NOYAU_CHECK(x.defined(), "gather: x is undefined");
  const int k = normalize_axis("gather", axis, x.rank());
  check_indices("gather", "indices", x, indices, x.dim(k));
  GatherDims d{1, x.dim(k), indices.size(), 1};
  for (int i = 0; i < x.rank(); ++i) (i < k ? d.outer : d.inner) *= i == k ? 1 : x.dim(i);
  return gathered(x, indices, d, k);
}

Tensor one_hot(const Tensor& ids, std::int64_t classes, Dtype dtype) {
  NOYAU_CHECK(classes >= 1, "one_hot: ", classes, " classes; at least 1 is needed");
  check_indices("one_hot", "ids", ids, ids, classes);
  std::vector<std::int64_t> extents(ids.shape().begin(), ids.shape().end());
  extents.push_back(classes);
  const Tensor y = empty(Shape(std::span<const std::int64_t>(extents)), {dtype, ids.device()});
  dispatch(Types<float, double, std::int32_t, std::uint8_t>{}, "one_hot", y,
           [&](auto on, Context& context, auto type) {
             using T = typename decltype(type)::type;
             on.template one_hot<T>(context, ids.size(), classes, ids.device_data<std::int32_t>(),
                                    y.device_data<T>());
           });
  return y;
}

}  // namespace noyau::inline v0
