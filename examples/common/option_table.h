#pragma once
/// \file
/// What the files of the option table share.

#include "common/options.h"

namespace programs {

inline constexpr double kMany = 1e9;                ///< No real limit.
inline constexpr std::string_view kNoNumber = "-";  ///< Option::tenth of what is no number.

/// The options of Group::training.
std::vector<Option> training_options();

}  // namespace programs
