#pragma once
// What the parts of inspect share.
#include "noyau/inspect.h"

namespace noyau::inline v0::inspect {

// True when `layer` is "input" or "output" and no module of that name hides it.
bool is_end(const Network& network, std::string_view layer, std::string_view end);

// Outputs of `layers` for `x`; "input" and "output" included.
std::vector<Tensor> watch(const Network& network, const Tensor& x, const std::vector<std::string>& layers);

// Output of one layer; what comes after it does not run.
Tensor run_until(const Network& network, const Tensor& x, const std::string& layer);

// f32 elements on the CPU of a tensor [rows, columns]; throws, naming `what`, on another rank.
Tensor matrix(const Tensor& x, const char* what);

}  // namespace noyau::inline v0::inspect
