#pragma once
// The names of layers that are given none.
#include <string>
#include <vector>

namespace noyau::inline v0 {

// The first of kind, kind_1, kind_2, ... that is not `taken`.
std::string free_name(const std::string& kind, const std::vector<std::string>& taken);

}  // namespace noyau::inline v0
