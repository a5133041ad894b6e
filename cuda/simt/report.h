#pragma once
// The one-line reports: `simt: KERNEL: block (x, y, z), thread (x, y, z), FILE:LINE: what is wrong`.
#include <cstdint>
#include <stdexcept>
#include <string>

#include "language.h"

namespace simt {

class Block;
struct Thread;

// What a launch throws when a kernel misbehaves; what() is the report.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string report(const Block& block, const Thread& thread, const std::string& place,
                   const std::string& what);
std::string report(const Block& block, const Thread& thread, Site site, const std::string& what);
// Reports `what` of the running thread, which never goes on.
[[noreturn]] void fail_here(Site site, const std::string& what);

std::string name(const Thread& thread);
std::string text(Site site);
std::string text(dim3 extent);
std::string hex(std::uint32_t value);
// The name of the function at `address`, without namespaces, result and parameters.
std::string function_name(const void* address);
// File and line of the machine instruction before `address`, as far as the debug information knows.
std::string source_line(const void* address);

}  // namespace simt
