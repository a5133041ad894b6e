#pragma once
/// \file
/// The machine: how much memory a run took of it, and its processor.

#include <cstdint>
#include <string>

namespace programs {

/// Memory since construction, in bytes.
class MemoryWatch {
 public:
  MemoryWatch();

  /// Most resident memory at once beyond what was resident at construction.
  std::int64_t growth() const;
  /// Most bytes of tensors at once.
  std::int64_t tensors() const;

 private:
  std::int64_t before_;
};

/// Peak resident memory of this process, in MB (10^6 bytes).
double peak_memory();
/// The processor as the system names it; "unknown processor" where it does not.
std::string processor_name();

}  // namespace programs
