#pragma once
// Which CPU kernels ran, for tests that must know that a fast path was taken.
#include <algorithm>
#include <string>
#include <vector>

namespace noyau::inline v0 {

inline std::vector<std::string>& kernel_trace() {
  thread_local std::vector<std::string> names;
  return names;
}

// Called once by each kernel choice, on the calling thread.
inline void trace_kernel(const char* name) {
  std::vector<std::string>& names = kernel_trace();
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

}  // namespace noyau::inline v0
