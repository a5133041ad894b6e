// Measures of maps that need no order of pixels, the randomisation cascade, and images with a known answer.
#include "noyau/faithfulness.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "explain/ranks.h"
#include "noyau/stats.h"

namespace noyau::inline v0 {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// [samples, h, w, 1]: 1 inside a random square of a quarter to a half of the smaller side.
Tensor random_squares(const Tensor& x, int samples, std::uint64_t seed) {
  const std::int64_t h = x.dim(1);
  const std::int64_t w = x.dim(2);
  const Tensor squares = zeros({samples, h, w, 1});
  float* const cells = squares.mutable_data<float>();
  const std::int64_t smallest = std::max<std::int64_t>(1, std::min(h, w) / 4);
  const std::int64_t largest = std::max(smallest, std::min(h, w) / 2);
  const auto below = [](Generator& g, std::int64_t bound) {
    return static_cast<std::int64_t>(g.below(static_cast<std::uint32_t>(bound)));
  };
  for (int i = 0; i < samples; ++i) {
    Generator generator = stream(seed, 0x7371, static_cast<std::uint64_t>(i));
    const std::int64_t side = smallest + below(generator, largest - smallest + 1);
    const std::int64_t top = below(generator, h - side + 1);
    const std::int64_t left = below(generator, w - side + 1);
    for (std::int64_t row = top; row < top + side; ++row) {
      std::fill_n(cells + (i * h + row) * w + left, side, 1.F);
    }
  }
  return squares.to(x.dtype()).to(x.device());
}

// min over beta of |beta a - d|^2 / |d|^2
double unexplained(const std::vector<double>& a, const std::vector<double>& d) {
  double aa = 0;
  double ad = 0;
  double dd = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += a[i] * a[i];
    ad += a[i] * d[i];
    dd += d[i] * d[i];
  }
  if (dd == 0) return kNone;
  return aa == 0 || ad <= 0 ? 1 : 1 - ad * ad / (aa * dd);
}

std::vector<double> row_of(const Tensor& t, std::int64_t n) {
  return t[n].to(Dtype::f64).to_vector<double>();
}

bool is_flat(const std::vector<double>& values) {
  const bool finite = std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
  return !finite || std::ranges::all_of(values, [&](double v) { return v == values.front(); });
}

// Parameters of the layers with kernels, the last first; each with those in one module.
std::vector<std::pair<std::string, std::vector<Tensor>>> layers_from_the_top(const Sequential& net) {
  std::vector<std::pair<std::string, std::vector<Tensor>>> layers;
  for (const NamedTensor& p : net.named_parameters()) {
    const std::string layer = p.name.substr(0, p.name.rfind('.'));
    if (p.name.ends_with("kernel")) layers.emplace_back(layer, std::vector<Tensor>{});
    if (!layers.empty() && layers.back().first == layer) layers.back().second.push_back(p.tensor);
  }
  std::ranges::reverse(layers);
  return layers;
}

// The same distribution of weights without what was learned: kernels are drawn anew with their mean and deviation.
void randomize(const std::vector<Tensor>& parameters, Generator& generator) {
  const NoGrad off;
  for (const Tensor& p : parameters) {
    const double centre = mean(p).item<double>();
    const double spread = std::sqrt(variance(p).item<double>());
    p.copy_from(normal(p.shape(), centre, spread, {p.dtype(), p.device()}, generator));
  }
}

Tensor per_image(std::int64_t images, const std::function<double(std::int64_t)>& f) {
  std::vector<double> values;
  for (std::int64_t n = 0; n < images; ++n) values.push_back(f(n));
  return from_vector(values, {images});
}

std::vector<double> mask_row(const Tensor& map, const Tensor& mask, std::int64_t n) {
  NOYAU_CHECK(map.rank() == 3 && mask.rank() == 3 && map.dim(1) == mask.dim(1) && map.dim(2) == mask.dim(2) &&
                  (mask.dim(0) == 1 || mask.dim(0) == map.dim(0)),
              "explain: maps are ", map.shape(), " but masks ", mask.shape());
  return row_of(mask, mask.dim(0) == 1 ? 0 : n);
}

}  // namespace

Tensor infidelity(const NetworkView& net, const Tensor& x, const Tensor& map,
                  const InfidelityOptions& options) {
  check_map("infidelity", x, map);
  NOYAU_CHECK(options.samples > 1, "infidelity: ", options.samples, " samples");
  const Evaluating mode(net);
  const NoGrad off;
  const Tensor squares = random_squares(x, options.samples, options.seed);
  return per_image(x.dim(0), [&](std::int64_t n) {
    const Tensor one = slice(x, 0, n, n + 1);
    const Tensor output = net(one);
    const Tensor weights = target_weights(options.target.rows(n, n + 1), output);
    const Tensor hidden = net(one * (1.0 - squares));
    const Tensor falls = scores_of(output, weights, options.score) -
                         scores_of(hidden, broadcast_to(weights, hidden.shape()), options.score);
    const Tensor sums = sum(squares * reshape(map[n], {1, x.dim(1), x.dim(2), 1}), {1, 2, 3});
    return unexplained(sums.to(Dtype::f64).to_vector<double>(), falls.to(Dtype::f64).to_vector<double>());
  });
}

Tensor sensitivity(const MapFunction& map, const Tensor& x, double radius, int samples, std::uint64_t seed) {
  check_images("sensitivity", x);
  NOYAU_CHECK(samples > 0 && radius > 0, "sensitivity: ", samples, " samples of radius ", radius);
  const Axes positions{1, 2};
  const auto length = [&](const Tensor& t) { return sqrt(sum(t * t, positions)); };
  const Tensor before = map(x);
  const Tensor size = maximum(length(before), constant(before, 1e-12));
  Tensor worst = zeros(size.shape(), {size.dtype(), size.device()});
  for (int i = 0; i < samples; ++i) {
    Generator generator = stream(seed, 0x73656e73, static_cast<std::uint64_t>(i));
    const Tensor noise = uniform(x.shape(), -radius, radius, {x.dtype(), x.device()}, generator);
    worst = maximum(worst, length(map(x + noise) - before) / size);
  }
  return worst;
}

std::vector<CascadeStage> randomization_cascade(const Sequential& net, const Tensor& x,
                                                const NetworkMapFunction& map, std::uint64_t seed) {
  check_images("randomization_cascade", x);
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): its parameters are written below
  Sequential copy = net;
  const Tensor trained = abs(map(copy, x));
  Generator generator = stream(seed, 0x63617363);
  std::vector<CascadeStage> stages;
  for (const auto& [layer, parameters] : layers_from_the_top(copy)) {
    randomize(parameters, generator);
    stages.push_back({layer, map_agreement(abs(map(copy, x)), trained)});
  }
  return stages;
}

Tensor map_agreement(const Tensor& a, const Tensor& b) {
  NOYAU_CHECK(a.rank() == 3 && a.shape() == b.shape(), "map_agreement: maps ", a.shape(), " and ", b.shape());
  return per_image(a.dim(0), [&](std::int64_t n) {
    const std::vector<double> first = row_of(a, n);
    const std::vector<double> second = row_of(b, n);
    return is_flat(first) || is_flat(second) ? kNone : stats::spearman(first, second).statistic;
  });
}

Tensor mosaic(const Tensor& images) {
  check_images("mosaic", images);
  NOYAU_CHECK(images.dim(0) == 4, "mosaic: ", images.dim(0), " images instead of 4");
  const std::int64_t top = images.dim(1) / 2;
  const std::int64_t left = images.dim(2) / 2;
  const auto part = [&](std::int64_t i) {
    const Size2 size{i < 2 ? top : images.dim(1) - top, i % 2 == 0 ? left : images.dim(2) - left};
    return resize(slice(images, 0, i, i + 1), size, ResizeMode::area);
  };
  return concat({concat({part(0), part(1)}, 2), concat({part(2), part(3)}, 2)}, 1);
}

Tensor quadrant_mask(std::int64_t h, std::int64_t w, int index) {
  NOYAU_CHECK(index >= 0 && index < 4, "quadrant_mask: ", index, " is no quadrant");
  const Tensor mask = zeros({1, h, w});
  const std::int64_t top = index < 2 ? 0 : h / 2;
  const std::int64_t left = index % 2 == 0 ? 0 : w / 2;
  for (std::int64_t row = top; row < (index < 2 ? h / 2 : h); ++row) {
    std::fill_n(mask.mutable_data<float>() + row * w + left, index % 2 == 0 ? w / 2 : w - left, 1.F);
  }
  return mask;
}

Tensor energy_inside(const Tensor& map, const Tensor& mask) {
  return per_image(map.dim(0), [&](std::int64_t n) {
    const std::vector<double> inside = mask_row(map, mask, n);
    const std::vector<double> values = row_of(map, n);
    double within = 0;
    double total = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      total += std::max(0.0, values[i]);
      if (inside[i] > 0) within += std::max(0.0, values[i]);
    }
    return total > 0 ? within / total : kNone;
  });
}

Tensor peak_inside(const Tensor& map, const Tensor& mask) {
  return per_image(map.dim(0), [&](std::int64_t n) {
    const std::vector<double> inside = mask_row(map, mask, n);
    const std::vector<double> values = row_of(map, n);
    if (is_flat(values)) return kNone;
    const auto at = std::ranges::max_element(values) - values.begin();
    return inside[static_cast<std::size_t>(at)] > 0 ? 1.0 : 0.0;
  });
}

}  // namespace noyau::inline v0
