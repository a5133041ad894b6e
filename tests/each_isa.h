#pragma once
// The same test on every instruction set.
#include "noyau/cpu.h"
#include "sanitizers.h"

namespace noyau::testing {

// Calls body(name) while each instruction set that this machine runs is in use; one is enough for ThreadSanitizer, as all
// share work among threads alike.
template <class Body>
void for_each_isa(Body body) {
  struct Restore {
    std::string_view before = cpu_isa();
    ~Restore() { set_cpu_isa(before); }
  } restore;
  for (const std::string_view isa : cpu_isas()) {
    set_cpu_isa(isa);
    body(isa);
    if (kThreadSanitizer) break;
  }
}

}  // namespace noyau::testing
