#include <atomic>
#include <numeric>
#include <utility>

#include "common.h"

namespace bench {
namespace {

constexpr std::int64_t kRounds = 200'000;
constexpr std::size_t kChains = 12;  // enough for a latency of 4 to 6 cycles at 2 a cycle

using Vector4 = float __attribute__((vector_size(16)));
using Vector8 = float __attribute__((vector_size(32)));
using Vector16 = float __attribute__((vector_size(64)));

// a[i] = a[i] * x + y, kRounds times for each of kChains independent vectors.
template <class V, std::size_t... I>
[[gnu::always_inline]] inline float multiply_add(std::index_sequence<I...>) {
  V a[kChains] = {};
  V x = {}, y = {};
  x += 0.5F, y += 1.0F;
  ((a[I] += static_cast<float>(I)), ...);  // equal chains would be computed once
  for (std::int64_t round = 0; round < kRounds; ++round) {
    ((a[I] = a[I] * x + y), ...);
    asm volatile("" : : : "memory");
  }
  ((a[0] += a[I]), ...);
  return a[0][0];
}

using Chains = std::make_index_sequence<kChains>;
[[gnu::target("avx512f"), gnu::noinline]] float run_avx512() { return multiply_add<Vector16>(Chains()); }
[[gnu::target("avx2,fma"), gnu::noinline]] float run_avx2() { return multiply_add<Vector8>(Chains()); }
[[gnu::noinline]] float run_baseline() { return multiply_add<Vector4>(Chains()); }

// Runs work(thread) on every thread of the library at once.
template <class F>
void on_all_threads(F&& work) {
  noyau::parallel_for(noyau::num_threads(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) work(i);
  });
}

double flops_per_second() {
  const std::string_view isa = noyau::cpu_isa();
  const auto run = isa == "avx512" ? run_avx512 : isa == "avx2" ? run_avx2 : run_baseline;
  const double lanes = isa == "avx512" ? 16 : isa == "avx2" ? 8 : 4;
  const double work = 2 * lanes * kChains * static_cast<double>(kRounds * noyau::num_threads());
  std::atomic<float> sink{0};
  return work / best_seconds(0.3, [&] { on_all_threads([&](std::int64_t) { sink = run(); }); });
}

double bytes_per_second() {
  constexpr std::size_t kWords = std::size_t{1} << 25;  // 256 MB
  static const std::vector<std::uint64_t> words(kWords, 1);
  const auto threads = static_cast<std::size_t>(noyau::num_threads());
  std::atomic<std::uint64_t> sink{0};
  const double seconds = best_seconds(0.5, [&] {
    on_all_threads([&](std::int64_t thread) {
      const auto i = static_cast<std::size_t>(thread);
      const std::uint64_t* const begin = words.data() + kWords * i / threads;
      const std::uint64_t* const end = words.data() + kWords * (i + 1) / threads;
      sink += std::accumulate(begin, end, std::uint64_t{0});
    });
  });
  return static_cast<double>(kWords * sizeof(std::uint64_t)) / seconds;
}

void count(benchmark::State& state, const char* name, double amount, double most) {
  using benchmark::Counter;
  state.counters[name] = Counter(amount, Counter::kIsIterationInvariantRate);
  state.counters["share of peak"] = Counter(amount / most, Counter::kIsIterationInvariantRate);
}

}  // namespace

const Peak& peak() {
  static std::map<std::string, Peak, std::less<>> measured;
  const std::string key = noyau::message(noyau::cpu_isa(), noyau::num_threads());
  const auto found = measured.find(key);
  if (found != measured.end()) return found->second;
  return measured[key] = {flops_per_second(), bytes_per_second()};
}

void count_flops(benchmark::State& state, double flops) { count(state, "FLOP/s", flops, peak().flops); }
void count_bytes(benchmark::State& state, double bytes) { count(state, "bytes/s", bytes, peak().bytes); }

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("threads", std::to_string(noyau::num_threads()));
  const std::string_view before = noyau::cpu_isa();
  for (const std::string_view isa : noyau::cpu_isas()) {
    noyau::set_cpu_isa(isa);
    benchmark::AddCustomContext(
        std::string(isa),
        noyau::message("at most ", std::round(peak().flops / 1e8) / 10, " GFLOP/s in registers, ",
                       std::round(peak().bytes / 1e8) / 10, " GB/s read from memory"));
  }
  noyau::set_cpu_isa(before);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace bench
