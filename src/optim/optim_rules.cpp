#include <cmath>

#include "noyau/optim.h"
#include "optim/optimizer_updates.h"

namespace noyau::inline v0 {
namespace {

void check_share(const char* optimizer, const char* option, double value) {
  NOYAU_CHECK(value >= 0 && value < 1, optimizer, ": ", option, " must be in [0, 1), not ", value);
}

double shrink(Decay decay, double rate, double weight_decay) {
  return decay == Decay::decoupled ? 1 - rate * weight_decay : 1;
}

double added(Decay decay, double weight_decay) { return decay == Decay::coupled ? weight_decay : 0; }

using Names = std::vector<std::string>;

Names rms_prop_memory(const RmsPropOptions& options) {
  Names names{"mean_square"};
  if (options.centered) names.emplace_back("mean");
  if (options.momentum > 0) names.emplace_back("velocity");
  return names;
}

}  // namespace

Sgd::Sgd(const std::vector<Tensor>& parameters, const SgdOptions& options)
    : Sgd(std::vector<ParameterGroup>{{.parameters = parameters}}, options) {}

Sgd::Sgd(const std::vector<ParameterGroup>& groups, const SgdOptions& options)
    : Sgd(groups, options, options.momentum != 0) {}

Sgd::Sgd(const std::vector<ParameterGroup>& groups, const SgdOptions& options, bool with_velocity)
    : Optimizer(groups, options.rate, options.weight_decay, with_velocity ? Names{"velocity"} : Names{}),
      options_(options),
      batch_(std::make_shared<StepBatch<SgdStep>>()) {
  check_share("sgd", "momentum", options.momentum);
  NOYAU_CHECK(!options.nesterov || (options.momentum > 0 && options.dampening == 0),
              "sgd: nesterov needs momentum above 0 (", options.momentum, ") and no dampening (",
              options.dampening, ")");
}

void Sgd::update(Slot& slot, const Tensor& grad, double rate) {
  const double gain = slot.steps == 0 ? 1 : 1 - options_.dampening;
  batch_->add({rate, shrink(options_.decay, rate, slot.weight_decay),
               added(options_.decay, slot.weight_decay), options_.momentum, gain, options_.nesterov},
              grad, slot.parameter, {slot.memory.empty() ? Tensor() : slot.memory[0]});
}

void Sgd::finish_updates() { batch_->run(); }

Adam::Adam(const std::vector<Tensor>& parameters, const AdamOptions& options)
    : Adam(std::vector<ParameterGroup>{{.parameters = parameters}}, options) {}

Adam::Adam(const std::vector<ParameterGroup>& groups, const AdamOptions& options)
    : Optimizer(groups, options.rate, options.weight_decay,
                options.amsgrad ? Names{"first_moment", "second_moment", "largest_second_moment"}
                                : Names{"first_moment", "second_moment"}),
      options_(options),
      batch_(std::make_shared<StepBatch<AdamStep>>()) {
  check_share("adam", "beta1", options.beta1);
  check_share("adam", "beta2", options.beta2);
}

void Adam::update(Slot& slot, const Tensor& grad, double rate) {
  const auto t = static_cast<double>(slot.steps + 1);
  const AdamStep step{.rate = rate,
                      .shrink = shrink(options_.decay, rate, slot.weight_decay),
                      .decay = added(options_.decay, slot.weight_decay),
                      .beta1 = options_.beta1,
                      .beta2 = options_.beta2,
                      .epsilon = options_.epsilon,
                      .correction1 = 1 - std::pow(options_.beta1, t),
                      .correction2 = 1 - std::pow(options_.beta2, t)};
  batch_->add(step, grad, slot.parameter,
              {slot.memory[0], slot.memory[1], options_.amsgrad ? slot.memory[2] : Tensor()});
}

void Adam::finish_updates() { batch_->run(); }

AdamW::AdamW(const std::vector<Tensor>& parameters, const AdamWOptions& options)
    : AdamW(std::vector<ParameterGroup>{{.parameters = parameters}}, options) {}

AdamW::AdamW(const std::vector<ParameterGroup>& groups, const AdamWOptions& options)
    : Adam(groups, {.rate = options.rate,
                    .beta1 = options.beta1,
                    .beta2 = options.beta2,
                    .epsilon = options.epsilon,
                    .weight_decay = options.weight_decay,
                    .decay = Decay::decoupled,
                    .amsgrad = options.amsgrad}) {}

RmsProp::RmsProp(const std::vector<Tensor>& parameters, const RmsPropOptions& options)
    : RmsProp(std::vector<ParameterGroup>{{.parameters = parameters}}, options) {}

RmsProp::RmsProp(const std::vector<ParameterGroup>& groups, const RmsPropOptions& options)
    : Optimizer(groups, options.rate, options.weight_decay, rms_prop_memory(options)),
      options_(options),
      batch_(std::make_shared<StepBatch<RmsPropStep>>()) {
  check_share("rms_prop", "alpha", options.alpha);
  check_share("rms_prop", "momentum", options.momentum);
}

void RmsProp::update(Slot& slot, const Tensor& grad, double rate) {
  const RmsPropStep step{.rate = rate,
                         .shrink = shrink(options_.decay, rate, slot.weight_decay),
                         .decay = added(options_.decay, slot.weight_decay),
                         .alpha = options_.alpha,
                         .epsilon = options_.epsilon,
                         .momentum = options_.momentum};
  batch_->add(step, grad, slot.parameter,
              {slot.memory[0], options_.centered ? slot.memory[1] : Tensor(),
               options_.momentum > 0 ? slot.memory.back() : Tensor()});
}

void RmsProp::finish_updates() { batch_->run(); }

}  // namespace noyau::inline v0
