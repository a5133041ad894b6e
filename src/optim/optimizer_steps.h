#pragma once
// One step of an optimizer, as its kernels take it.
#include <cmath>
#include <cstdint>

namespace noyau::inline v0 {

// `shrink` multiplies the parameter first; `decay` times the parameter is added to the gradient.
struct SgdStep {
  double rate, shrink, decay;
  double momentum, gain;  // gain: share of the gradient that enters the velocity
  bool nesterov;
};
struct AdamStep {
  double rate, shrink, decay;
  double beta1, beta2, epsilon;
  double correction1, correction2;  // 1 - beta^steps
};
struct RmsPropStep {
  double rate, shrink, decay;
  double alpha, epsilon, momentum;
};

// v = momentum v + gain g; p = shrink p - rate (nesterov ? g + momentum v : v), g = grad + decay p. No velocity: v = g.
template <class T>
struct SgdRule {
  using Element = T;
  enum Memory : std::uint8_t { kVelocity };
  explicit SgdRule(const SgdStep& s)
      : rate(static_cast<T>(s.rate)),
        shrink(static_cast<T>(s.shrink)),
        decay(static_cast<T>(s.decay)),
        momentum(static_cast<T>(s.momentum)),
        gain(static_cast<T>(s.gain)),
        nesterov(s.nesterov) {}

  T rate, shrink, decay, momentum, gain;
  bool nesterov;
};

// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p = shrink p - rate / c1 * m / (sqrt(v) / sqrt(c2) + epsilon).
template <class T>
struct AdamRule {
  using Element = T;
  enum Memory : std::uint8_t { kFirst, kSecond, kLargest };
  explicit AdamRule(const AdamStep& s)
      : rate(static_cast<T>(s.rate / s.correction1)),
        shrink(static_cast<T>(s.shrink)),
        decay(static_cast<T>(s.decay)),
        epsilon(static_cast<T>(s.epsilon)),
        beta1(static_cast<T>(s.beta1)),
        beta2(static_cast<T>(s.beta2)),
        rest1(static_cast<T>(1 - s.beta1)),
        rest2(static_cast<T>(1 - s.beta2)),
        inverse_root(static_cast<T>(1 / std::sqrt(s.correction2))) {}

  T rate, shrink, decay, epsilon, beta1, beta2, rest1, rest2, inverse_root;
};

// s = alpha s + (1 - alpha) g^2; u = g / (sqrt(s - mean^2) + epsilon); v = momentum v + u; p = shrink p - rate v.
template <class T>
struct RmsPropRule {
  using Element = T;
  enum Memory : std::uint8_t { kSquare, kMean, kVelocity };
  explicit RmsPropRule(const RmsPropStep& s)
      : rate(static_cast<T>(s.rate)),
        shrink(static_cast<T>(s.shrink)),
        decay(static_cast<T>(s.decay)),
        alpha(static_cast<T>(s.alpha)),
        rest(static_cast<T>(1 - s.alpha)),
        epsilon(static_cast<T>(s.epsilon)),
        momentum(static_cast<T>(s.momentum)) {}

  T rate, shrink, decay, alpha, rest, epsilon, momentum;
};

inline constexpr int kStepMemory = 3;

// A parameter and its share of a step; what the rule does not use of its memory is null. Tensors of a step stand in a table
// in memory of their device: a captured step reads there what has changed since.
template <class Rule>
struct StepTensor {
  using T = typename Rule::Element;
  Rule rule;
  std::int64_t first_chunk;  // chunks of the tensors before it
  std::int64_t count;
  const T* grad;
  T* parameter;
  T* memory[kStepMemory];
};

// Elements that a block of threads owns.
inline constexpr std::int64_t kStepChunk = 2048;

}  // namespace noyau::inline v0
