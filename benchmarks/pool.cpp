// What waking the threads costs: the time of a parallel loop with nothing to do, best of many batches, for parallel_for
// and, where the build found them, OpenMP and oneTBB.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "noyau/parallel.h"

#if defined(NOYAU_HAS_OPENMP)
#include <omp.h>
#endif
#if defined(NOYAU_HAS_TBB)
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#endif

namespace {

volatile std::int64_t sink[64 * 8];

void touch(std::int64_t i) { sink[i % 64 * 8] = i; }

// Least microseconds of a call, `idle` apart, over batches.
template <class F>
double best_microseconds(std::chrono::microseconds idle, F call) {
  using Clock = std::chrono::steady_clock;
  const int batches = idle.count() > 0 ? 500 : 3000;
  const int calls = idle.count() > 0 ? 1 : 100;
  double best = 1e9;
  for (int batch = 0; batch < batches; ++batch) {
    if (idle.count() > 0) std::this_thread::sleep_for(idle);
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    best = std::min(best, std::chrono::duration<double, std::micro>(Clock::now() - start).count() / calls);
  }
  return best;
}

template <class F>
void report(const char* name, F call) {
  std::printf("%-24s %8.2f us hot %8.2f us after 2 ms of idling\n", name, best_microseconds({}, call),
              best_microseconds(std::chrono::milliseconds(2), call));
}

}  // namespace

int main() {
  const int threads = noyau::num_threads();
  std::printf("%d threads\n", threads);
  report("noyau::parallel_for", [&] {
    noyau::parallel_for(threads, 1, [](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) touch(i);
    });
  });
#if defined(NOYAU_HAS_OPENMP)
  report("OpenMP", [&] {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int i = 0; i < threads; ++i) touch(i);
  });
#endif
#if defined(NOYAU_HAS_TBB)
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(threads));
  report("oneTBB", [&] {
    tbb::parallel_for(
        0, threads, [](int i) { touch(i); }, tbb::static_partitioner());
  });
#endif
}
