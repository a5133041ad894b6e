#include <algorithm>
#include <cmath>
#include <numeric>

#include "stats/internal.h"

namespace noyau::inline v0::stats {
namespace {

struct Ranks {
  std::vector<double> rank;  // 1 for the smallest; equal values share the mean of their ranks
  double ties = 0;           // sum of t^3 - t over groups of t equal values
};

Ranks rank_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  Ranks result{std::vector<double>(values.size())};
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double shared = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) result.rank[order[i]] = shared;
    const double size = static_cast<double>(end - begin);
    result.ties += size * size * size - size;
  }
  return result;
}

// P(sum of the ranks whose sign came up positive <= statistic), every sign being a fair coin.
double exact_tail(const std::vector<double>& ranks, double statistic) {
  const auto doubled = [](double rank) { return static_cast<std::size_t>(std::lround(2 * rank)); };
  const std::size_t top = doubled(std::accumulate(ranks.begin(), ranks.end(), 0.0));
  std::vector<double> probability(top + 1);
  probability[0] = 1;
  for (double rank : ranks) {
    const std::size_t step = doubled(rank);
    for (std::size_t sum = top + 1; sum-- > 0;) {
      probability[sum] = (probability[sum] + (sum >= step ? probability[sum - step] : 0)) / 2;
    }
  }
  const auto last = probability.begin() + static_cast<std::ptrdiff_t>(doubled(statistic)) + 1;
  return std::accumulate(probability.begin(), last, 0.0);
}

double normal_tail(double n, double ties, double statistic) {
  const double center = n * (n + 1) / 4;
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  return normal_cdf(std::min(0.0, statistic + 0.5 - center) / std::sqrt(variance));
}

}  // namespace

RankTest wilcoxon(std::span<const double> a, std::span<const double> b) {
  check_pairs("wilcoxon", a, b, 1);
  constexpr std::size_t kExact = 50;
  std::vector<double> signs;
  std::vector<double> sizes;
  for (double d : differences(a, b)) {
    if (d == 0) continue;
    signs.push_back(d);
    sizes.push_back(std::abs(d));
  }
  if (signs.empty()) return {};
  const Ranks ranks = rank_of(sizes);
  double positive = 0;
  for (std::size_t i = 0; i < signs.size(); ++i) positive += signs[i] > 0 ? ranks.rank[i] : 0;
  const double n = static_cast<double>(signs.size());
  const double statistic = std::min(positive, n * (n + 1) / 2 - positive);
  const double tail =
      signs.size() <= kExact ? exact_tail(ranks.rank, statistic) : normal_tail(n, ranks.ties, statistic);
  return {.statistic = statistic, .p = std::min(1.0, 2 * tail)};
}

RankTest spearman(std::span<const double> a, std::span<const double> b) {
  check_pairs("spearman", a, b, 3);
  const std::vector<double> x = rank_of(a).rank;
  const std::vector<double> y = rank_of(b).rank;
  const double center = (static_cast<double>(x.size()) + 1) / 2;
  double xy = 0;
  double xx = 0;
  double yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - center) * (y[i] - center);
    xx += (x[i] - center) * (x[i] - center);
    yy += (y[i] - center) * (y[i] - center);
  }
  NOYAU_CHECK(xx > 0 && yy > 0, "spearman: a constant side has no ranks to correlate");
  const double rho = std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
  const double freedom = static_cast<double>(x.size()) - 2;
  const double t = std::abs(rho) == 1 ? INFINITY : std::abs(rho) * std::sqrt(freedom / (1 - rho * rho));
  return {.statistic = rho, .p = 2 * student_cdf(-t, freedom)};
}

}  // namespace noyau::inline v0::stats
