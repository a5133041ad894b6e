#pragma once
// Transcendental functions of one element: those of f32 are short polynomials without branches, which compilers turn
// into vector code; their errors stay below 4e-7 of the value. Those of f64 are the C library's. NaN stays NaN.
// The polynomials are weighted least-squares fits of 1e-8 or better on the intervals named.
// See isa.h for the rules of this folder.

namespace noyau::inline v0 {
namespace {

template <class T>
struct Math;

template <>
struct Math<double> {
  static double exp(double x) { return __builtin_exp(x); }
  static double expm1(double x) { return __builtin_expm1(x); }
  static double log(double x) { return __builtin_log(x); }
  static double pow(double x, double p) { return __builtin_pow(x, p); }
  static double sqrt(double x) { return __builtin_sqrt(x); }
  static double tanh(double x) { return __builtin_tanh(x); }
  static double sigmoid(double x) { return 1 / (1 + __builtin_exp(-x)); }
  static double log1p_exp(double x) {
    return (x > 0 ? x : 0) + __builtin_log1p(__builtin_exp(x > 0 ? -x : x));
  }
  static double normal_tail(double t) { return __builtin_erfc(t * 0.70710678118654752) / 2; }
};

template <>
struct Math<float> {
  // e^x = 2^k e^r, |r| <= log(2) / 2; 2^k in two factors reaches infinity and 0.
  static float exp(float x) {
    const float limited = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;
    const float shifted = limited * 1.44269504f + kRound;  // the low bits hold k
    const float k = shifted - kRound;
    const float r = (limited - k * 0.693359375f) + k * 2.12194440e-4f;
    const int power = __builtin_bit_cast(int, shifted) - __builtin_bit_cast(int, kRound);
    const int half = power >> 1;
    return (1 + r + r * r * exp_rest(r)) * power_of_two(half) * power_of_two(power - half);
  }

  static float expm1(float x) {
    const float near = x + x * x * exp_rest(x);
    const float far = exp(x) - 1;
    return x > -0.347f && x < 0.347f ? near : far;
  }

  static float log(float x) { return __builtin_logf(x); }
  static float pow(float x, float p) { return __builtin_powf(x, p); }
  static float sqrt(float x) { return __builtin_sqrtf(x); }

  static float tanh(float x) {
    const float z = x * x;
    const float near =
        x + x * z *
                (-0.33333329f +
                 z * (0.13332746f + z * (-0.053846698f + z * (0.020975021f + z * -0.0060622400f))));
    const float e = exp(-2 * (x < 0 ? -x : x));
    const float far = (1 - e) / (1 + e);
    return z < 0.39f ? near : x < 0 ? -far : far;
  }

  static float sigmoid(float x) { return 1 / (1 + exp(-x)); }

  // log(1 + e^x) = max(x, 0) + log(1 + u), u = e^-|x|, by the series of 2 artanh(u / (2 + u)).
  static float log1p_exp(float x) {
    const float u = exp(x > 0 ? -x : x);
    const float s = u / (2 + u);
    const float z = s * s;
    const float rest = z * (0.33333319f + z * (0.20003891f + z * (0.14115640f + z * 0.13441803f)));
    return (x > 0 ? x : 0.0f) + 2 * s * (1 + rest);
  }

  // 1 - Phi(t) for t >= 0: e^(-t^2/2) times a polynomial in 1 / (1 + 0.3 t), fitted on [0, 15].
  static float normal_tail(float t) {
    const float w = 1 / (1 + 0.3f * t);
    float p = 0.038425201f;
    p = p * w - 0.16939388f;
    p = p * w + 0.22912991f;
    p = p * w - 0.077042841f;
    p = p * w + 0.14290514f;
    p = p * w + 0.094526539f;
    p = p * w + 0.12196036f;
    p = p * w + 0.11948210f;
    p = p * w + 7.4947912e-6f;
    return p * exp(-0.5f * t * t);
  }

 private:
  static constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer

  // (e^r - 1 - r) / r^2 for |r| <= 0.347
  static float exp_rest(float r) {
    return 0.5f + r * (0.16666577f + r * (0.041666374f + r * (0.0083632489f + r * 0.0013941241f)));
  }

  static float power_of_two(int k) { return __builtin_bit_cast(float, static_cast<unsigned>(k + 127) << 23); }
};

}  // namespace
}  // namespace noyau::inline v0
