#include <cmath>
#include <utility>

#include "noyau/stats.h"

namespace noyau::inline v0::stats {
namespace {

// log of the gamma function for x > 0: Stirling's series (DLMF 5.11.1) after shifting x above 10.
// std::lgamma writes a global and so races between threads.
double log_gamma(double x) {
  double shift = 0;
  for (; x < 10; ++x) shift += std::log(x);
  const double y = 1 / (x * x);
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  const double series = (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / x;
  return (x - 0.5) * std::log(x) - x + kHalfLogTwoPi + series - shift;
}

// The continued fraction of DLMF 8.17.22, evaluated from the front (Lentz); converges fast for x < (a + 1) /
// (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr double kEpsilon = 1e-16;
  constexpr int kMaxTerms = 100000;
  double c = 1;
  double d = 1 / (1 - (a + b) * x / (a + 1));
  double value = d;
  const auto step = [&](double term) {
    d = 1 + term * d;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = 1 + term / c;
    c = std::abs(c) < kTiny ? kTiny : c;
    value *= c * d;
  };
  for (int m = 1; m < kMaxTerms; ++m) {
    step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    const double before = value;
    step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (std::abs(value - before) <= kEpsilon * value) break;
  }
  return value;
}

void check_probability(const char* what, double p) {
  NOYAU_CHECK(p > 0 && p < 1, what, ": p must lie inside (0, 1) (", p, ")");
}

// The x in [low, high] where the rising function `cdf` reaches p, to the last bit that bisection can tell
// apart.
template <class Cdf>
double invert(Cdf cdf, double p, double low, double high) {
  for (double middle = (low + high) / 2; low < middle && middle < high; middle = (low + high) / 2) {
    (cdf(middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  NOYAU_CHECK(a > 0 && b > 0, "incomplete_beta: a and b must be positive (", a, ", ", b, ")");
  NOYAU_CHECK(x >= 0 && x <= 1, "incomplete_beta: x must lie in [0, 1] (", x, ")");
  if (x == 0 || x == 1) return x;
  const double log_front =
      a * std::log(x) + b * std::log1p(-x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b);
  const double front = std::exp(log_front);
  const bool near_zero = x < (a + 1) / (a + b + 2);
  return near_zero ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double beta_quantile(double p, double a, double b) {
  check_probability("beta_quantile", p);
  return invert([=](double x) { return incomplete_beta(a, b, x); }, p, 0, 1);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double normal_quantile(double p) {
  check_probability("normal_quantile", p);
  if (p > 0.5) return -normal_quantile(1 - p);
  return invert(normal_cdf, p, -40, 0);
}

double student_cdf(double t, double freedom) {
  NOYAU_CHECK(freedom > 0, "student_cdf: the degrees of freedom must be positive (", freedom, ")");
  if (std::isinf(t)) return t > 0 ? 1 : 0;
  const double tail = 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
  return t > 0 ? 1 - tail : tail;
}

double student_quantile(double p, double freedom) {
  check_probability("student_quantile", p);
  if (p > 0.5) return -student_quantile(1 - p, freedom);
  double low = -1;
  while (student_cdf(low, freedom) > p) low *= 2;
  return invert([=](double t) { return student_cdf(t, freedom); }, p, low, 0);
}

double binomial_cdf(std::int64_t successes, std::int64_t trials, double p) {
  NOYAU_CHECK(trials >= 0 && p >= 0 && p <= 1, "binomial_cdf: ", trials, " trials of probability ", p);
  if (successes < 0) return 0;
  if (successes >= trials) return 1;
  return incomplete_beta(static_cast<double>(trials - successes), static_cast<double>(successes + 1), 1 - p);
}

}  // namespace noyau::inline v0::stats
