#include "address_space.h"

#include <link.h>

#include <vector>

#include "block.h"

namespace simt {

namespace {

// dl_iterate_phdr gives the calling thread's copy of each module's thread_local variables.
int find_variables(dl_phdr_info* info, std::size_t, void* result) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_TLS || info->dlpi_tls_data == nullptr) continue;
    const Range range{static_cast<const char*>(info->dlpi_tls_data), segment.p_memsz};
    if (!range.holds(&threadIdx)) continue;
    *static_cast<Range*>(result) = range;
    return 1;
  }
  return 0;
}

int add_segments(dl_phdr_info* info, std::size_t, void* result) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const auto* begin = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    static_cast<std::vector<Range>*>(result)->push_back({begin, segment.p_memsz});
  }
  return 0;
}

}  // namespace

const Range& thread_variables() {
  static thread_local const Range range = [] {
    Range found;
    dl_iterate_phdr(find_variables, &found);
    return found;
  }();
  return range;
}

bool is_built_in(const void* p) {
  const Range variables[] = {{reinterpret_cast<const char*>(&threadIdx), sizeof threadIdx},
                             {reinterpret_cast<const char*>(&blockIdx), sizeof blockIdx},
                             {reinterpret_cast<const char*>(&blockDim), sizeof blockDim},
                             {reinterpret_cast<const char*>(&gridDim), sizeof gridDim}};
  for (const Range& variable : variables) {
    if (variable.holds(p)) return true;
  }
  return false;
}

bool in_program(const void* p) {
  static const std::vector<Range> segments = [] {
    std::vector<Range> found;
    dl_iterate_phdr(add_segments, &found);
    return found;
  }();
  for (const Range& segment : segments) {
    if (segment.holds(p)) return true;
  }
  return false;
}

}  // namespace simt
