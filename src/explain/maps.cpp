// Maps as they are shown: scale, size, and what is wrong with them.
#include <algorithm>
#include <cmath>

#include "explain/subject.h"

namespace noyau::inline v0 {
namespace {

void check_maps(std::string_view caller, const Tensor& map) {
  NOYAU_CHECK(map.defined() && map.rank() == 3 && is_floating(map.dtype()), caller,
              ": expected maps [n, h, w], not ", map.defined() ? message(map) : "an undefined tensor");
}

}  // namespace

Tensor normalize_map(const Tensor& map, MapRange range, double epsilon) {
  check_maps("normalize_map", map);
  const NoGrad off;
  if (range == MapRange::none) return map;
  const Axes positions{1, 2};
  if (range == MapRange::maximum) {
    const Tensor largest = max(abs(map), positions, true);
    const Tensor zero = constant(map, 0);
    return map / where(equal_to(largest, zero), constant(map, 1), largest);
  }
  const Tensor low = min(map, positions, true);
  return (map - low) / (max(map, positions, true) - low + epsilon);
}

Tensor resize_map(const Tensor& map, Size2 size, ResizeMode mode) {
  check_maps("resize_map", map);
  const NoGrad off;
  const Tensor images = reshape(map, {map.dim(0), map.dim(1), map.dim(2), 1});
  return reshape(resize(images, size, mode), {map.dim(0), size.h, size.w});
}

std::string diagnose_map(const Tensor& map) {
  NOYAU_CHECK(map.defined() && (map.rank() == 2 || (map.rank() == 3 && map.dim(0) == 1)),
              "diagnose_map: expected one map [h, w]");
  const std::vector<double> values = map.to(Dtype::f64).to_vector<double>();
  const auto bad = std::ranges::count_if(values, [](double v) { return !std::isfinite(v); });
  if (bad > 0) {
    return message(bad, " of ", values.size(),
                   " values are not finite: the network's output or its gradient overflowed");
  }
  const auto [low, high] = std::ranges::minmax_element(values);
  if (*low == 0 && *high == 0) return "empty: no position speaks for the class by this method";
  if (*low == *high) return "constant: all positions count the same";
  if (std::max(std::abs(*low), std::abs(*high)) < 1e-6) {
    return message("almost empty: the largest value is ", std::max(std::abs(*low), std::abs(*high)),
                   "; a saturated probability does that, explain the logit");
  }
  return {};
}

}  // namespace noyau::inline v0
