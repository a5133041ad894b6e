#include <algorithm>
#include <cmath>
#include <vector>

#include "backend.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

// A banded matrix: row j weighs the cells from start[j] on with weights[begin[j]] .. weights[begin[j + 1] - 1].
struct Taps {
  explicit Taps(std::int64_t columns_) : columns(columns_) {}

  std::int64_t rows() const { return static_cast<std::int64_t>(start.size()); }
  std::int64_t size(std::int64_t row) const {
    return begin[static_cast<std::size_t>(row) + 1] - begin[static_cast<std::size_t>(row)];
  }
  void end_row(std::int64_t first) {
    start.push_back(static_cast<std::int32_t>(first));
    begin.push_back(static_cast<std::int32_t>(weights.size()));
  }

  std::int64_t columns;
  std::vector<std::int32_t> start;
  std::vector<std::int32_t> begin{0};
  std::vector<double> weights;
};

// Two neighbours of the position `at`, clamped to the cells there are; a weight of 0 is left out, so that a NaN beside
// an exact hit stays out.
void add_linear_row(Taps& taps, double at) {
  const double clamped = std::clamp(at, 0.0, static_cast<double>(taps.columns - 1));
  const double lower = std::floor(clamped);
  taps.weights.push_back(1 - (clamped - lower));
  if (clamped > lower) taps.weights.push_back(clamped - lower);
  taps.end_row(static_cast<std::int64_t>(lower));
}

// Cells that output j covers, in units of 1 / out cells: j spans [j * in, (j + 1) * in), cell i [i * out, (i + 1) * out).
void add_area_row(Taps& taps, std::int64_t j, std::int64_t out) {
  const std::int64_t in = taps.columns;
  const std::int64_t first = j * in / out;
  for (std::int64_t i = first; i * out < (j + 1) * in; ++i) {
    const std::int64_t overlap = std::min((i + 1) * out, (j + 1) * in) - std::max(i * out, j * in);
    taps.weights.push_back(static_cast<double>(overlap) / static_cast<double>(in));
  }
  taps.end_row(first);
}

Taps make_taps(ResizeMode mode, std::int64_t in, std::int64_t out) {
  Taps taps(in);
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double corner_scale = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  for (std::int64_t j = 0; j < out; ++j) {
    const auto position = static_cast<double>(j);
    switch (mode) {
      case ResizeMode::nearest:
        taps.weights.push_back(1);
        taps.end_row((2 * j + 1) * in / (2 * out));
        break;
      case ResizeMode::bilinear:
        add_linear_row(taps, (position + 0.5) * scale - 0.5);
        break;
      case ResizeMode::bilinear_align_corners:
        add_linear_row(taps, position * corner_scale);
        break;
      case ResizeMode::area:
        add_area_row(taps, j, out);
        break;
    }
  }
  return taps;
}

// The transposed matrix, banded as well: the rows that weigh a cell are neighbours.
Taps transposed(const Taps& taps) {
  Taps result(taps.rows());
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < taps.columns; ++i) {
    const auto last_cell = [&](std::int64_t j) {
      return taps.start[static_cast<std::size_t>(j)] + taps.size(j) - 1;
    };
    while (first < taps.rows() && last_cell(first) < i) ++first;
    for (std::int64_t j = first; j < taps.rows() && taps.start[static_cast<std::size_t>(j)] <= i; ++j) {
      const auto row = static_cast<std::size_t>(j);
      result.weights.push_back(taps.weights[static_cast<std::size_t>(taps.begin[row] + i - taps.start[row])]);
    }
    result.end_row(first);
  }
  return result;
}

// `x` with axis 1 (rows) or 2 (columns) multiplied by the matrix.
Tensor resampled(const Tensor& x, int axis, const Taps& taps) {
  ResampleDims d{1, x.dim(axis), taps.rows(), 1};
  for (int k = 0; k < x.rank(); ++k) (k < axis ? d.outer : d.inner) *= k == axis ? 1 : x.dim(k);
  Shape shape = x.shape();
  shape[axis] = taps.rows();
  const Tensor y = empty(shape, {x.dtype(), x.device()});
  const auto count = static_cast<std::int64_t>(taps.weights.size());
  const Tensor start = from_vector(taps.start, {taps.rows()}).to(x.device());
  const Tensor begin = from_vector(taps.begin, {taps.rows() + 1}).to(x.device());
  const Tensor weights = from_vector(taps.weights, {count}).to(x.dtype()).to(x.device());
  dispatch(Floats{}, "resize", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template resample<T>(context, d, start.device_data<std::int32_t>(), begin.device_data<std::int32_t>(),
                            weights.device_data<T>(), x.device_data<T>(), y.device_data<T>());
  });
  return record(
      "resize", y, {x},
      [=](const Tensor& dy, const Tensor&) -> Grads { return {resampled(dy, axis, transposed(taps))}; },
      {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace

// y[o, j, i] = sum over t in [begin[j], begin[j + 1]) of weights[t] * x[o, start[j] + t - begin[j], i]; a thread owns
// rows (o, j).
template <class T>
void Cpu::resample(Context&, const ResampleDims& d, const std::int32_t* start, const std::int32_t* begin,
                   const T* weights, const T* x, T* y) {
  parallel_for(d.outer * d.out, 1 + (1 << 13) / (d.inner + 1), [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t j = row % d.out;
      const T* from = x + (row / d.out * d.in + start[j]) * d.inner;
      T* const to = y + row * d.inner;
      if (begin[j] == begin[j + 1]) std::fill_n(to, d.inner, T{0});
      for (std::int32_t t = begin[j]; t < begin[j + 1]; ++t, from += d.inner) {
        const T weight = weights[t];
        if (t == begin[j]) {
          for (std::int64_t i = 0; i < d.inner; ++i) to[i] = weight * from[i];
        } else {
          for (std::int64_t i = 0; i < d.inner; ++i) to[i] += weight * from[i];
        }
      }
    }
  });
}

Tensor resize(const Tensor& x, Size2 size, ResizeMode mode) {
  if (is_widened(x)) return resize(x.to(Dtype::f32), size, mode).to(x.dtype());
  NOYAU_CHECK(x.defined() && x.rank() == 4, "resize: x must be [n, h, w, c], not ", x);
  NOYAU_CHECK(size.h >= 1 && size.w >= 1, "resize: size ", size.h, "x", size.w, " must be at least 1x1");
  NOYAU_CHECK(x.dim(1) >= 1 && x.dim(2) >= 1, "resize: empty images ", x.shape());
  Tensor y = x;
  if (size.h != x.dim(1)) y = resampled(y, 1, make_taps(mode, x.dim(1), size.h));
  if (size.w != x.dim(2)) y = resampled(y, 2, make_taps(mode, x.dim(2), size.w));
  return y;
}

}  // namespace noyau::inline v0
