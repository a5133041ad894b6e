#include <algorithm>

#include "backend.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kTile = 16;

// The same permutation over fewer axes: neighbours that stay neighbours are joined.
TransposeDims merged(const TransposeDims& dims) {
  TransposeDims result;
  for (int k = 0; k < dims.rank; ++k) {
    const int left = result.rank - 1;
    if (dims.extents[k] == 1) continue;
    if (left >= 0 && result.strides[left] == dims.extents[k] * dims.strides[k]) {
      result.extents[left] *= dims.extents[k];
      result.strides[left] = dims.strides[k];
    } else {
      result.extents[result.rank] = dims.extents[k];
      result.strides[result.rank++] = dims.strides[k];
    }
  }
  return result;
}

// y[a, b] = x[a, b] for a < rows, b < columns, where both have strides of their own; tiles keep both in cache.
template <class T>
void copy_tile(std::int64_t rows, std::int64_t columns, const T* x, std::int64_t x_row, std::int64_t x_column,
               T* y, std::int64_t y_row) {
  for (std::int64_t b0 = 0; b0 < columns; b0 += kTile) {
    const std::int64_t b1 = std::min(columns, b0 + kTile);
    for (std::int64_t a = 0; a < rows; ++a) {
      for (std::int64_t b = b0; b < b1; ++b) y[a * y_row + b] = x[a * x_row + b * x_column];
    }
  }
}

}  // namespace

// y[i0, i1, ..] = x[i0 * strides[0] + i1 * strides[1] + ..]; a thread owns tiles of kTile positions of the axis that
// is contiguous in x, and all positions of the axis that is contiguous in y.
template <class T>
void Cpu::transpose(Context&, const TransposeDims& dims, const T* x, T* y) {
  TransposeDims d = merged(dims);
  if (d.rank <= 1) d = {2, {1, d.rank == 0 ? 1 : d.extents[0]}, {0, 1}};
  const int last = d.rank - 1;
  int tiled =
      last - 1;  // the axis taken in tiles: the one contiguous in x, unless that is the last in y as well
  for (int k = 0; k < last; ++k) tiled = d.strides[k] == 1 ? k : tiled;
  std::int64_t out_strides[TransposeDims::kMaxRank];
  std::int64_t size = 1;
  for (int k = last; k >= 0; --k) {
    out_strides[k] = size;
    size *= d.extents[k];
  }
  if (size == 0) return;
  const std::int64_t tiles = (d.extents[tiled] + kTile - 1) / kTile;
  const std::int64_t jobs = size / d.extents[last] / d.extents[tiled] * tiles;
  parallel_for(jobs, 1 + (1 << 13) / (kTile * d.extents[last]), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t first = job % tiles * kTile;
      std::int64_t rest = job / tiles;
      std::int64_t from = first * d.strides[tiled];
      std::int64_t to = first * out_strides[tiled];
      for (int k = last - 1; k >= 0; --k) {
        if (k == tiled) continue;
        from += rest % d.extents[k] * d.strides[k];
        to += rest % d.extents[k] * out_strides[k];
        rest /= d.extents[k];
      }
      copy_tile(std::min(kTile, d.extents[tiled] - first), d.extents[last], x + from, d.strides[tiled],
                d.strides[last], y + to, out_strides[tiled]);
    }
  });
}

Tensor transpose(const Tensor& x, const Axes& order) {
  NOYAU_CHECK(x.defined(), "transpose: x is undefined");
  const auto rank = static_cast<std::size_t>(x.rank());
  NOYAU_CHECK(order.empty() || order.size() == rank, "transpose: ", static_cast<int>(order.size()),
              " axes for x ", x.shape());
  Axes from(rank);
  Axes inverse(rank, -1);
  std::array<std::int64_t, Shape::kMaxRank> strides{};
  std::int64_t stride = 1;
  for (std::size_t k = rank; k-- > 0; stride *= x.shape()[static_cast<int>(k)]) strides[k] = stride;
  Shape shape = x.shape();
  TransposeDims d;
  for (std::size_t k = 0; k < rank; ++k) {
    from[k] =
        order.empty() ? static_cast<int>(rank - 1 - k) : normalize_axis("transpose", order[k], x.rank());
    const auto axis = static_cast<std::size_t>(from[k]);
    NOYAU_CHECK(inverse[axis] == -1, "transpose: axis ", from[k], " is given twice");
    inverse[axis] = static_cast<int>(k);
    shape[static_cast<int>(k)] = d.extents[k] = x.dim(from[k]);
    d.strides[k] = strides[axis];
  }
  d.rank = x.rank();
  const Tensor y = empty(shape, {x.dtype(), x.device()});
  dispatch(AllTypes{}, "transpose", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template transpose<T>(context, d, x.device_data<T>(), y.device_data<T>());
  });
  return record("transpose", y, {x},
                [=](const Tensor& dy, const Tensor&) -> Grads { return {transpose(dy, inverse)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
