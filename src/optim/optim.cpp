#include "noyau/optim.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "noyau/names.h"
#include "noyau/ops.h"
#include "noyau/precision.h"
#include "optim/optimizer_updates.h"
#include "profiler.h"

namespace noyau::inline v0 {

double clip_grad_norm(const std::vector<Tensor>& parameters, double largest) {
  NOYAU_CHECK(largest > 0, "clip_grad_norm: the limit must be above 0, not ", largest);
  const NoGrad off;
  Tensor total;
  for (const Tensor& parameter : parameters) {
    const Tensor grad = parameter.grad();
    if (grad.defined())
      total = total.defined() ? total + square_sum(grad).to(total.device()) : square_sum(grad);
  }
  const double norm = total.defined() ? std::sqrt(total.item<double>()) : 0;
  constexpr double kGuard = 1e-6;  // PyTorch's, against division by 0
  if (norm + kGuard <= largest) return norm;
  for (const Tensor& parameter : parameters) {
    if (const Tensor grad = parameter.grad(); grad.defined()) scale_in_place(grad, largest / (norm + kGuard));
  }
  return norm;
}

void clip_grad_value(const std::vector<Tensor>& parameters, double largest) {
  NOYAU_CHECK(largest > 0, "clip_grad_value: the limit must be above 0, not ", largest);
  for (const Tensor& parameter : parameters) {
    if (const Tensor grad = parameter.grad(); grad.defined()) limit_in_place(grad, largest);
  }
}

Optimizer::Optimizer(const std::vector<ParameterGroup>& groups, double rate, double weight_decay,
                     std::vector<std::string> memory_names)
    : memory_names_(std::move(memory_names)) {
  NOYAU_CHECK(rate >= 0, "optimizer: rate must not be negative, as ", rate);
  std::unordered_set<const TensorImpl*> seen;
  for (const ParameterGroup& group : groups) {
    const Slot settings{{}, group.rate.value_or(rate), group.weight_decay.value_or(weight_decay)};
    NOYAU_CHECK(settings.rate >= 0 && settings.weight_decay >= 0, "optimizer: rate ", settings.rate,
                " and weight decay ", settings.weight_decay, " must not be negative");
    for (const Tensor& parameter : group.parameters) {
      NOYAU_CHECK(parameter.defined(), "optimizer: a parameter is undefined");
      NOYAU_CHECK(seen.insert(parameter.impl().get()).second, "optimizer: a parameter (", parameter,
                  ") is given twice");
      slots_.push_back(settings);
      slots_.back().parameter = parameter;
      slots_.back().memory.resize(memory_names_.size());
    }
  }
  NOYAU_CHECK(!slots_.empty(), "optimizer: no parameters");
}

void Optimizer::minimize(const Tensor& loss) {
  zero_grad();
  backward(loss);
  step();
}

void Optimizer::zero_grad() const {
  for (const Slot& slot : slots_) slot.parameter.set_grad({});
}

void Optimizer::step() {
  const PhaseScope phase(ProfilePhase::update);
  const Autocast products(Precision::f32);
  if (clipping_.value > 0) clip_grad_value(parameters(), clipping_.value);
  if (clipping_.norm > 0) clip_grad_norm(parameters(), clipping_.norm);
  for (Slot& slot : slots_) {
    const Tensor grad = slot.parameter.grad();
    if (!grad.defined()) continue;
    for (Tensor& memory : slot.memory) {
      memory = memory.defined() ? memory.to(grad.device()).to(grad.dtype())
                                : zeros(grad.shape(), {grad.dtype(), grad.device()});
    }
    update(slot, grad, slot.rate * rate_factor_);
    ++slot.steps;
  }
  finish_updates();
  ++steps_;
}

void Optimizer::set_clipping(const Clipping& clipping) {
  NOYAU_CHECK(clipping.norm >= 0 && clipping.value >= 0,
              "optimizer: limits on gradients must not be negative (norm ", clipping.norm, ", value ",
              clipping.value, ")");
  clipping_ = clipping;
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> result;
  for (const Slot& slot : slots_) result.push_back(slot.parameter);
  return result;
}

std::vector<Optimizer::State> Optimizer::state() const {
  std::vector<State> result;
  for (const Slot& slot : slots_) {
    if (slot.steps == 0) continue;
    result.push_back({"steps", slot.parameter, full({}, static_cast<double>(slot.steps), {Dtype::f64})});
    for (std::size_t i = 0; i < memory_names_.size(); ++i) {
      if (slot.memory[i].defined()) result.push_back({memory_names_[i], slot.parameter, slot.memory[i]});
    }
  }
  return result;
}

void Optimizer::set_state(const State& state) {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& candidate) {
    return candidate.parameter.impl() == state.parameter.impl();
  });
  NOYAU_CHECK(slot != slots_.end(), "optimizer: state '", state.name,
              "' is for a tensor that is no parameter of it");
  if (state.name == "steps") {
    slot->steps = state.value.item<std::int64_t>();
    return;
  }
  const auto name = std::find(memory_names_.begin(), memory_names_.end(), state.name);
  if (name == memory_names_.end()) fail_unknown("optimizer", "state", state.name, memory_names_);
  NOYAU_CHECK(state.value.shape() == slot->parameter.shape(), "optimizer: state '", state.name, "' is ",
              state.value.shape(), " for a parameter ", slot->parameter.shape());
  slot->memory[static_cast<std::size_t>(name - memory_names_.begin())] = state.value.clone();
}

}  // namespace noyau::inline v0
