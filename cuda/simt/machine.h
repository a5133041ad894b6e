#pragma once
// What the simulated machine has, and what it lacks where a test of host code asks for that.
#include <cstddef>

namespace simt {

// $NOYAU_SIMT_MACHINE: no-driver, old-driver, no-device, no-kernels (the binary has none for its GPU) or taken (by another
// process); nothing is wrong where it is not set.
enum class Trouble { none, no_driver, old_driver, no_device, no_kernels, taken };
Trouble trouble();

// Memory of the device: 8 GiB, or $NOYAU_SIMT_MEMORY MiB.
std::size_t device_bytes();

// 80, or $NOYAU_SIMT_CAPABILITY: 75 for a GPU whose tensor cores take f16 only.
int compute_capability();

}  // namespace simt
