#include <cmath>

#include "noyau/ops.h"
#include "noyau/optim.h"
#include "optim/optimizer_updates.h"

namespace noyau::inline v0 {
namespace {

bool is_matrix(const Tensor& parameter) { return parameter.rank() >= 2; }

// Matrices in groups of Muon's rate and decay, the rest in groups of Sgd's.
std::vector<ParameterGroup> split(const std::vector<ParameterGroup>& groups, const MuonOptions& options) {
  std::vector<ParameterGroup> result;
  for (const ParameterGroup& group : groups) {
    ParameterGroup matrices{
        {}, group.rate.value_or(options.rate), group.weight_decay.value_or(options.weight_decay)};
    ParameterGroup rest{{}, group.rate, group.weight_decay};
    for (const Tensor& p : group.parameters)
      (p.defined() && is_matrix(p) ? matrices : rest).parameters.push_back(p);
    result.push_back(std::move(matrices));
    result.push_back(std::move(rest));
  }
  return result;
}

// Moves the singular values of `m` towards 1 by X -> aX + bXA + cXAA with A the smaller of X'X and XX'.
Tensor orthogonalized(Tensor m, int iterations) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315, kGuard = 1e-7;
  m = m * (1.0 / (sqrt(square_sum(m)) + kGuard)).to(m.dtype());
  const bool tall = m.dim(0) > m.dim(1);
  for (int i = 0; i < iterations; ++i) {
    const Tensor gram = tall ? matmul(transpose(m), m) : matmul(m, transpose(m));
    const Tensor factor = gram * b + matmul(gram, gram) * c;
    m = m * a + (tall ? matmul(m, factor) : matmul(factor, m));
  }
  return m;
}

}  // namespace

Muon::Muon(const std::vector<Tensor>& parameters, const MuonOptions& options)
    : Muon(std::vector<ParameterGroup>{{.parameters = parameters}}, options) {}

Muon::Muon(const std::vector<ParameterGroup>& groups, const MuonOptions& options)
    : Sgd(split(groups, options), options.sgd, true), options_(options) {
  NOYAU_CHECK(options.momentum >= 0 && options.momentum < 1, "muon: momentum must be in [0, 1), not ",
              options.momentum);
  NOYAU_CHECK(options.iterations > 0, "muon: iterations must be above 0, not ", options.iterations);
}

void Muon::update(Slot& slot, const Tensor& grad, double rate) {
  if (!is_matrix(slot.parameter)) return Sgd::update(slot, grad, rate);
  const NoGrad off;
  const Tensor& velocity = slot.memory[0];
  velocity.copy_from(velocity * options_.momentum + grad);
  const Tensor direction = options_.nesterov ? grad + velocity * options_.momentum : velocity;
  const std::int64_t outputs = grad.dim(-1);
  const Tensor step =
      orthogonalized(reshape(direction, {grad.size() / outputs, outputs}), options_.iterations);
  Tensor keep = full({}, 1 - rate * slot.weight_decay, {Dtype::f64, grad.device()});
  if (options_.normalize) {
    const Tensor wanted = full({}, static_cast<double>(outputs), {Dtype::f64, grad.device()});
    keep = keep * sqrt(wanted / square_sum(slot.parameter));
  }
  slot.parameter.copy_from(slot.parameter.detach() * keep.to(grad.dtype()) -
                           reshape(step, grad.shape()) * rate);
}

}  // namespace noyau::inline v0
