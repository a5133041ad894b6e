#pragma once
/// \file
/// Gradient checks, for authors of ops.

#include "noyau/autograd.h"

namespace noyau::inline v0 {

/// Options of gradcheck().
struct GradcheckOptions {
  double step = 1e-5;         ///< Half the distance of the central difference.
  double tolerance = 1e-7;    ///< Largest |analytic - numeric| / max(1, largest |numeric|) that passes.
  bool second_order = false;  ///< Check gradients of gradients as well.
  Device device = {};         ///< Where the inputs are copied to; the function computes there.
};
/// What gradcheck() found.
struct GradcheckResult {
  bool passed = true;      ///< No element is off by more than the tolerance.
  double worst_error = 0;  ///< Largest error of an element.
  std::string what = {};   ///< Input, element, analytic and numeric value of the worst.
};
/// Compares the gradients of sum(random * function(inputs)) with central differences, element by element.
/// Every f64 input is checked; its values are perturbed in place and restored. Others are passed through.
NOYAU_API GradcheckResult gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& function,
                                    const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

/// Names of the CPU kernels that ran on this thread's calls since the last call of this function, in order, no repeats.
NOYAU_API std::vector<std::string> take_kernel_trace();

}  // namespace noyau::inline v0
