#include "cpu/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "cpu/instruction_sets.h"
#include "noyau/cpu.h"

namespace noyau::inline v0 {
namespace {

struct Choice {
  std::string_view name;
  IsaTable<float> f32;
  IsaTable<double> f64;
};

template <class Isa, class T>
IsaTable<T> make_table() {
  IsaTable<T> table{};
  table.name = Isa::kName;
  table.channels_per_block = Isa::kVectors * (Isa::kVectorBytes / static_cast<std::int64_t>(sizeof(T)));
  add_convolution<Isa>(table);
  add_winograd<Isa>(table);
  add_gemm<Isa>(table);
  add_passes<Isa>(table);
  add_pointwise<Isa>(table);
  return table;
}

template <class Isa>
Choice make_choice() {
  return {Isa::kName, make_table<Isa, float>(), make_table<Isa, double>()};
}

std::vector<Choice> supported_isas() {
  std::vector<Choice> isas;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) isas.push_back(make_choice<Avx512>());
  if (avx2) isas.push_back(make_choice<Avx2>());
#endif
  isas.push_back(make_choice<Baseline>());
  return isas;
}

const std::vector<Choice>& isas() {
  static const std::vector<Choice> list = supported_isas();
  return list;
}

const Choice& named_isa(std::string_view name, std::string_view source) {
  const auto found = std::ranges::find(isas(), name, &Choice::name);
  if (found != isas().end()) return *found;
  std::string available;
  for (const Choice& isa : isas()) available += message(available.empty() ? "" : ", ", isa.name);
  fail("cpu: ", source, " is '", name, "', which this machine does not run; it runs ", available);
}

std::atomic<const Choice*> chosen{nullptr};

const Choice& current() {
  if (const Choice* isa = chosen.load(std::memory_order_acquire)) return *isa;
  const char* wanted = std::getenv("NOYAU_ISA");
  const Choice& isa = wanted == nullptr || *wanted == '\0' ? isas().front() : named_isa(wanted, "NOYAU_ISA");
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
  for (const Choice& isa : isas()) names.push_back(isa.name);
  return names;
}

void set_cpu_isa(std::string_view name) { chosen.store(&named_isa(name, "the instruction set asked for")); }

}  // namespace noyau::inline v0
