#include <algorithm>

#include "noyau/ops.h"
#include "ops/remap.h"

namespace noyau::inline v0 {

Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step) {
  NOYAU_CHECK(x.defined(), "slice: x is undefined");
  const int k = normalize_axis("slice", axis, x.rank());
  const std::int64_t extent = x.dim(k);
  const std::int64_t first = begin < 0 ? begin + extent : begin;
  const std::int64_t last = end < 0 ? end + extent : end;
  NOYAU_CHECK(step >= 1, "slice: step ", step, " is below 1; flip() reverses");
  NOYAU_CHECK(first >= 0 && first <= last && last <= extent, "slice: [", begin, ", ", end,
              ") is not within axis ", axis, " of ", x.shape());
  RemapDims dims = identity_remap(x.shape());
  dims.axes[k] = {(last - first + step - 1) / step, extent, first, step};
  return remap("slice", x, dims, 0);
}

Tensor flip(const Tensor& x, const Axes& axes) {
  NOYAU_CHECK(x.defined(), "flip: x is undefined");
  RemapDims dims = identity_remap(x.shape());
  for (int axis : axes) {
    const int k = normalize_axis("flip", axis, x.rank());
    NOYAU_CHECK(dims.axes[k].step == 1, "flip: axis ", axis, " is given twice");
    dims.axes[k] = {x.dim(k), x.dim(k), x.dim(k) - 1, -1};
  }
  return remap("flip", x, dims, 0);
}

namespace {

// Gradient of a reflection along one axis: what was copied out of the middle, plus each border folded back.
Tensor folded(const Tensor& dy, int axis, const PadWidth& width, std::int64_t extent) {
  std::vector<PadWidth> place(static_cast<std::size_t>(dy.rank()));
  PadWidth& along = place[static_cast<std::size_t>(axis)];
  Tensor dx = slice(dy, axis, width.before, width.before + extent);
  if (width.before > 0) {
    along = {1, extent - 1 - width.before};
    dx = dx + pad(flip(slice(dy, axis, 0, width.before), {axis}), place);
  }
  if (width.after > 0) {
    const std::int64_t begin = width.before + extent;
    along = {extent - 1 - width.after, 1};
    dx = dx + pad(flip(slice(dy, axis, begin, begin + width.after), {axis}), place);
  }
  return dx;
}

}  // namespace

Tensor pad(const Tensor& x, const std::vector<PadWidth>& widths, PadMode mode, double value) {
  NOYAU_CHECK(x.defined(), "pad: x is undefined");
  NOYAU_CHECK(static_cast<int>(widths.size()) == x.rank(), "pad: ", static_cast<int>(widths.size()),
              " widths for x ", x.shape());
  const bool reflect = mode == PadMode::reflect;
  RemapDims dims = identity_remap(x.shape());
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto [before, after] = widths[static_cast<std::size_t>(axis)];
    if (before == 0 && after == 0) continue;
    NOYAU_CHECK(before >= 0 && after >= 0, "pad: negative width (", before, ", ", after, ") of axis ", axis,
                "; slice() cuts");
    NOYAU_CHECK(!reflect || std::max(before, after) < x.dim(axis), "pad: reflection of width (", before, ", ",
                after, ") needs an extent above it, but axis ", axis, " of ", x.shape(), " has ",
                x.dim(axis));
    dims.axes[axis] = {x.dim(axis) + before + after, x.dim(axis), -before, 1, 1, reflect};
  }
  if (!reflect) return remap("pad", x, dims, value);
  const Shape shape = x.shape();
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    Tensor dx = dy;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      dx = folded(dx, axis, widths[static_cast<std::size_t>(axis)], shape[axis]);
    }
    return {dx};
  };
  return record("pad", remapped("pad", x, dims, 0), {x}, backward,
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
