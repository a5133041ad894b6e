#include "noyau/parallel.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <mutex>

#include "thread_pool.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace noyau::inline v0 {
namespace {

// What a fork leaves useless in the child, where the workers do not exist.
struct State {
  std::mutex busy;  // held while a job runs: meanwhile other host threads compute serially
  std::unique_ptr<ThreadPool> pool;
};

std::atomic<State*> state{nullptr};

// Joins the workers at exit, or when the library is unloaded.
struct Owner {
  Owner() {
#if defined(__linux__)
    pthread_atfork(nullptr, nullptr, [] { state.store(nullptr); });
#endif
  }
  ~Owner() { delete state.exchange(nullptr); }
} owner;

State& current_state() {
  State* existing = state.load(std::memory_order_acquire);
  if (existing != nullptr) return *existing;
  auto fresh = std::make_unique<State>();
  if (!state.compare_exchange_strong(existing, fresh.get())) return *existing;
  return *fresh.release();
}

int available_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int default_threads() {
  const char* text = std::getenv("NOYAU_THREADS");
  if (text == nullptr || *text == '\0') return available_cores();
  const std::string_view value = text;
  int count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  NOYAU_CHECK(error == std::errc() && end == value.data() + value.size() && count >= 1,
              "threads: NOYAU_THREADS is '", value, "', not a number above 0");
  return count;
}

std::atomic<int> wanted_threads{0};
thread_local bool inside = false;  // a body runs on this thread

// Ranges a thread may take: several each, so that one that is interrupted holds up little.
constexpr std::int64_t kRangesPerThread = 4;

}  // namespace

int num_threads() {
  if (wanted_threads.load(std::memory_order_relaxed) == 0) wanted_threads.store(default_threads());
  return wanted_threads.load(std::memory_order_relaxed);
}

void set_num_threads(int count) {
  NOYAU_CHECK(count >= 1, "threads: ", count, " threads asked for; at least 1 is needed");
  wanted_threads.store(count);
}

void detail::parallel_for(std::int64_t count, std::int64_t grain, RangeFunction function, void* body) {
  if (count <= 0) return;
  const FlushDenormals flush;
  const int threads = inside ? 1 : num_threads();
  const std::int64_t grains = std::max<std::int64_t>(1, count / std::max<std::int64_t>(1, grain));
  if (threads == 1 || grains == 1) return function(body, 0, count);
  State& shared = current_state();
  const std::unique_lock lock(shared.busy, std::try_to_lock);
  if (!lock.owns_lock()) return function(body, 0, count);
  if (shared.pool == nullptr || shared.pool->threads() != threads) {
    shared.pool.reset();
    shared.pool = std::make_unique<ThreadPool>(threads, [] { inside = true; });
  }
  inside = true;
  const std::exception_ptr error =
      shared.pool->run({function, body, count, std::min(grains, kRangesPerThread * threads)});
  inside = false;
  if (error) std::rethrow_exception(error);
}

}  // namespace noyau::inline v0
