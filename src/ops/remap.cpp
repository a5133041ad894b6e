#include "ops/remap.h"

#include <algorithm>

#include "backend.h"
#include "noyau/autograd.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kOutside = -1;

// Input position that output `i` reads, or kOutside.
std::int64_t source(const RemapAxis& axis, std::int64_t i) {
  const std::int64_t scaled = axis.begin + axis.step * i;
  if (scaled % axis.divisor != 0) return kOutside;
  const std::int64_t position = scaled / axis.divisor;
  if (position >= 0 && position < axis.in) return position;
  if (!axis.reflect) return kOutside;
  return position < 0 ? -position : 2 * (axis.in - 1) - position;
}

bool has_unit_step(const RemapAxis& axis) { return axis.step == 1 && axis.divisor == 1 && !axis.reflect; }

bool is_identity(const RemapAxis& axis) {
  return has_unit_step(axis) && axis.begin == 0 && axis.in == axis.out;
}

// The same map over fewer, longer axes: one that changes nothing joins its neighbour to the left.
RemapDims merged(const RemapDims& dims) {
  RemapDims result;
  for (int k = 0; k < dims.rank; ++k) {
    const RemapAxis& axis = dims.axes[k];
    if (result.rank > 0 && is_identity(axis) && has_unit_step(result.axes[result.rank - 1])) {
      RemapAxis& left = result.axes[result.rank - 1];
      left.out *= axis.out;
      left.in *= axis.in;
      left.begin *= axis.in;
    } else {
      result.axes[result.rank++] = axis;
    }
  }
  if (result.rank == 0) result.rank = 1;
  return result;
}

// i = (divisor * j - begin) / step, solved from begin + step * i = divisor * j.
RemapDims adjoint(const RemapDims& dims) {
  RemapDims result = dims;
  for (int k = 0; k < dims.rank; ++k) {
    const RemapAxis& axis = dims.axes[k];
    result.axes[k] = {axis.in, axis.out, -axis.begin, axis.divisor, axis.step, false};
  }
  return result;
}

template <class T>
void remap_row(const RemapAxis& axis, T fill, const T* x, T* y) {
  if (!has_unit_step(axis)) {
    for (std::int64_t i = 0; i < axis.out; ++i) {
      const std::int64_t from = source(axis, i);
      y[i] = from == kOutside ? fill : x[from];
    }
    return;
  }
  const std::int64_t first = std::clamp<std::int64_t>(-axis.begin, 0, axis.out);
  const std::int64_t last = std::clamp<std::int64_t>(axis.in - axis.begin, first, axis.out);
  std::fill(y, y + first, fill);
  std::copy(x + axis.begin + first, x + axis.begin + last, y + first);
  std::fill(y + last, y + axis.out, fill);
}

}  // namespace

// y[i0, i1, ..] = x[source(0, i0), source(1, i1), ..], or fill if one of them is outside; a thread owns rows of y.
template <class T>
void Cpu::remap(Context&, const RemapDims& dims, T fill, const T* x, T* y) {
  const RemapDims d = merged(dims);
  const RemapAxis& last = d.axes[d.rank - 1];
  std::int64_t rows = 1;
  for (int k = 0; k + 1 < d.rank; ++k) rows *= d.axes[k].out;
  parallel_for(rows, 1 + (1 << 13) / (last.out + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t rest = row;
      std::int64_t from = 0;
      std::int64_t stride = last.in;
      for (int k = d.rank - 2; k >= 0 && from != kOutside; --k) {
        const std::int64_t position = source(d.axes[k], rest % d.axes[k].out);
        from = position == kOutside ? kOutside : from + position * stride;
        stride *= d.axes[k].in;
        rest /= d.axes[k].out;
      }
      if (from == kOutside)
        std::fill_n(y + row * last.out, last.out, fill);
      else
        remap_row(last, fill, x + from, y + row * last.out);
    }
  });
}

RemapDims identity_remap(const Shape& shape) {
  RemapDims dims;
  for (std::int64_t extent : shape) dims.axes[dims.rank++] = {extent, extent};
  return dims;
}

Tensor remapped(const char* name, const Tensor& x, const RemapDims& dims, double fill) {
  Shape shape = x.shape();
  for (int axis = 0; axis < dims.rank; ++axis) shape[axis] = dims.axes[axis].out;
  const Tensor y = empty(shape, {x.dtype(), x.device()});
  const Tensor value = full({}, fill, {x.dtype()});
  if (y.size() == 0) return y;
  dispatch(AllTypes{}, name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template remap<T>(context, dims, *value.data<T>(), x.device_data<T>(), y.device_data<T>());
  });
  return y;
}

Tensor remap(const char* name, const Tensor& x, const RemapDims& dims, double fill) {
  return record(name, remapped(name, x, dims, fill), {x},
                [=](const Tensor& dy, const Tensor&) -> Grads { return {remap(name, dy, adjoint(dims), 0)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
