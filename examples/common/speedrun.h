#pragma once
/// \file
/// The recipe "speedrun": 8 epochs from pixels to a good CIFAR-10 network. Source: K. Jordan, airbench94_muon, 2024
/// (github.com/KellerJordan/cifar10-airbench; arXiv 2404.00498), written anew from its description.

#include <memory>

#include "common/settings.h"
#include "noyau/optim.h"
#include "noyau/sequential.h"

namespace programs {

/// Sets network, augmentation, batch, epochs, schedule, loss and test-time augmentation as the recipe has them.
void set_speedrun(Settings& settings);

/// Its optimizer, for a network of the zoo's "speedrun" kind: Muon for the filters; SGD with Nesterov momentum, and rates
/// of their own, for the biases and the last layer. The bias of the whitening layer learns for the first 3 epochs only.
std::unique_ptr<noyau::Optimizer> speedrun_optimizer(const noyau::Sequential& network,
                                                     const Settings& settings);

}  // namespace programs
