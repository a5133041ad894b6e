#pragma once
// What the kernel benchmarks share: rates as a share of what this machine was measured to do at most.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <map>
#include <vector>

#include "noyau/noyau.h"

namespace bench {

using noyau::Tensor;

/// Runs `work` again and again for about `seconds` and returns the shortest wall time of one run.
template <class Work>
double best_seconds(double seconds, Work&& work) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  double best = 1e9;
  do {
    const auto begin = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  } while (Clock::now() < end);
  return best;
}

/// What this machine does at most, on all threads of the library, measured once.
struct Peak {
  double flops = 0;  // multiplications and additions a second in registers
  double bytes = 0;  // bytes a second read from memory far larger than caches
};
const Peak& peak();

/// Counts the work of one iteration: GFLOP/s and GB/s, each with its share of the peak.
void count_flops(benchmark::State& state, double flops);
void count_bytes(benchmark::State& state, double bytes);

/// Notes instruction set, threads and peak, and runs the benchmarks that main's command line asks for.
int run(int argc, char** argv);

}  // namespace bench
