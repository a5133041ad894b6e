#pragma once
// Orders of the pixels of maps.
#include "explain/subject.h"

namespace noyau::inline v0 {

// Positions of each map [n, h, w] from its highest value on, equal ones in a random order that is the same for each image.
std::vector<std::vector<std::int64_t>> falling_order(const Tensor& map, std::uint64_t seed);
// Throws unless `map` [n, h, w] fits images `x`.
void check_map(std::string_view caller, const Tensor& x, const Tensor& map);

}  // namespace noyau::inline v0
