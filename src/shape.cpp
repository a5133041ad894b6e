#include "noyau/shape.h"

#include <algorithm>

namespace noyau::inline v0 {

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  NOYAU_CHECK(extents.size() <= kMaxRank, "shape: rank ", rank_, " is above the largest, ", int{kMaxRank});
  std::copy(extents.begin(), extents.end(), extents_.begin());
  for (std::int64_t extent : extents) NOYAU_CHECK(extent >= 0, "shape: negative extent in ", *this);
}

std::int64_t Shape::size() const {
  std::int64_t product = 1;
  for (std::int64_t extent : *this) product *= extent;
  return product;
}

std::int64_t Shape::dim(int axis) const {
  const int from_front = axis < 0 ? axis + rank_ : axis;
  NOYAU_CHECK(from_front >= 0 && from_front < rank_, "shape: axis ", axis, " is out of range for ", *this);
  return (*this)[from_front];
}

int normalize_axis(std::string_view op, int axis, int rank) {
  NOYAU_CHECK(axis >= -rank && axis < rank, op, ": axis ", axis, " is out of range for rank ", rank);
  return axis < 0 ? axis + rank : axis;
}

Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b) {
  Shape result = a.rank() >= b.rank() ? a : b;
  for (int back = 1; back <= std::min(a.rank(), b.rank()); ++back) {
    const std::int64_t x = a[a.rank() - back];
    const std::int64_t y = b[b.rank() - back];
    NOYAU_CHECK(x == y || x == 1 || y == 1, op, ": shapes ", a, " and ", b, " do not broadcast (", x,
                " against ", y, " at axis ", -back, ")");
    result[result.rank() - back] = x == 1 ? y : x;
  }
  return result;
}

void append(std::string& text, const Shape& shape) {
  text += '[';
  for (int i = 0; i < shape.rank(); ++i) {
    if (i > 0) text += ", ";
    append(text, shape[i]);
  }
  text += ']';
}

}  // namespace noyau::inline v0
