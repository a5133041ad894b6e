#include <algorithm>
#include <array>

#include "noyau/ops.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {

Tensor reshape(const Tensor& x, const Shape& shape) {
  NOYAU_CHECK(x.defined(), "reshape: x is undefined");
  NOYAU_CHECK(shape.size() == x.size(), "reshape: ", x.shape(), " has ", x.size(), " elements but ", shape,
              " has ", shape.size());
  const Shape before = x.shape();
  const Tensor y = make_view(x.impl()->storage, x.impl()->offset, shape, x.dtype());
  return record("reshape", y, {x},
                [=](const Tensor& dy, const Tensor&) -> Grads { return {reshape(dy, before)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> extents) {
  NOYAU_CHECK(x.defined(), "reshape: x is undefined");
  const auto free = std::ranges::count(extents, -1);
  NOYAU_CHECK(free <= 1, "reshape: ", free, " extents are -1; at most one can be found");
  if (free == 0) return reshape(x, Shape(extents));
  std::array<std::int64_t, Shape::kMaxRank> filled{};
  NOYAU_CHECK(extents.size() <= filled.size(), "reshape: ", extents.size(), " extents; the largest rank is ",
              int{Shape::kMaxRank});
  std::int64_t rest = 1;
  for (std::int64_t extent : extents) rest *= extent == -1 ? 1 : extent;
  NOYAU_CHECK(rest > 0 && x.size() % rest == 0, "reshape: no extent for -1: ", x.shape(), " has ", x.size(),
              " elements and the other extents multiply to ", rest);
  std::ranges::replace_copy(extents, filled.begin(), -1, x.size() / rest);
  return reshape(x, Shape(std::span<const std::int64_t>(filled).first(extents.size())));
}

Tensor flatten(const Tensor& x) {
  NOYAU_CHECK(x.defined(), "flatten: x is undefined");
  NOYAU_CHECK(x.rank() >= 1, "flatten: a scalar has no leading axis to keep");
  const std::int64_t n = x.dim(0);
  std::int64_t rest = 1;
  for (int axis = 1; axis < x.rank(); ++axis) rest *= x.dim(axis);
  return reshape(x, Shape{n, rest});
}

}  // namespace noyau::inline v0
