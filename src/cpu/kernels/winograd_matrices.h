#pragma once
// Winograd's F(m, 3) along one direction: m outputs of a correlation with 3 taps from m + 2 inputs by m + 2 products,
//   y = O [(K g) * (I d)],    dg = K' [(O' dy) * (I d)],    with ' the transpose.
// The matrices follow from m + 1 points and infinity (Lavin and Gray, arXiv:1509.09308): 0, 1, -1 for m = 2 and 0, a, -a,
// b, -b with a = 3/4, b = 3/2 for m = 4. These have a third of the error of the usual 1 and 2, and I and O are exact.
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// I d, m + 2 values from m + 2.
template <int m>
struct InputTransform;
// O p, m from m + 2.
template <int m>
struct OutputTransform;
// O' dy, m + 2 from m.
template <int m>
struct OutputGradientTransform;
// K g, m + 2 from 3.
template <int m>
struct KernelTransform;
// K' p, 3 from m + 2.
template <int m>
struct KernelGradientTransform;

constexpr double kA = 0.75;
constexpr double kB = 1.5;
constexpr double kA2 = kA * kA;
constexpr double kB2 = kB * kB;
// Reciprocals of the products of a point's distances to the others: of 0, of a and -a, of b and -b.
constexpr double kWeight0 = 1 / (kA2 * kB2);
constexpr double kWeightA = 1 / (2 * kA2 * (kA2 - kB2));
constexpr double kWeightB = 1 / (2 * kB2 * (kB2 - kA2));

template <>
struct InputTransform<2> {
  static constexpr int kIn = 4;
  static constexpr int kOut = 4;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* d, V* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
};

template <>
struct InputTransform<4> {
  static constexpr int kIn = 6;
  static constexpr int kOut = 6;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* d, V* t) {
    const V even_a = d[4] - T(kB2) * d[2];
    const V odd_a = d[3] - T(kB2) * d[1];
    const V even_b = d[4] - T(kA2) * d[2];
    const V odd_b = d[3] - T(kA2) * d[1];
    t[0] = d[4] - T(kA2 + kB2) * d[2] + T(kA2 * kB2) * d[0];
    t[1] = even_a + T(kA) * odd_a;
    t[2] = even_a - T(kA) * odd_a;
    t[3] = even_b + T(kB) * odd_b;
    t[4] = even_b - T(kB) * odd_b;
    t[5] = d[5] - T(kA2 + kB2) * d[3] + T(kA2 * kB2) * d[1];
  }
};

template <>
struct OutputTransform<2> {
  static constexpr int kIn = 4;
  static constexpr int kOut = 2;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* p, V* y) {
    y[0] = p[0] + p[1] + p[2];
    y[1] = p[1] - p[2] - p[3];
  }
};

template <>
struct OutputTransform<4> {
  static constexpr int kIn = 6;
  static constexpr int kOut = 4;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* p, V* y) {
    const V even_a = p[1] + p[2];
    const V odd_a = p[1] - p[2];
    const V even_b = p[3] + p[4];
    const V odd_b = p[3] - p[4];
    y[0] = p[0] + even_a + even_b;
    y[1] = T(kA) * odd_a + T(kB) * odd_b;
    y[2] = T(kA2) * even_a + T(kB2) * even_b;
    y[3] = T(kA * kA2) * odd_a + T(kB * kB2) * odd_b + p[5];
  }
};

template <>
struct OutputGradientTransform<2> {
  static constexpr int kIn = 2;
  static constexpr int kOut = 4;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* dy, V* t) {
    t[0] = dy[0];
    t[1] = dy[0] + dy[1];
    t[2] = dy[0] - dy[1];
    t[3] = -dy[1];
  }
};

template <>
struct OutputGradientTransform<4> {
  static constexpr int kIn = 4;
  static constexpr int kOut = 6;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* dy, V* t) {
    const V even_a = dy[0] + T(kA2) * dy[2];
    const V odd_a = dy[1] + T(kA2) * dy[3];
    const V even_b = dy[0] + T(kB2) * dy[2];
    const V odd_b = dy[1] + T(kB2) * dy[3];
    t[0] = dy[0];
    t[1] = even_a + T(kA) * odd_a;
    t[2] = even_a - T(kA) * odd_a;
    t[3] = even_b + T(kB) * odd_b;
    t[4] = even_b - T(kB) * odd_b;
    t[5] = dy[3];
  }
};

template <>
struct KernelTransform<2> {
  static constexpr int kIn = 3;
  static constexpr int kOut = 4;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* g, V* t) {
    const V even = g[0] + g[2];
    t[0] = g[0];
    t[1] = T(0.5) * (even + g[1]);
    t[2] = T(0.5) * (even - g[1]);
    t[3] = g[2];
  }
};

template <>
struct KernelTransform<4> {
  static constexpr int kIn = 3;
  static constexpr int kOut = 6;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* g, V* t) {
    const V even_a = g[0] + T(kA2) * g[2];
    const V even_b = g[0] + T(kB2) * g[2];
    t[0] = T(kWeight0) * g[0];
    t[1] = T(kWeightA) * (even_a + T(kA) * g[1]);
    t[2] = T(kWeightA) * (even_a - T(kA) * g[1]);
    t[3] = T(kWeightB) * (even_b + T(kB) * g[1]);
    t[4] = T(kWeightB) * (even_b - T(kB) * g[1]);
    t[5] = g[2];
  }
};

template <>
struct KernelGradientTransform<2> {
  static constexpr int kIn = 4;
  static constexpr int kOut = 3;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* p, V* dg) {
    const V sum = T(0.5) * (p[1] + p[2]);
    dg[0] = p[0] + sum;
    dg[1] = T(0.5) * (p[1] - p[2]);
    dg[2] = sum + p[3];
  }
};

template <>
struct KernelGradientTransform<4> {
  static constexpr int kIn = 6;
  static constexpr int kOut = 3;
  template <class T, class V>
  [[gnu::always_inline]] static void apply(const V* p, V* dg) {
    const V even_a = T(kWeightA) * (p[1] + p[2]);
    const V even_b = T(kWeightB) * (p[3] + p[4]);
    dg[0] = T(kWeight0) * p[0] + even_a + even_b;
    dg[1] = T(kWeightA * kA) * (p[1] - p[2]) + T(kWeightB * kB) * (p[3] - p[4]);
    dg[2] = T(kA2) * even_a + T(kB2) * even_b + p[5];
  }
};

}  // namespace
}  // namespace noyau::inline v0
