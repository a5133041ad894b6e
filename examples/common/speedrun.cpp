#include "common/speedrun.h"

#include <algorithm>
#include <cmath>

#include "common/exit.h"

namespace programs {
namespace {

using noyau::ParameterGroup;
using noyau::Tensor;

constexpr double kBiasRate = 0.053;
constexpr double kHeadRate = 0.67;
constexpr double kSgdMomentum = 0.85;
constexpr double kDecay = 2e-6;  // an image
constexpr double kWhitenEpochs = 3;

// The recipe minimises the sum over the batch. The mean makes the same steps with rates times the batch.
ParameterGroup sgd_group(std::vector<Tensor> parameters, double rate, std::int64_t batch) {
  const auto images = static_cast<double>(batch);
  return {std::move(parameters), rate * images, kDecay / rate};
}

class SpeedrunOptimizer : public noyau::Muon {
 public:
  SpeedrunOptimizer(const std::vector<ParameterGroup>& groups, const noyau::MuonOptions& options,
                    std::int64_t batch, Tensor whiten_bias, double whiten_share)
      : Muon(groups, options),
        batch_(static_cast<double>(batch)),
        whiten_bias_(std::move(whiten_bias)),
        whiten_share_(whiten_share) {}

 protected:
  void update(Slot& slot, const Tensor& grad, double rate) override {
    if (slot.parameter.impl() == whiten_bias_.impl()) return update_whitening(slot, grad);
    // Muon's steps do not depend on the size of gradients, as long as that is well above its guard against 0.
    if (slot.parameter.rank() == 4) return Muon::update(slot, noyau::mul(grad, batch_), rate);
    Sgd::update(slot, grad, rate);
  }

 private:
  // Its rate falls to 0 while the schedule of the others is at 1 - whiten_share_; then no gradient is computed.
  void update_whitening(Slot& slot, const Tensor& grad) {
    constexpr double kRounding = 1e-9;
    const double factor = 1 - (1 - rate_factor()) / whiten_share_;
    if (factor < kRounding) {
      slot.parameter.set_requires_grad(false);
      return;
    }
    Sgd::update(slot, grad, slot.rate * factor);
  }

  double batch_;
  Tensor whiten_bias_;
  double whiten_share_;
};

}  // namespace

void set_speedrun(Settings& settings) {
  settings.validation_images = 0;
  settings.augment = "alternating_flip|pad_crop(2,reflect)";
  settings.model = "speedrun";
  settings.batch_norm_momentum = 0.6;
  settings.epochs = 8;
  settings.batch = 2000;
  settings.optimizer = "muon";
  settings.rate = 0.24;
  settings.momentum = 0.6;
  settings.nesterov = true;
  settings.schedule = "linear";
  settings.label_smoothing = 0.2;
  settings.keep = "last";
  settings.tta = "flip-shift";
}

std::unique_ptr<noyau::Optimizer> speedrun_optimizer(const noyau::Sequential& network,
                                                     const Settings& settings) {
  std::vector<Tensor> filters, biases, head;
  Tensor whiten_bias;
  for (const auto& [name, tensor] : network.named_parameters()) {
    if (name == "whiten.bias") {
      whiten_bias = tensor;
    } else if (tensor.rank() == 4) {
      if (tensor.requires_grad()) filters.push_back(tensor);
    } else {
      (tensor.rank() == 1 ? biases : head).push_back(tensor);
    }
  }
  if (!whiten_bias.defined())
    stop(Exit::usage, "recipe speedrun is for the speedrun network, not ", settings.model);
  const noyau::MuonOptions options{.rate = settings.rate,
                                   .momentum = settings.momentum,
                                   .nesterov = settings.nesterov,
                                   .weight_decay = settings.weight_decay,
                                   .sgd = {.momentum = kSgdMomentum, .nesterov = true}};
  const double whiten_share = std::min(1.0, kWhitenEpochs / static_cast<double>(settings.epochs));
  return std::make_unique<SpeedrunOptimizer>(
      std::vector<ParameterGroup>{{.parameters = filters},
                                  sgd_group({whiten_bias}, kBiasRate, settings.batch),
                                  sgd_group(biases, kBiasRate, settings.batch),
                                  sgd_group(head, kHeadRate, settings.batch)},
      options, settings.batch, whiten_bias, whiten_share);
}

}  // namespace programs
