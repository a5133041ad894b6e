#pragma once
// Explanations by the names that compare.py's other sides have for them.
#include <noyau/noyau.h>

namespace peer {

/// Maps [n, h, w] of the classes `labels`.
noyau::Tensor maps_of(const std::string& method, const noyau::Sequential& net, const noyau::Batch& batch);

}  // namespace peer
