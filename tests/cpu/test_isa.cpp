#include <algorithm>
#include <cstdlib>
#include <string>

#include "catch2.h"
#include "noyau/cpu.h"

namespace ny = noyau;

TEST_CASE("the instruction set is one this machine runs", "[isa][fast]") {
  const std::vector<std::string_view> isas = ny::cpu_isas();
  CHECK(isas.back() == "baseline");
  CHECK(std::ranges::count(isas, ny::cpu_isa()) == 1);
  const char* wanted = std::getenv("NOYAU_ISA");
  CHECK(ny::cpu_isa() == (wanted == nullptr ? isas.front() : std::string_view(wanted)));
}

TEST_CASE("the instruction set can be chosen by name", "[isa][fast]") {
  const std::string_view before = ny::cpu_isa();
  for (const std::string_view isa : ny::cpu_isas()) {
    ny::set_cpu_isa(isa);
    CHECK(ny::cpu_isa() == isa);
  }
  ny::set_cpu_isa(before);
  REQUIRE_THROWS_WITH(ny::set_cpu_isa("neon"),
                      ContainsSubstring("cpu: the instruction set asked for is 'neon', which this "
                                        "machine does not run; it runs ") &&
                          ContainsSubstring("baseline"));
  CHECK(ny::cpu_isa() == before);
}
