#include "cpu/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "noyau/cpu.h"

namespace noyau::inline v0 {
namespace {

struct Isa {
  std::string_view name;
  IsaTable<float> f32;
  IsaTable<double> f64;
};

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) isas.push_back({"avx512", avx512_table<float>(), avx512_table<double>()});
  if (avx2) isas.push_back({"avx2", avx2_table<float>(), avx2_table<double>()});
#endif
  isas.push_back({"baseline", baseline_table<float>(), baseline_table<double>()});
  return isas;
}

const std::vector<Isa>& isas() {
  static const std::vector<Isa> list = supported_isas();
  return list;
}

const Isa& named_isa(std::string_view name, std::string_view source) {
  const auto found = std::ranges::find(isas(), name, &Isa::name);
  if (found != isas().end()) return *found;
  std::string available;
  for (const Isa& isa : isas()) available += message(available.empty() ? "" : ", ", isa.name);
  fail("cpu: ", source, " is '", name, "', which this machine does not run; it runs ", available);
}

std::atomic<const Isa*> chosen{nullptr};

const Isa& current() {
  if (const Isa* isa = chosen.load(std::memory_order_acquire)) return *isa;
  const char* wanted = std::getenv("NOYAU_ISA");
  const Isa& isa = wanted == nullptr || *wanted == '\0' ? isas().front() : named_isa(wanted, "NOYAU_ISA");
  chosen.store(&isa, std::memory_order_release);
  return isa;
}

}  // namespace

template <>
const IsaTable<float>& isa() {
  return current().f32;
}
template <>
const IsaTable<double>& isa() {
  return current().f64;
}

std::string_view cpu_isa() { return current().name; }

std::vector<std::string_view> cpu_isas() {
  std::vector<std::string_view> names;
  for (const Isa& isa : isas()) names.push_back(isa.name);
  return names;
}

void set_cpu_isa(std::string_view name) { chosen.store(&named_isa(name, "the instruction set asked for")); }

}  // namespace noyau::inline v0
