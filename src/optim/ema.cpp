#include "noyau/optim.h"
#include "optim/optimizer_updates.h"

namespace noyau::inline v0 {

Ema::Ema(const Module& module, double decay) : decay_(decay) {
  NOYAU_CHECK(decay >= 0 && decay < 1, "ema: decay must be in [0, 1), not ", decay);
  for (NamedTensor& named : module.state()) {
    if (!is_floating(named.tensor.dtype())) continue;
    tensors_.push_back(named.tensor);
    averages_.push_back({std::move(named.name), named.tensor.clone()});
  }
}

void Ema::update() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) blend(averages_[i].tensor, tensors_[i], decay_);
}

void Ema::swap() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor present = tensors_[i].clone();
    tensors_[i].copy_from(averages_[i].tensor);
    averages_[i].tensor.copy_from(present);
  }
}

}  // namespace noyau::inline v0
