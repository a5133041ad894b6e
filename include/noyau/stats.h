#pragma once
/// \file
/// Statistics of experiments: intervals, paired tests and what a test can see.

#include <span>
#include <vector>

#include "noyau/error.h"

namespace noyau::inline v0::stats {

/// A range of values.
struct Interval {
  double low = 0;   ///< Lower end.
  double high = 0;  ///< Upper end.
};

/// Arithmetic mean; throws on no values.
NOYAU_API double mean(std::span<const double> values);
/// Standard deviation of a sample, with n - 1; throws on fewer than two values.
NOYAU_API double deviation(std::span<const double> values);

/// Student's t interval of a mean: mean +- t * deviation / sqrt(n). Throws on fewer than two values.
NOYAU_API Interval mean_interval(std::span<const double> values, double level = 0.95);
/// Interval of a proportion. Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927).
NOYAU_API Interval wilson(std::int64_t successes, std::int64_t trials, double level = 0.95);
/// Interval of a proportion that covers at least `level`. Source: Clopper and Pearson, Biometrika 26 (1934).
NOYAU_API Interval clopper_pearson(std::int64_t successes, std::int64_t trials, double level = 0.95);

/// A difference of means, its interval and the test that it is zero.
struct Comparison {
  double difference = 0;  ///< Mean of the first sample less mean of the second.
  Interval interval;      ///< Interval of the difference.
  double statistic = 0;   ///< t = difference / its standard error.
  double freedom = 0;     ///< Degrees of freedom.
  double p = 1;           ///< Two-sided p-value.
};
/// Student's t-test of pairs (a[i], b[i]); throws on unequal counts or fewer than two pairs.
NOYAU_API Comparison paired_t(std::span<const double> a, std::span<const double> b, double level = 0.95);
/// t-test of two samples of unequal variance; throws on fewer than two values in either.
/// Source: B. L. Welch, Biometrika 34 (1947).
NOYAU_API Comparison welch_t(std::span<const double> a, std::span<const double> b, double level = 0.95);

/// Options of paired_bootstrap().
struct BootstrapOptions {
  double level = 0.95;     ///< Coverage of the interval.
  int resamples = 10000;   ///< Number of samples drawn.
  std::uint64_t seed = 0;  ///< Seed of the draws; the same seed gives the same interval.
};
/// A difference of means and its bootstrap interval.
struct BootstrapResult {
  double difference = 0;  ///< Mean of a[i] - b[i].
  Interval interval;      ///< Bias-corrected and accelerated interval.
};
/// BCa interval of the mean of a[i] - b[i], drawing pairs; throws on unequal counts or fewer than two pairs.
/// Source: B. Efron, J. Am. Stat. Assoc. 82 (1987).
NOYAU_API BootstrapResult paired_bootstrap(std::span<const double> a, std::span<const double> b,
                                           const BootstrapOptions& options = {});

/// p-values of McNemar's test of two classifiers on the same images.
struct McNemar {
  double exact = 1;  ///< Two-sided binomial p-value; conservative.
  double mid = 1;    ///< Mid-p-value: exact less the probability of the observed split.
};
/// McNemar's test from the counts of images that only the first, only the second classifier got right.
/// Source: Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13:91 (2013).
NOYAU_API McNemar mcnemar(std::int64_t only_first, std::int64_t only_second);

/// Result of a rank test.
struct RankTest {
  double statistic = 0;  ///< What the test computes; see there.
  double p = 1;          ///< Two-sided p-value.
};
/// Wilcoxon's signed-rank test of pairs; zero differences are dropped, equal ones share their mean rank.
/// The statistic is the smaller sum of ranks; p is exact up to 50 pairs, else normal with ties and continuity
/// corrected.
NOYAU_API RankTest wilcoxon(std::span<const double> a, std::span<const double> b);
/// Spearman's rank correlation (the statistic) with p from Student's t on n - 2 degrees of freedom.
/// Throws on fewer than three pairs or when one side is constant.
NOYAU_API RankTest spearman(std::span<const double> a, std::span<const double> b);

/// p-values adjusted for testing all of them, in the given order. Source: S. Holm, Scand. J. Stat. 6 (1979).
NOYAU_API std::vector<double> holm(std::span<const double> p);

/// What an experiment is planned with.
struct Design {
  double level = 0.95;  ///< 1 - probability of a false alarm (two-sided).
  double power = 0.8;   ///< Probability of seeing a true difference.
};
/// Smallest difference of accuracy that McNemar's test on `images` images can see when a share `discordance`
/// of them
/// is right for one classifier only. Source: R. J. Connor, Biometrics 43 (1987).
NOYAU_API double detectable_by_images(std::int64_t images, double discordance, const Design& design = {});
/// Smallest difference of means that Welch's test on `seeds` runs of each side can see when runs have
/// `deviation`:
/// (t_alpha + t_power) * deviation * sqrt(2 / seeds), on 2 seeds - 2 degrees of freedom. Throws on fewer than
/// two seeds.
NOYAU_API double detectable_by_seeds(int seeds, double deviation, const Design& design = {});

/// Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).
NOYAU_API double incomplete_beta(double a, double b, double x);
/// The x at which incomplete_beta(a, b, x) is `p`.
NOYAU_API double beta_quantile(double p, double a, double b);
/// Distribution function of the standard normal.
NOYAU_API double normal_cdf(double x);
/// The x at which normal_cdf(x) is `p`.
NOYAU_API double normal_quantile(double p);
/// Distribution function of Student's t with `freedom` degrees of freedom.
NOYAU_API double student_cdf(double t, double freedom);
/// The t at which student_cdf(t, freedom) is `p`.
NOYAU_API double student_quantile(double p, double freedom);
/// Probability of at most `successes` in `trials` of probability `p`.
NOYAU_API double binomial_cdf(std::int64_t successes, std::int64_t trials, double p);

}  // namespace noyau::inline v0::stats
