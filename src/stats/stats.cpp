#include "noyau/stats.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stats/internal.h"

namespace noyau::inline v0::stats {
namespace {

void check_counts(const char* what, std::int64_t successes, std::int64_t trials) {
  NOYAU_CHECK(trials > 0 && successes >= 0 && successes <= trials, what, ": ", successes, " successes of ",
              trials, " trials");
}

double variance_of_mean(std::span<const double> values) {
  const double sd = deviation(values);
  return sd * sd / static_cast<double>(values.size());
}

Comparison compare(double difference, double variance, double freedom, double level) {
  const double error = std::sqrt(variance);
  Comparison result;
  result.difference = difference;
  result.freedom = freedom;
  if (error == 0) {  // every value equal: certain, whichever way
    result.interval = {difference, difference};
    result.statistic = difference == 0 ? 0 : std::copysign(INFINITY, difference);
  } else {
    const double reach = student_quantile((1 + level) / 2, freedom) * error;
    result.interval = {difference - reach, difference + reach};
    result.statistic = difference / error;
  }
  result.p = 2 * student_cdf(-std::abs(result.statistic), freedom);
  return result;
}

}  // namespace

double mean(std::span<const double> values) {
  NOYAU_CHECK(!values.empty(), "mean: there are no values");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation(std::span<const double> values) {
  NOYAU_CHECK(values.size() >= 2, "deviation: ", values.size(), " values have none; at least 2 are needed");
  if (std::equal(values.begin() + 1, values.end(), values.begin())) return 0;  // the mean may round
  const double center = mean(values);
  double sum = 0;
  for (double value : values) sum += (value - center) * (value - center);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

Interval mean_interval(std::span<const double> values, double level) {
  check_level("mean_interval", level);
  const double error = std::sqrt(variance_of_mean(values));
  const double reach = student_quantile((1 + level) / 2, static_cast<double>(values.size() - 1)) * error;
  const double center = mean(values);
  return {center - reach, center + reach};
}

Interval wilson(std::int64_t successes, std::int64_t trials, double level) {
  check_counts("wilson", successes, trials);
  check_level("wilson", level);
  const double n = static_cast<double>(trials);
  const double share = static_cast<double>(successes) / n;
  const double z = normal_quantile((1 + level) / 2);
  const double center = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double reach = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {successes == 0 ? 0 : center - reach, successes == trials ? 1 : center + reach};
}

Interval clopper_pearson(std::int64_t successes, std::int64_t trials, double level) {
  check_counts("clopper_pearson", successes, trials);
  check_level("clopper_pearson", level);
  const double k = static_cast<double>(successes);
  const double rest = static_cast<double>(trials - successes);
  const double tail = (1 - level) / 2;
  return {successes == 0 ? 0 : beta_quantile(tail, k, rest + 1),
          successes == trials ? 1 : beta_quantile(1 - tail, k + 1, rest)};
}

Comparison paired_t(std::span<const double> a, std::span<const double> b, double level) {
  check_pairs("paired_t", a, b, 2);
  check_level("paired_t", level);
  const std::vector<double> d = differences(a, b);
  return compare(mean(d), variance_of_mean(d), static_cast<double>(d.size() - 1), level);
}

Comparison welch_t(std::span<const double> a, std::span<const double> b, double level) {
  check_level("welch_t", level);
  const double va = variance_of_mean(a);
  const double vb = variance_of_mean(b);
  const double na = static_cast<double>(a.size() - 1);
  const double nb = static_cast<double>(b.size() - 1);
  const double spread = va * va / na + vb * vb / nb;
  const double freedom = spread == 0 ? na + nb : (va + vb) * (va + vb) / spread;
  return compare(mean(a) - mean(b), va + vb, freedom, level);
}

McNemar mcnemar(std::int64_t only_first, std::int64_t only_second) {
  NOYAU_CHECK(only_first >= 0 && only_second >= 0, "mcnemar: counts must not be negative (", only_first, ", ",
              only_second, ")");
  const std::int64_t trials = only_first + only_second;
  if (trials == 0) return {};
  const std::int64_t fewer = std::min(only_first, only_second);
  const double at_most = binomial_cdf(fewer, trials, 0.5);
  const double below = binomial_cdf(fewer - 1, trials, 0.5);
  return {.exact = std::min(1.0, 2 * at_most), .mid = std::min(1.0, at_most + below)};
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, p[order[i]] * static_cast<double>(p.size() - i));
    adjusted[order[i]] = std::min(1.0, largest);
  }
  return adjusted;
}

double detectable_by_images(std::int64_t images, double discordance, const Design& design) {
  NOYAU_CHECK(images > 0 && discordance > 0 && discordance <= 1, "detectable_by_images: ", images,
              " images of discordance ", discordance);
  check_level("detectable_by_images", design.level);
  check_level("detectable_by_images", design.power);
  const double alarm = normal_quantile((1 + design.level) / 2) * std::sqrt(discordance);
  const double power = normal_quantile(design.power);
  // n = (alarm + power * sqrt(discordance - d^2))^2 / d^2, solved for d: the left side less the right one
  // rises with d.
  double low = 0;
  double high = discordance;
  for (int step = 0; step < 100; ++step) {
    const double d = (low + high) / 2;
    const double needed = alarm + power * std::sqrt(std::max(0.0, discordance - d * d));
    (d * std::sqrt(static_cast<double>(images)) < needed ? low : high) = d;
  }
  return (low + high) / 2;
}

double detectable_by_seeds(int seeds, double deviation, const Design& design) {
  NOYAU_CHECK(seeds >= 2, "detectable_by_seeds: at least 2 seeds a side are needed, not ", seeds);
  NOYAU_CHECK(deviation >= 0, "detectable_by_seeds: the deviation must not be negative (", deviation, ")");
  check_level("detectable_by_seeds", design.level);
  check_level("detectable_by_seeds", design.power);
  const double freedom = 2.0 * seeds - 2;
  const double t =
      student_quantile((1 + design.level) / 2, freedom) + student_quantile(design.power, freedom);
  return t * deviation * std::sqrt(2.0 / seeds);
}

}  // namespace noyau::inline v0::stats
