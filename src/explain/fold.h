#pragma once
#include "noyau/sequential.h"

namespace noyau::inline v0 {

// A copy of `net` in which every BatchNorm behind a Conv2d or Dense layer, in nested Sequentials and Residuals too, has
// become part of that layer's kernel and bias.
Sequential fold_batch_norm(const Sequential& net);

}  // namespace noyau::inline v0
