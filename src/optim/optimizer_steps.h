#pragma once
// One step of an optimizer, as its kernels take it.

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

}  // namespace noyau::inline v0
