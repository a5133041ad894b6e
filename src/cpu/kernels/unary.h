#pragma once
// y[i] = f(x[i]) and dx[i] = dy[i] * f'(v[i]), where v is x or, where that is cheaper, y (see src/ops/unary.h).
// Each function is a pair: value(x) and slope(v). See isa.h for the rules of this folder.
#include "cpu/kernels/math.h"
#include "kernel_dims.h"

namespace noyau::inline v0 {
namespace {

template <class T>
struct Relu {
  T value(T x) const { return x <= 0 ? T(0) : x; }
  T slope(T y) const { return y <= 0 ? T(0) : T(1); }
};

template <class T>
struct LeakyRelu {
  T factor;
  T value(T x) const { return x > 0 ? x : factor * x; }
  T slope(T x) const { return x > 0 ? T(1) : factor; }
};

template <class T>
struct Elu {
  T alpha;
  T value(T x) const { return x > 0 ? x : alpha * Math<T>::expm1(x > 0 ? T(0) : x); }
  T slope(T x) const { return x > 0 ? T(1) : alpha * Math<T>::exp(x > 0 ? T(0) : x); }
};

template <class T>
struct NormalCdf {
  T value(T x) const {
    const T tail = Math<T>::normal_tail(x < 0 ? -x : x);
    return x < 0 ? tail : 1 - tail;
  }
  T slope(T x) const { return T(0.3989422804014327) * Math<T>::exp(T(-0.5) * x * x); }
};

template <class T>
struct Gelu {
  T value(T x) const {
    const T tail = x * Math<T>::normal_tail(x < 0 ? -x : x);
    return x < 0 ? tail : x - tail;
  }
  T slope(T x) const { return NormalCdf<T>{}.value(x) + x * NormalCdf<T>{}.slope(x); }
};

// (1 + tanh(u)) / 2 = sigmoid(2 u), 2 u = a (x + b x^3); beyond 30 it is 0 or 1 in f64, too.
template <class T>
struct GeluTanh {
  static constexpr T a = T(1.5957691216057308);
  static constexpr T b = T(0.044715);
  static T near(T x) { return x > 30 ? T(30) : x < -30 ? T(-30) : x; }
  static T gate(T x) { return Math<T>::sigmoid(a * (x + b * x * x * x)); }
  T value(T x) const { return x * gate(near(x)); }
  T slope(T v) const {
    const T x = near(v);
    const T g = gate(x);
    return g + x * g * (1 - g) * a * (1 + 3 * b * x * x);
  }
};

template <class T>
struct Sigmoid {
  T value(T x) const { return Math<T>::sigmoid(x); }
  T slope(T y) const { return y * (1 - y); }
};

template <class T>
struct Silu {
  T value(T x) const { return x * Math<T>::sigmoid(x); }
  T slope(T x) const {
    const T s = Math<T>::sigmoid(x);
    return s + x * s * (1 - s);
  }
};

template <class T>
struct Tanh {
  T value(T x) const { return Math<T>::tanh(x); }
  T slope(T y) const { return 1 - y * y; }
};

template <class T>
struct Softplus {
  T value(T x) const { return Math<T>::log1p_exp(x); }
  T slope(T x) const { return Math<T>::sigmoid(x); }
};

template <class T>
struct Abs {
  T value(T x) const { return x < 0 ? -x : x; }
  T slope(T x) const { return x > 0 ? T(1) : x < 0 ? T(-1) : T(0); }
};

template <class T>
struct Exp {
  T value(T x) const { return Math<T>::exp(x); }
  T slope(T y) const { return y; }
};

template <class T>
struct Log {
  T value(T x) const { return Math<T>::log(x); }
  T slope(T x) const { return 1 / x; }
};

template <class T>
struct Sqrt {
  T value(T x) const { return Math<T>::sqrt(x); }
  T slope(T y) const { return T(0.5) / y; }
};

template <class T>
struct Square {
  T value(T x) const { return x * x; }
  T slope(T x) const { return 2 * x; }
};

template <class T>
struct Reciprocal {
  T value(T x) const { return 1 / x; }
  T slope(T y) const { return -y * y; }
};

template <class T>
struct Pow {
  T exponent;
  T value(T x) const { return Math<T>::pow(x, exponent); }
  T slope(T x) const { return exponent == 0 ? T(0) : exponent * Math<T>::pow(x, exponent - 1); }
};

template <class T>
struct Clamp {
  T low;
  T high;
  T value(T x) const { return x < low ? low : x > high ? high : x; }
  T slope(T x) const { return x >= low && x <= high ? T(1) : T(0); }
};

template <class T, class Visit>
[[gnu::always_inline]] inline void with_function(UnaryOp op, UnaryParameters<T> p, Visit visit) {
  switch (op) {
    case UnaryOp::relu:
      return visit(Relu<T>{});
    case UnaryOp::leaky_relu:
      return visit(LeakyRelu<T>{p.first});
    case UnaryOp::elu:
      return visit(Elu<T>{p.first});
    case UnaryOp::normal_cdf:
      return visit(NormalCdf<T>{});
    case UnaryOp::gelu:
      return visit(Gelu<T>{});
    case UnaryOp::gelu_tanh:
      return visit(GeluTanh<T>{});
    case UnaryOp::sigmoid:
      return visit(Sigmoid<T>{});
    case UnaryOp::silu:
      return visit(Silu<T>{});
    case UnaryOp::tanh:
      return visit(Tanh<T>{});
    case UnaryOp::softplus:
      return visit(Softplus<T>{});
    case UnaryOp::abs:
      return visit(Abs<T>{});
    case UnaryOp::exp:
      return visit(Exp<T>{});
    case UnaryOp::log:
      return visit(Log<T>{});
    case UnaryOp::sqrt:
      return visit(Sqrt<T>{});
    case UnaryOp::square:
      return visit(Square<T>{});
    case UnaryOp::reciprocal:
      return visit(Reciprocal<T>{});
    case UnaryOp::pow:
      return visit(Pow<T>{p.first});
    case UnaryOp::clamp:
      return visit(Clamp<T>{p.first, p.second});
  }
}

template <class T, class F>
void map(F f, std::int64_t count, const T* __restrict x, T* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = f.value(x[i]);
}

template <class T, class F>
void map_slope(F f, std::int64_t count, const T* __restrict dy, const T* __restrict v, T* __restrict dx) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * f.slope(v[i]);
}

template <class Isa, class T>
void unary_forward(UnaryOp op, UnaryParameters<T> p, std::int64_t count, const T* x, T* y) {
  with_function(op, p, [=](auto f) { map(f, count, x, y); });
}

template <class Isa, class T>
void unary_backward(UnaryOp op, UnaryParameters<T> p, std::int64_t count, const T* dy, const T* v, T* dx) {
  with_function(op, p, [=](auto f) { map_slope(f, count, dy, v, dx); });
}

}  // namespace
}  // namespace noyau::inline v0
