#pragma once
/// \file
/// "Did you mean".

#include <string>
#include <string_view>
#include <vector>

namespace programs {

/// "; did you mean 'resnet20'?" for the nearest of `names`, or "" where none is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

/// "a, b, c".
std::string joined(const std::vector<std::string>& names);

}  // namespace programs
