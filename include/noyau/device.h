#pragma once
/// \file
/// What the devices of this machine are called.

#include <string>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

/// "CPU", or the name that the driver has for `device`; throws when this build or machine lacks it.
NOYAU_API std::string device_name(Device device);

}  // namespace noyau::inline v0
