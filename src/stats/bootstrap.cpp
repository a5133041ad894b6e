#include <algorithm>
#include <cmath>

#include "noyau/random.h"
#include "stats/internal.h"

namespace noyau::inline v0::stats {
namespace {

// Means of samples drawn with replacement, in rising order. Draws are words of Philox, scaled: for any count
// that a
// study meets, 2^32 is so much larger that the bias is below 1e-5 of a draw.
std::vector<double> resampled_means(std::span<const double> values, int resamples, std::uint64_t seed) {
  const std::uint64_t count = values.size();
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed),
                                            static_cast<std::uint32_t>(seed >> 32)};
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (std::size_t r = 0; r < means.size(); ++r) {
    double sum = 0;
    for (std::uint64_t i = 0; i < count; i += 4) {
      const auto words =
          philox4x32({static_cast<std::uint32_t>(i / 4), static_cast<std::uint32_t>(r), 0, 0}, key);
      for (std::uint64_t w = 0; w < std::min<std::uint64_t>(4, count - i); ++w)
        sum += values[words[w] * count >> 32];
    }
    means[r] = sum / static_cast<double>(count);
  }
  std::sort(means.begin(), means.end());
  return means;
}

// Efron's bias correction: how far the estimate lies from the median of the samples, in standard deviations.
double bias(const std::vector<double>& means, double estimate) {
  const auto [low, high] = std::equal_range(means.begin(), means.end(), estimate);
  const double below = static_cast<double>(low - means.begin()) + static_cast<double>(high - low) / 2;
  const double n = static_cast<double>(means.size());
  return normal_quantile(std::clamp(below / n, 0.5 / n, 1 - 0.5 / n));
}

// Skewness of the jackknife; for a mean it has this closed form in the deviations of the values.
double acceleration(std::span<const double> values, double estimate) {
  double squares = 0;
  double cubes = 0;
  for (double value : values) {
    const double d = value - estimate;
    squares += d * d;
    cubes += d * d * d;
  }
  return squares == 0 ? 0 : cubes / (6 * std::pow(squares, 1.5));
}

double quantile_of(const std::vector<double>& sorted, double share) {
  const double position = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

BootstrapResult paired_bootstrap(std::span<const double> a, std::span<const double> b,
                                 const BootstrapOptions& options) {
  check_pairs("paired_bootstrap", a, b, 2);
  check_level("paired_bootstrap", options.level);
  NOYAU_CHECK(options.resamples >= 2, "paired_bootstrap: ", options.resamples, " resamples are too few");
  const std::vector<double> d = differences(a, b);
  const double estimate = mean(d);
  const std::vector<double> means = resampled_means(d, options.resamples, options.seed);
  const double z0 = bias(means, estimate);
  const double skew = acceleration(d, estimate);
  const auto end = [&](double tail) {
    const double z = z0 + normal_quantile(tail);
    return quantile_of(means, normal_cdf(z0 + z / (1 - skew * z)));
  };
  return {estimate, {end((1 - options.level) / 2), end((1 + options.level) / 2)}};
}

}  // namespace noyau::inline v0::stats
