#pragma once
/// \file
/// The device of a program.

#include <string>

namespace programs {

/// The device called `name`, once it is known to work; "auto" is the first CUDA device or, where none works, the CPU, and a
/// line on stderr says which and why. Stops with Exit::device when the device cannot be used.
std::string usable_device(const std::string& name);

/// Stops with Exit::device unless products in `precision` work on the device called `device`.
void check_precision(const std::string& precision, const std::string& device);

}  // namespace programs
