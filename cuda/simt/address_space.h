#pragma once
// What the addresses of this process are: the variables that `__shared__` makes, and the program itself.
#include <cstddef>

namespace simt {

struct Range {
  const char* begin = nullptr;
  std::size_t bytes = 0;
  bool holds(const void* p) const {
    return static_cast<std::size_t>(static_cast<const char*>(p) - begin) < bytes;
  }
};

// The thread_local variables of the module that holds the kernels, for the calling CPU thread.
const Range& thread_variables();
// True for threadIdx and its like, which are thread_local too.
bool is_built_in(const void* p);
// True for code, constants and global variables of the program and its libraries.
bool in_program(const void* p);

}  // namespace simt
