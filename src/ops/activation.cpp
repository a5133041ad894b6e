// The activations: their slopes as ops. The formulas of their kernels are in cpu/kernels/unary.h.
#include <cmath>
#include <limits>
#include <numbers>

#include "ops/unary.h"

namespace noyau::inline v0 {
namespace {

using Parameters = UnaryParameters<double>;

// `positive` where x > 0, else `other`.
Tensor by_sign(const Tensor& x, double positive, const Tensor& other) {
  return where(less(scalar_like(x, 0), x), scalar_like(x, positive), other);
}

Tensor normal_density(const Tensor& x) {
  return mul(exp(mul(mul(x, x), -0.5)), std::numbers::inv_sqrtpi / std::numbers::sqrt2);
}

// Phi(x), the distribution function of the standard normal distribution.
Tensor normal_cdf(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::normal_cdf, "normal_cdf", false,
                                   [](const Tensor& v, const Parameters&) { return normal_density(v); }};
  return unary(kRule, x);
}

// d/dx of x * s(u(x)) with s = sigmoid, given u and u'.
Tensor gated_slope(const Tensor& x, const Tensor& u, const Tensor& u_slope) {
  const Tensor gate = sigmoid(u);
  return gate + x * gate * (1.0 - gate) * u_slope;
}

Tensor gelu_exact(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::gelu, "gelu", false, [](const Tensor& v, const Parameters&) {
                                     return add(normal_cdf(v), mul(v, normal_density(v)));
                                   }};
  return unary(kRule, x);
}

Tensor gelu_tanh(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::gelu_tanh, "gelu", false, [](const Tensor& v, const Parameters&) {
                                     const Tensor near = clamp(v, -30, 30);
                                     const Tensor square = near * near;
                                     const double a = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
                                     return gated_slope(near, near * (1.0 + 0.044715 * square) * a,
                                                        (1.0 + 3 * 0.044715 * square) * a);
                                   }};
  return unary(kRule, x);
}

}  // namespace

Tensor relu(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::relu, "relu", true,
                                   [](const Tensor& y, const Parameters&) { return step(y); }};
  return unary(kRule, x);
}

Tensor leaky_relu(const Tensor& x, double slope) {
  static constexpr UnaryRule kRule{
      UnaryOp::leaky_relu, "leaky_relu", false,
      [](const Tensor& v, const Parameters& p) { return by_sign(v, 1, scalar_like(v, p.first)); }};
  return unary(kRule, x, {slope});
}

Tensor elu(const Tensor& x, double alpha) {
  static constexpr UnaryRule kRule{UnaryOp::elu, "elu", false, [](const Tensor& v, const Parameters& p) {
                                     const Tensor below =
                                         clamp(v, -std::numeric_limits<double>::infinity(), 0);
                                     return by_sign(v, 1, mul(exp(below), p.first));
                                   }};
  return unary(kRule, x, {alpha});
}

Tensor gelu(const Tensor& x, GeluForm form) { return form == GeluForm::exact ? gelu_exact(x) : gelu_tanh(x); }

Tensor silu(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::silu, "silu", false, [](const Tensor& v, const Parameters&) {
                                     return gated_slope(v, v, scalar_like(v, 1));
                                   }};
  return unary(kRule, x);
}

Tensor sigmoid(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::sigmoid, "sigmoid", true,
                                   [](const Tensor& y, const Parameters&) { return mul(y, 1.0 - y); }};
  return unary(kRule, x);
}

Tensor tanh(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::tanh, "tanh", true,
                                   [](const Tensor& y, const Parameters&) { return 1.0 - mul(y, y); }};
  return unary(kRule, x);
}

Tensor softplus(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::softplus, "softplus", false,
                                   [](const Tensor& v, const Parameters&) { return sigmoid(v); }};
  return unary(kRule, x);
}

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::leaky_relu:
      return leaky_relu(x);
    case Activation::elu:
      return elu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu(x, GeluForm::tanh);
    case Activation::silu:
      return silu(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::softplus:
      return softplus(x);
  }
  fail("activate: ", static_cast<int>(activation), " is not an Activation");
}

}  // namespace noyau::inline v0
