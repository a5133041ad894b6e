#include <algorithm>
#include <utility>

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

// Of each matrix of `m` [g, r, c], in f64: [g, 1, 1].
Tensor square_sums(const Tensor& m) {
  const Tensor exact = m.to(Dtype::f64);
  return sum(exact * exact, {1, 2}, true);
}

// Moves the singular values of the matrices of `m` [g, r, c] towards 1 by X -> aX + bXA + cXAA with A the smaller of
// X'X and XX'.
Tensor orthogonalized(Tensor m, int iterations) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315, kGuard = 1e-7;
  m = m * (1.0 / (sqrt(square_sums(m)) + kGuard)).to(m.dtype());
  const bool tall = m.dim(1) > m.dim(2);
  for (int i = 0; i < iterations; ++i) {
    const Tensor transposed = transpose(m, {0, 2, 1});
    const Tensor gram = tall ? matmul(transposed, m) : matmul(m, transposed);
    const Tensor factor = gram * b + matmul(gram, gram) * c;
    m = m * a + (tall ? matmul(m, factor) : matmul(factor, m));
  }
  return m;
}

// One factor for each matrix, [g, 1, 1].
Tensor factors(const std::vector<double>& values, const Tensor& matrices) {
  const Shape shape{static_cast<std::int64_t>(values.size()), 1, 1};
  return from_vector(values, shape).to(matrices.device());
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
  matrices_.push_back({slot.parameter, reshape(direction, {1, grad.size() / outputs, outputs}), rate,
                       1 - rate * slot.weight_decay});
}

void Muon::finish_updates() {
  std::vector<Matrix> rest = std::exchange(matrices_, {});
  while (!rest.empty()) {
    const Tensor first = rest.front().direction;
    const auto other = std::stable_partition(rest.begin(), rest.end(), [&](const Matrix& matrix) {
      const Tensor& direction = matrix.direction;
      return direction.shape() == first.shape() && direction.dtype() == first.dtype() &&
             direction.device() == first.device();
    });
    step_together(std::vector<Matrix>(rest.begin(), other));
    rest.erase(rest.begin(), other);
  }
  Sgd::finish_updates();
}

void Muon::step_together(const std::vector<Matrix>& matrices) {
  const NoGrad off;
  std::vector<Tensor> parameters, directions;
  std::vector<double> rates, keeps;
  for (const Matrix& matrix : matrices) {
    directions.push_back(matrix.direction);
    parameters.push_back(reshape(matrix.parameter.detach(), matrix.direction.shape()));
    rates.push_back(matrix.rate);
    keeps.push_back(matrix.keep);
  }
  const Tensor before = concat(parameters, 0);
  const Tensor step = orthogonalized(concat(directions, 0), options_.iterations);
  Tensor keep = factors(keeps, before);
  if (options_.normalize) keep = keep * sqrt(static_cast<double>(before.dim(2)) / square_sums(before));
  const Tensor after = before * keep.to(before.dtype()) - step * factors(rates, before).to(before.dtype());
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const Tensor& parameter = matrices[i].parameter;
    const auto row = static_cast<std::int64_t>(i);
    parameter.copy_from(reshape(slice(after, 0, row, row + 1), parameter.shape()));
  }
}

}  // namespace noyau::inline v0
