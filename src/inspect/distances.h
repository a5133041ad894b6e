#pragma once
#include <vector>

#include "noyau/tensor.h"

namespace noyau::inline v0::inspect {

// Squared distances of all pairs of rows of f32 x [n, d], row by row.
std::vector<double> squared_distances(const Tensor& x);

}  // namespace noyau::inline v0::inspect
