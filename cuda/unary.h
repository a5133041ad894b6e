#pragma once
// Functions of one variable and their slopes, as in src/ops/unary.h.
#include <cmath>

#include "elements.h"

namespace noyau::inline v0 {

template <class T>
__device__ T sigmoid_of(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

// P(Z > |x|) for a standard normal Z.
template <class T>
__device__ T normal_tail(T x) {
  return T(0.5) * std::erfc(std::fabs(x) * T(0.7071067811865476));
}

template <class T>
__device__ T normal_cdf(T x) {
  return x < 0 ? normal_tail(x) : 1 - normal_tail(x);
}

template <class T>
__device__ T normal_density(T x) {
  return T(0.3989422804014327) * std::exp(T(-0.5) * x * x);
}

// (1 + tanh(u)) / 2 = sigmoid(2 u), 2 u = a (x + b x^3); beyond 30 it is 0 or 1 in f64, too.
template <class T>
struct TanhGate {
  static constexpr T a = T(1.5957691216057308);
  static constexpr T b = T(0.044715);
  __device__ explicit TanhGate(T v)
      : x(v > 30    ? T(30)
          : v < -30 ? T(-30)
                    : v),
        gate(sigmoid_of(a * (x + b * x * x * x))) {}
  __device__ T slope() const { return gate + x * gate * (1 - gate) * a * (1 + 3 * b * x * x); }
  T x;
  T gate;
};

template <UnaryOp op, class T>
__device__ T value_of(T x, UnaryParameters<T> p) {
  if constexpr (op == UnaryOp::relu) return x <= 0 ? T(0) : x;
  if constexpr (op == UnaryOp::leaky_relu) return x > 0 ? x : p.first * x;
  if constexpr (op == UnaryOp::elu) return x > 0 ? x : p.first * std::expm1(x);
  if constexpr (op == UnaryOp::normal_cdf) return normal_cdf(x);
  if constexpr (op == UnaryOp::gelu) return x < 0 ? x * normal_tail(x) : x - x * normal_tail(x);
  if constexpr (op == UnaryOp::gelu_tanh) return x * TanhGate<T>(x).gate;
  if constexpr (op == UnaryOp::sigmoid) return sigmoid_of(x);
  if constexpr (op == UnaryOp::silu) return x * sigmoid_of(x);
  if constexpr (op == UnaryOp::tanh) return std::tanh(x);
  if constexpr (op == UnaryOp::softplus) return (x > 0 ? x : T(0)) + std::log1p(std::exp(x > 0 ? -x : x));
  if constexpr (op == UnaryOp::abs) return x < 0 ? -x : x;
  if constexpr (op == UnaryOp::exp) return std::exp(x);
  if constexpr (op == UnaryOp::log) return std::log(x);
  if constexpr (op == UnaryOp::sqrt) return std::sqrt(x);
  if constexpr (op == UnaryOp::square) return x * x;
  if constexpr (op == UnaryOp::reciprocal) return 1 / x;
  if constexpr (op == UnaryOp::pow) return std::pow(x, p.first);
  if constexpr (op == UnaryOp::clamp) return x < p.first ? p.first : x > p.second ? p.second : x;
}

template <UnaryOp op, class T>
__device__ T slope_of(T v, UnaryParameters<T> p) {
  if constexpr (op == UnaryOp::relu) return v <= 0 ? T(0) : T(1);
  if constexpr (op == UnaryOp::leaky_relu) return v > 0 ? T(1) : p.first;
  if constexpr (op == UnaryOp::elu) return v > 0 ? T(1) : p.first * std::exp(v);
  if constexpr (op == UnaryOp::normal_cdf) return normal_density(v);
  if constexpr (op == UnaryOp::gelu) return normal_cdf(v) + v * normal_density(v);
  if constexpr (op == UnaryOp::gelu_tanh) return TanhGate<T>(v).slope();
  if constexpr (op == UnaryOp::sigmoid) return v * (1 - v);
  if constexpr (op == UnaryOp::silu) return sigmoid_of(v) + v * sigmoid_of(v) * (1 - sigmoid_of(v));
  if constexpr (op == UnaryOp::tanh) return 1 - v * v;
  if constexpr (op == UnaryOp::softplus) return sigmoid_of(v);
  if constexpr (op == UnaryOp::abs) return v > 0 ? T(1) : v < 0 ? T(-1) : T(0);
  if constexpr (op == UnaryOp::exp) return v;
  if constexpr (op == UnaryOp::log) return 1 / v;
  if constexpr (op == UnaryOp::sqrt) return T(0.5) / v;
  if constexpr (op == UnaryOp::square) return 2 * v;
  if constexpr (op == UnaryOp::reciprocal) return -v * v;
  if constexpr (op == UnaryOp::pow) return p.first == 0 ? T(0) : p.first * std::pow(v, p.first - 1);
  if constexpr (op == UnaryOp::clamp) return v >= p.first && v <= p.second ? T(1) : T(0);
}

}  // namespace noyau::inline v0
