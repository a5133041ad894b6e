// The network, the optimizer and the schedule of a run.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/device.h"
#include "common/experiment.h"
#include "common/files.h"
#include "common/nearest.h"
#include "common/speedrun.h"

namespace programs {
namespace {

constexpr std::int64_t kWhitened = 5000;  // images from which the speedrun network takes its first layer

noyau::Sequential network_from_file(const Settings& s) {
  for (const char* name :
       {"width", "depth", "activation", "initializer", "dropout", "batch-norm", "batch-norm-momentum"}) {
    const Option& o = option(name, "");
    if (value_of(o, s) != default_of(o))
      stop(Exit::usage, name, " is for networks of the zoo; ", s.model, " says its own");
  }
  const std::string text = read_file(s.model, Exit::usage);
  try {
    return noyau::from_json(text);
  } catch (const noyau::Error& error) {
    stop(Exit::usage, s.model, ": ", error.what());
  }
}

noyau::ModelOptions model_options(const Settings& s, const noyau::DataInfo& info) {
  noyau::ModelOptions options{.height = info.height,
                              .width = info.width,
                              .channels = info.channels,
                              .classes = static_cast<std::int64_t>(info.classes.size()),
                              .width_factor = s.width};
  if (s.depth > 0) options.depth = static_cast<int>(s.depth);
  if (s.activation != "default") options.activation = noyau::activation_of(s.activation);
  if (s.initializer != "default") options.initializer = noyau::Initializer(s.initializer);
  if (s.dropout >= 0) options.dropout = s.dropout;
  if (s.batch_norm != "default") options.batch_norm = s.batch_norm == "on";
  return options;
}

void set_batch_norm_momentum(noyau::Sequential& network, double momentum) {
  for (const noyau::NamedModule& each : network.modules())
    if (auto* norm = dynamic_cast<noyau::BatchNorm*>(each.module)) norm->options.momentum = momentum;
}

}  // namespace

noyau::Sequential make_network(const Settings& s, const noyau::Dataset& train) {
  if (s.model.ends_with(".json")) return network_from_file(s);
  noyau::Sequential network =
      blaming(Exit::usage, [&] { return noyau::make_model(s.model, model_options(s, train.info())); });
  set_batch_norm_momentum(network, s.batch_norm_momentum);
  if (s.model == "speedrun")
    noyau::whiten(network, noyau::normalize(train.first(kWhitened).images(), train.info()));
  return network;
}

std::unique_ptr<noyau::Optimizer> make_optimizer(const Settings& s, const noyau::Sequential& network) {
  if (s.recipe == "speedrun") return speedrun_optimizer(network, s);
  const std::vector<noyau::Tensor> parameters = network.parameters();
  const noyau::SgdOptions sgd{
      .rate = s.rate, .momentum = s.momentum, .nesterov = s.nesterov, .weight_decay = s.weight_decay};
  if (s.optimizer == "sgd") return std::make_unique<noyau::Sgd>(parameters, sgd);
  if (s.optimizer == "adam")
    return std::make_unique<noyau::Adam>(parameters,
                                         noyau::AdamOptions{.rate = s.rate, .weight_decay = s.weight_decay});
  if (s.optimizer == "adamw")
    return std::make_unique<noyau::AdamW>(
        parameters, noyau::AdamWOptions{.rate = s.rate, .weight_decay = s.weight_decay});
  if (s.optimizer == "rmsprop")
    return std::make_unique<noyau::RmsProp>(
        parameters,
        noyau::RmsPropOptions{.rate = s.rate, .momentum = s.momentum, .weight_decay = s.weight_decay});
  return std::make_unique<noyau::Muon>(parameters, noyau::MuonOptions{.rate = s.rate,
                                                                      .momentum = s.momentum,
                                                                      .nesterov = s.nesterov,
                                                                      .weight_decay = s.weight_decay,
                                                                      .sgd = sgd});
}

noyau::Schedule make_schedule(const Settings& s, std::int64_t steps_per_epoch) {
  const std::int64_t steps = s.epochs * steps_per_epoch;
  const auto warmup = static_cast<std::int64_t>(s.warmup * static_cast<double>(steps_per_epoch));
  if (warmup >= steps) stop(Exit::usage, "warmup is ", s.warmup, " epochs but training has only ", s.epochs);
  noyau::ScheduleOptions options{.steps = steps, .warmup = warmup};
  if (s.schedule == "exponential") options.last = 0.01;
  if (s.schedule == "step") options.milestones = {steps / 2, steps * 3 / 4};
  return noyau::schedule(s.schedule, options);
}

void check_settings(const Settings& s) {
  const std::string device = usable_device(s.device);
  check_precision(s.precision, device);
  if (s.record && device == "cpu") stop(Exit::device, "record needs device cuda, not cpu");
  blaming(Exit::usage, [&] { noyau::Augment(s.augment); });
  const std::vector<std::string> models = noyau::model_names();
  if (!s.model.ends_with(".json") && std::find(models.begin(), models.end(), s.model) == models.end())
    stop(Exit::usage, "unknown model '", s.model, "'", did_you_mean(s.model, models),
         " (known: ", joined(models), ")");
  if (s.recipe == "speedrun" && (s.model != "speedrun" || s.optimizer != "muon"))
    stop(Exit::usage, "recipe speedrun needs model speedrun and optimizer muon, not ", s.model, " and ",
         s.optimizer);
  if (s.nesterov && s.momentum == 0) stop(Exit::usage, "nesterov needs momentum above 0");
}

}  // namespace programs
