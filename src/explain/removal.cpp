// Scores while the pixels that a map ranks are removed or put back.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/ranks.h"
#include "noyau/faithfulness.h"

namespace noyau::inline v0 {
namespace {

// [1, h, w, 1]: 1 at the given positions.
Tensor mask_of(std::span<const std::int64_t> positions, const Tensor& x) {
  std::vector<float> cells(static_cast<std::size_t>(x.dim(1) * x.dim(2)));
  for (const std::int64_t position : positions) cells[static_cast<std::size_t>(position)] = 1;
  return from_vector(cells, {1, x.dim(1), x.dim(2), 1}).to(x.dtype()).to(x.device());
}

// Row i of the result: scores while the first share of image i's pixels go from `from` to `to`.
Tensor curve(const NetworkView& net, const Tensor& x, const Tensor& from, const Tensor& to, const Tensor& map,
             const CurveOptions& options) {
  NOYAU_CHECK(options.steps > 0, "curve: ", options.steps, " steps");
  const Evaluating mode(net);
  const NoGrad off;
  const auto order = falling_order(map, options.seed);
  return by_rows(x.dim(0), 1, [&](std::int64_t n, std::int64_t end) {
    const std::vector<std::int64_t>& positions = order[static_cast<std::size_t>(n)];
    std::vector<Tensor> masks;
    for (int step = 0; step <= options.steps; ++step) {
      const std::size_t count =
          positions.size() * static_cast<std::size_t>(step) / static_cast<std::size_t>(options.steps);
      masks.push_back(mask_of(std::span(positions).first(count), x));
    }
    const Tensor moved = concat(masks, 0);
    const Tensor weights = weights_at(net, slice(x, 0, n, end), options.target.rows(n, end));
    const Tensor output = net(slice(from, 0, n, end) * (1.0 - moved) + slice(to, 0, n, end) * moved);
    return reshape(scores_of(output, broadcast_to(weights, output.shape()), options.score),
                   {1, options.steps + 1});
  });
}

Tensor along(const Tensor& x, const std::vector<double>& window, int axis) {
  const auto radius = static_cast<std::int64_t>(window.size() / 2);
  Tensor total;
  std::vector<PadWidth> widths(4);
  widths[static_cast<std::size_t>(axis)] = {radius, radius};
  const Tensor wide = pad(x, widths, PadMode::reflect);
  for (std::int64_t i = 0; i <= 2 * radius; ++i) {
    const Tensor part = slice(wide, axis, i, i + x.dim(axis)) * window[static_cast<std::size_t>(i)];
    total = total.defined() ? total + part : part;
  }
  return total;
}

std::vector<double> gaussian(double sigma, std::int64_t extent) {
  const auto radius = std::min<std::int64_t>(static_cast<std::int64_t>(std::ceil(3 * sigma)), extent - 1);
  std::vector<double> window;
  for (std::int64_t i = -radius; i <= radius; ++i) {
    window.push_back(std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma)));
  }
  const double total = std::accumulate(window.begin(), window.end(), 0.0);
  for (double& value : window) value /= total;
  return window;
}

}  // namespace

void check_map(std::string_view caller, const Tensor& x, const Tensor& map) {
  check_images(caller, x);
  NOYAU_CHECK(map.defined() && map.shape() == (Shape{x.dim(0), x.dim(1), x.dim(2)}), caller, ": images are ",
              x.shape(), " but maps ", map.defined() ? message(map.shape()) : "undefined",
              "; resize_map() brings maps to the size of the images");
}

std::vector<std::vector<std::int64_t>> falling_order(const Tensor& map, std::uint64_t seed) {
  const std::vector<double> values = map.to(Dtype::f64).to_vector<double>();
  const std::int64_t size = map.dim(1) * map.dim(2);
  Generator generator = stream(seed, 0x6f72646572);
  const std::vector<std::int64_t> shuffled = permutation(size, generator);
  std::vector<std::vector<std::int64_t>> orders(static_cast<std::size_t>(map.dim(0)), shuffled);
  for (std::size_t n = 0; n < orders.size(); ++n) {
    const double* const cells = values.data() + n * static_cast<std::size_t>(size);
    const auto key = [&](std::int64_t i) { return std::isnan(cells[i]) ? -HUGE_VAL : cells[i]; };
    std::ranges::stable_sort(orders[n], std::greater<>(), key);
  }
  return orders;
}

Tensor deletion_curve(const NetworkView& net, const Tensor& x, const Tensor& map,
                      const CurveOptions& options) {
  check_map("deletion_curve", x, map);
  return curve(net, x, x, baseline_like(x, options.baseline), map, options);
}

Tensor insertion_curve(const NetworkView& net, const Tensor& x, const Tensor& map,
                       const CurveOptions& options) {
  check_map("insertion_curve", x, map);
  const Tensor baseline = options.baseline.defined()
                              ? baseline_like(x, options.baseline)
                              : gaussian_blur(x, 1.5 * static_cast<double>(x.dim(2)) / 32);
  return curve(net, x, baseline, x, map, options);
}

Tensor curve_area(const Tensor& curve) {
  NOYAU_CHECK(curve.rank() == 2 && curve.dim(1) > 1, "curve_area: expected curves [n, points], not ", curve);
  const std::int64_t points = curve.dim(1);
  const Tensor ends = slice(curve, 1, 0, 1) + slice(curve, 1, points - 1, points);
  return (sum(curve, {1}) - reshape(ends, {curve.dim(0)}) * 0.5) * (1.0 / static_cast<double>(points - 1));
}

Tensor gaussian_blur(const Tensor& x, double sigma) {
  check_images("gaussian_blur", x);
  NOYAU_CHECK(sigma > 0, "gaussian_blur: sigma is ", sigma);
  const NoGrad off;
  return along(along(x, gaussian(sigma, x.dim(1)), 1), gaussian(sigma, x.dim(2)), 2);
}

Drop confidence_drop(const NetworkView& net, const Tensor& x, const Tensor& map,
                     const CurveOptions& options) {
  check_map("confidence_drop", x, map);
  const Evaluating mode(net);
  const NoGrad off;
  const Tensor baseline = baseline_like(x, options.baseline);
  const Tensor seen = reshape(normalize_map(map, MapRange::min_max), {x.dim(0), x.dim(1), x.dim(2), 1});
  const Tensor masked = baseline + seen * (x - baseline);
  std::vector<Tensor> increases;
  const Tensor drops = by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor output = net(slice(x, 0, begin, end));
    const Tensor weights = target_weights(options.target.rows(begin, end), output);
    const Tensor before = scores_of(output, weights, options.score);
    const Tensor after = scores_of(net(slice(masked, 0, begin, end)), weights, options.score);
    increases.push_back(less(before, after).to(x.dtype()));
    return relu(before - after) / maximum(abs(before), constant(before, 1e-12));
  });
  return {drops, concat(increases, 0)};
}

}  // namespace noyau::inline v0
