#include <cmath>

#include "noyau/ops.h"
#include "noyau/optim.h"
#include "noyau/precision.h"
#include "optim/optimizer_updates.h"

namespace noyau::inline v0 {
namespace {

std::vector<Tensor> gradients_of(const Optimizer& optimizer) {
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : optimizer.parameters()) {
    if (const Tensor grad = parameter.grad(); grad.defined()) gradients.push_back(grad);
  }
  return gradients;
}

// Squares of f32 are finite in f64, so their sum is unless a gradient is not.
bool all_finite(const std::vector<Tensor>& gradients) {
  Tensor total;
  for (const Tensor& grad : gradients) {
    const Tensor squares = square_sum(grad);
    total = total.defined() ? total + squares.to(total.device()) : squares;
  }
  return !total.defined() || std::isfinite(total.item<double>());
}

}  // namespace

LossScaler::LossScaler(const LossScalerOptions& options) : options_(options), scale_(options.scale) {
  NOYAU_CHECK(options.scale > 0 && std::isfinite(options.scale),
              "loss_scaler: the scale must be above 0 and finite, not ", options.scale);
  NOYAU_CHECK(options.growth > 1 && options.backoff > 0 && options.backoff < 1,
              "loss_scaler: growth must be above 1 and backoff in (0, 1), not ", options.growth, " and ",
              options.backoff);
  NOYAU_CHECK(options.interval >= 1, "loss_scaler: the interval must be at least 1, not ", options.interval);
}

Tensor LossScaler::scaled(const Tensor& loss) const { return mul(loss, scale_); }

bool LossScaler::step(Optimizer& optimizer) {
  const NoGrad off;
  const std::vector<Tensor> gradients = gradients_of(optimizer);
  if (!all_finite(gradients)) {
    scale_ *= options_.backoff;
    steps_ = 0;
    return false;
  }
  for (const Tensor& grad : gradients) scale_in_place(grad, 1 / scale_);
  optimizer.step();
  if (++steps_ == options_.interval) {
    scale_ *= options_.growth;
    steps_ = 0;
  }
  return true;
}

void LossScaler::restore(double scale, std::int64_t steps) {
  NOYAU_CHECK(scale > 0 && std::isfinite(scale) && steps >= 0, "loss_scaler: cannot restore the scale ",
              scale, " after ", steps, " steps");
  scale_ = scale;
  steps_ = steps;
}

}  // namespace noyau::inline v0
