#pragma once
#include "noyau/tensor.h"

namespace noyau::inline v0 {

// `x` as the product `op` of this thread takes it; see Autocast. Throws, naming `op`, where its device cannot.
Tensor product_operand(const char* op, const Tensor& x);

}  // namespace noyau::inline v0
