// Reference values were computed with SciPy 1.17.1 unless a line says otherwise.
#include <algorithm>
#include <cmath>

#include "catch2.h"
#include "noyau/stats.h"

using namespace noyau;

namespace {

using Values = std::vector<double>;

const Values kFirst = {0.712, 0.698, 0.725, 0.705, 0.717};
const Values kSecond = {0.731, 0.719, 0.728, 0.722, 0.741};
const Values kBefore = {1.2, 3.4, 2.2, 5.9, 4.1, 0.3, 7.7, 2.8};
const Values kAfter = {0.9, 3.9, 1.1, 4.0, 4.8, 0.1, 5.0, 2.75};

Approx near(double value) { return Approx(value).epsilon(1e-11); }

// p of the signed-rank test by trying all 2^n signs.
double wilcoxon_by_enumeration(const Values& ranks, double statistic) {
  const unsigned all = 1u << ranks.size();
  unsigned at_most = 0;
  for (unsigned signs = 0; signs < all; ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) sum += (signs >> i & 1u) != 0 ? ranks[i] : 0;
    at_most += sum <= statistic;
  }
  return std::min(1.0, 2.0 * at_most / all);
}

}  // namespace

TEST_CASE("incomplete beta function and its inverse", "[stats][fast]") {
  CHECK(stats::incomplete_beta(2, 3, 0.4) == near(0.5248));
  CHECK(stats::incomplete_beta(0.5, 0.5, 0.3) == near(0.36901011956554536));
  CHECK(stats::incomplete_beta(30, 50, 0.4) == near(0.6829428460308882));
  CHECK(stats::incomplete_beta(8000, 2000, 0.795) == Approx(0.10614727994400107).epsilon(1e-9));
  CHECK(stats::incomplete_beta(2.5, 0.5, 0.9) == near(0.48958974456442755));
  CHECK(stats::incomplete_beta(2, 3, 0) == 0.0);
  CHECK(stats::incomplete_beta(2, 3, 1) == 1.0);
  CHECK(stats::beta_quantile(0.025, 32, 9) == near(0.6435219813207784));
  CHECK(stats::beta_quantile(0.5, 0.5, 0.5) == near(0.5));
}

TEST_CASE("normal, Student and binomial distributions", "[stats][fast]") {
  CHECK(stats::normal_quantile(0.975) == near(1.959963984540054));
  CHECK(stats::normal_quantile(1e-6) == near(-4.753424308822899));
  CHECK(stats::normal_cdf(stats::normal_quantile(0.3)) == near(0.3));
  CHECK(stats::student_cdf(1.5, 3) == near(0.8847080673775886));
  CHECK(stats::student_cdf(-2.2, 7.5) == near(0.03059973295305805));
  CHECK(stats::student_cdf(0.1, 1) == near(0.5317255174305535));
  CHECK(stats::student_quantile(0.975, 2) == near(4.302652729749462));
  CHECK(stats::student_quantile(0.9, 1) == near(3.0776835371752544));
  CHECK(stats::student_quantile(0.025, 10.7) == near(-2.208537614849555));
  CHECK(stats::binomial_cdf(2, 4, 0.5) == near(11.0 / 16));
  CHECK(stats::binomial_cdf(-1, 4, 0.5) == 0.0);
  CHECK(stats::binomial_cdf(4, 4, 0.5) == 1.0);
}

TEST_CASE("mean, deviation and t interval", "[stats][fast]") {
  CHECK(stats::mean(kFirst) == near(0.7114));
  CHECK(stats::deviation(kFirst) == near(0.010454664030948111));
  CHECK(stats::mean_interval(kFirst).low == near(0.6984188200594559));
  CHECK(stats::mean_interval(kFirst).high == near(0.7243811799405442));
  CHECK(stats::deviation(Values{0.1, 0.1, 0.1}) == 0.0);  // 0.1 + 0.1 + 0.1 rounds
}

TEST_CASE("intervals of a proportion", "[stats][fast]") {
  CHECK(stats::wilson(32, 40).low == near(0.6524269365360051));
  CHECK(stats::wilson(32, 40).high == near(0.8950001027456229));
  CHECK(stats::wilson(4, 4).low == near(0.5101091635454027));
  CHECK(stats::wilson(4, 4).high == 1.0);
  CHECK(stats::wilson(0, 10).low == 0.0);
  CHECK(stats::wilson(0, 10).high == near(0.27753279986288926));
  CHECK(stats::clopper_pearson(32, 40).low == near(0.6435219813207784));
  CHECK(stats::clopper_pearson(32, 40).high == near(0.9094775906000439));
  CHECK(stats::clopper_pearson(0, 10).high == near(0.30849710781876294));
  CHECK(stats::clopper_pearson(9000, 10000).low == Approx(0.8939531000963783).epsilon(1e-9));
}

TEST_CASE("paired and Welch t-tests", "[stats][fast]") {
  const stats::Comparison paired = stats::paired_t(kFirst, kSecond);
  CHECK(paired.statistic == near(-4.617057563406227));
  CHECK(paired.p == near(0.00990296303086691));
  CHECK(paired.freedom == 4.0);
  CHECK(paired.interval.low == near(-0.026902598273197898));
  CHECK(paired.interval.high == near(-0.0066974017268021345));

  const stats::Comparison welch = stats::welch_t(kFirst, Values(kSecond.begin(), kSecond.end() - 1));
  CHECK(welch.statistic == near(-2.509925799786899));
  CHECK(welch.freedom == near(6.236734245005422));
  CHECK(welch.p == near(0.04443073134895814));
  CHECK(welch.interval.low == near(-0.026737516284768788));
}

TEST_CASE("tests without any spread are certain", "[stats][fast]") {
  CHECK(stats::welch_t(Values{1, 1}, Values{2, 2}).p == 0.0);
  CHECK(stats::welch_t(Values{1, 1}, Values{1, 1}).p == 1.0);
  CHECK(stats::paired_t(Values{1, 2}, Values{1, 2}).p == 1.0);
}

TEST_CASE("paired bootstrap agrees with a reference and repeats itself", "[stats][fast]") {
  // SciPy, 200 000 resamples: [-0.0188, 1.5438]; Monte-Carlo error of 20 000 here is about 0.01.
  const auto result = stats::paired_bootstrap(kBefore, kAfter, {.resamples = 20000});
  CHECK(result.difference == near(0.63125));
  CHECK(result.interval.low == Approx(-0.0188).margin(0.03));
  CHECK(result.interval.high == Approx(1.5438).margin(0.03));
  const auto again = stats::paired_bootstrap(kBefore, kAfter, {.resamples = 20000});
  CHECK(again.interval.low == result.interval.low);
  CHECK(stats::paired_bootstrap(kBefore, kAfter, {.resamples = 20000, .seed = 1}).interval.low !=
        result.interval.low);
}

TEST_CASE("the bootstrap interval follows skewed data", "[stats][fast]") {
  Values skewed(39, 0.0);
  std::fill(skewed.begin(), skewed.begin() + 6, 1.0);
  std::fill(skewed.begin() + 6, skewed.begin() + 8, -1.0);
  skewed.back() = 9;
  const auto result = stats::paired_bootstrap(skewed, Values(39, 0.0), {.resamples = 20000});
  CHECK(result.interval.low == Approx(0.0513).margin(0.03));  // SciPy, 400 000 resamples
  CHECK(result.interval.high == Approx(1.2821).margin(0.06));
  const auto flat = stats::paired_bootstrap(Values(5, 2.0), Values(5, 1.5));
  CHECK(flat.interval.low == 0.5);
  CHECK(flat.interval.high == 0.5);
}

TEST_CASE("McNemar's test", "[stats][fast]") {
  CHECK(stats::mcnemar(3, 12).exact == near(0.03515625));
  CHECK(stats::mcnemar(12, 3).mid == near(0.02127075195312501));
  CHECK(stats::mcnemar(0, 5).mid == near(0.03125));
  CHECK(stats::mcnemar(150, 200).exact == near(0.008720036530555947));
  CHECK(stats::mcnemar(4, 4).exact == 1.0);
  CHECK(stats::mcnemar(4, 4).mid == near(1.0));
  CHECK(stats::mcnemar(0, 0).exact == 1.0);
}

TEST_CASE("Wilcoxon's signed-rank test", "[stats][fast]") {
  CHECK(stats::wilcoxon(kBefore, kAfter).statistic == 9.0);
  CHECK(stats::wilcoxon(kBefore, kAfter).p == near(0.25));
  // Ranks with ties, a zero dropped: differences 1 1 -2 3 3 -1 give ranks 2 2 4 5.5 5.5 2.
  const auto tied = stats::wilcoxon(Values{1, 1, -2, 3, 0, 3, -1}, Values(7, 0.0));
  CHECK(tied.statistic == 6.0);
  CHECK(tied.p == near(wilcoxon_by_enumeration({2, 2, 4, 5.5, 5.5, 2}, 6)));
  CHECK(stats::wilcoxon(Values{1, 2}, Values{1, 2}).p == 1.0);

  Values a;
  for (int i = 0; i < 60; ++i)
    a.push_back(std::round(i * 37 % 101 - (i * 53 + 11) % 97 - 4.0));  // one zero, many ties
  const auto large = stats::wilcoxon(a, Values(60, 0.0));
  CHECK(large.statistic == 793.0);
  CHECK(large.p == near(0.4897641014574081));
}

TEST_CASE("Spearman's correlation", "[stats][fast]") {
  const auto result = stats::spearman(Values{1, 2, 3, 4, 5, 6, 7}, Values{2, 1, 4, 3, 7, 5, 5});
  CHECK(result.statistic == near(0.8108437164260032));
  CHECK(result.p == near(0.026916328843161995));
  CHECK(stats::spearman(Values{1, 2, 3}, Values{6, 5, 4}).statistic == -1.0);
  CHECK(stats::spearman(Values{1, 2, 3}, Values{6, 5, 4}).p == 0.0);
}

TEST_CASE("Holm's adjustment", "[stats][fast]") {
  // By hand: sorted 0.01 0.02 0.04 0.5 times 4 3 2 1, then the running maximum.
  const auto adjusted = stats::holm(Values{0.04, 0.01, 0.5, 0.02});
  CHECK(adjusted[1] == near(0.04));
  CHECK(adjusted[3] == near(0.06));
  CHECK(adjusted[0] == near(0.08));
  CHECK(adjusted[2] == near(0.5));
  CHECK(stats::holm(Values{0.9, 0.8})[1] == 1.0);
  CHECK(stats::holm({}).empty());
}

TEST_CASE("smallest detectable differences", "[stats][fast]") {
  // Connor's formula put back: n = (z_a sqrt(d) + z_b sqrt(d - x^2))^2 / x^2.
  const double x = stats::detectable_by_images(10000, 0.05);
  CHECK(x == Approx(0.006263).epsilon(1e-3));
  const double root = 1.959963984540054 * std::sqrt(0.05) + 0.8416212335729143 * std::sqrt(0.05 - x * x);
  CHECK(root * root / (x * x) == Approx(10000));
  CHECK(stats::detectable_by_seeds(3, 0.01) ==
        near((2.7764451051977934 + 0.9409645772351816) * 0.01 * std::sqrt(2.0 / 3)));
}

TEST_CASE("statistics say what is wrong with their input", "[stats][fast]") {
  REQUIRE_THROWS_WITH(stats::mean({}), ContainsSubstring("mean: there are no values"));
  REQUIRE_THROWS_WITH(stats::deviation(Values{1}), ContainsSubstring("1 values have none"));
  REQUIRE_THROWS_WITH(stats::mean_interval(kFirst, 1), ContainsSubstring("level must lie inside (0, 1) (1)"));
  REQUIRE_THROWS_WITH(stats::wilson(3, 2), ContainsSubstring("wilson: 3 successes of 2 trials"));
  REQUIRE_THROWS_WITH(stats::clopper_pearson(0, 0), ContainsSubstring("0 successes of 0 trials"));
  REQUIRE_THROWS_WITH(stats::paired_t(kFirst, kBefore), ContainsSubstring("5 values do not pair with 8"));
  REQUIRE_THROWS_WITH(stats::spearman(Values{1}, Values{1}),
                      ContainsSubstring("1 pairs are too few; at least 3"));
  REQUIRE_THROWS_WITH(stats::spearman(Values{1, 1, 1}, Values{1, 2, 3}),
                      ContainsSubstring("a constant side"));
  REQUIRE_THROWS_WITH(stats::paired_bootstrap(kFirst, kSecond, {.resamples = 1}),
                      ContainsSubstring("1 resamples are too few"));
  REQUIRE_THROWS_WITH(stats::mcnemar(-1, 2), ContainsSubstring("counts must not be negative (-1, 2)"));
  REQUIRE_THROWS_WITH(stats::detectable_by_images(0, 0.1), ContainsSubstring("0 images of discordance 0.1"));
  REQUIRE_THROWS_WITH(stats::detectable_by_seeds(1, 0.1),
                      ContainsSubstring("at least 2 seeds a side are needed, not 1"));
  REQUIRE_THROWS_WITH(stats::detectable_by_seeds(2, -1), ContainsSubstring("must not be negative (-1)"));
  REQUIRE_THROWS_WITH(stats::normal_quantile(1), ContainsSubstring("p must lie inside (0, 1) (1)"));
  REQUIRE_THROWS_WITH(stats::incomplete_beta(0, 1, 0.5),
                      ContainsSubstring("a and b must be positive (0, 1)"));
  REQUIRE_THROWS_WITH(stats::incomplete_beta(1, 1, 2), ContainsSubstring("x must lie in [0, 1] (2)"));
  REQUIRE_THROWS_WITH(stats::student_cdf(1, 0), ContainsSubstring("degrees of freedom must be positive (0)"));
  REQUIRE_THROWS_WITH(stats::binomial_cdf(1, 2, 3), ContainsSubstring("2 trials of probability 3"));
}
