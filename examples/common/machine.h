#pragma once
/// \file
/// The machine: how much memory a run took of it, and its processor.

#include <cstdint>
#include <string>

#include "noyau/tensor.h"

namespace programs {

/// Memory since construction, in bytes; that of tensors on a device.
class MemoryWatch {
 public:
  explicit MemoryWatch(noyau::Device device);

  /// Most resident memory at once beyond what was resident at construction.
  std::int64_t growth() const;
  /// Most bytes of tensors at once.
  std::int64_t tensors() const;

 private:
  noyau::Device device_;
  std::int64_t before_;
};

/// Peak resident memory of this process, in MB (10^6 bytes).
double peak_memory();
/// What computes: the processor, "unknown processor" where the system does not name it, and its instruction set; or the GPU.
std::string machine_name(noyau::Device device);

}  // namespace programs
