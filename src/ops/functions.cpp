// abs, exp, log, sqrt, pow and clamp: their slopes as ops.
#include <limits>

#include "ops/unary.h"

namespace noyau::inline v0 {

using Parameters = UnaryParameters<double>;

Tensor abs(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::abs, "abs", false, [](const Tensor& v, const Parameters&) {
                                     return sub(step(v), step(neg(v)));
                                   }};
  return unary(kRule, x);
}

Tensor exp(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::exp, "exp", true,
                                   [](const Tensor& y, const Parameters&) { return y; }};
  return unary(kRule, x);
}

Tensor log(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::log, "log", false,
                                   [](const Tensor& v, const Parameters&) { return pow(v, -1); }};
  return unary(kRule, x);
}

Tensor sqrt(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::sqrt, "sqrt", true,
                                   [](const Tensor& y, const Parameters&) { return mul(pow(y, -1), 0.5); }};
  return unary(kRule, x);
}

Tensor pow(const Tensor& x, double exponent) {
  static constexpr UnaryRule kSquare{UnaryOp::square, "pow", false,
                                     [](const Tensor& v, const Parameters&) { return mul(v, 2); }};
  static constexpr UnaryRule kReciprocal{UnaryOp::reciprocal, "pow", true,
                                         [](const Tensor& y, const Parameters&) { return neg(mul(y, y)); }};
  static constexpr UnaryRule kPower{
      UnaryOp::pow, "pow", false, [](const Tensor& v, const Parameters& p) {
        return p.first == 0 ? zeros(v.shape(), {v.dtype(), v.device()}) : mul(pow(v, p.first - 1), p.first);
      }};
  if (exponent == 2) return unary(kSquare, x);
  if (exponent == -1) return unary(kReciprocal, x);
  return unary(kPower, x, {exponent});
}

Tensor clamp(const Tensor& x, double low, double high) {
  static constexpr UnaryRule kRule{UnaryOp::clamp, "clamp", false, [](const Tensor& v, const Parameters& p) {
                                     const Tensor outside =
                                         add(less(v, scalar_like(v, p.first)).to(v.dtype()),
                                             less(scalar_like(v, p.second), v).to(v.dtype()));
                                     return sub(scalar_like(v, 1), outside);
                                   }};
  NOYAU_CHECK(low <= high, "clamp: the lower bound ", low, " is not below the upper bound ", high);
  return unary(kRule, x, {low, high});
}

}  // namespace noyau::inline v0
