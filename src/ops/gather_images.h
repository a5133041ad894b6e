#pragma once
#include "noyau/tensor.h"

namespace noyau::inline v0 {

// Batches of a data set that stays on a device: images u8 [count, h, w, c] with c 1 or 3, plan i32 [n, kPlanHead + h + w]
// (see GatherImagesDims), table f32 [c, 256]; gives f32 [n, h, w, c]. No gradients.
Tensor gather_images(const Tensor& images, const Tensor& plan, const Tensor& table);

}  // namespace noyau::inline v0
