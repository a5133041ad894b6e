#pragma once
/// \file
/// What --list prints.

#include "common/exit.h"

namespace programs {

/// Prints the list called `what` on stdout: models, data (looked for in `directory`) or methods.
/// Stops with Exit::usage when it is none of them.
Exit print_list(const std::string& what, const std::string& directory);

}  // namespace programs
