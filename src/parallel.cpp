#include "noyau/parallel.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace noyau::inline v0 {
namespace {

// Denormals are flushed to zero while it lives: on x86-64 they cost 100 times a normal product.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#else
  FlushDenormals() = default;
  ~FlushDenormals() {}

 public:
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

struct Job {
  detail::RangeFunction function;
  void* body;
  std::int64_t count;
  std::int64_t parts;
  std::vector<std::exception_ptr> errors;

  void run(std::int64_t part) noexcept {
    try {
      function(body, count * part / parts, count * (part + 1) / parts);
    } catch (...) {
      errors[static_cast<std::size_t>(part)] = std::current_exception();
    }
  }
};

thread_local bool inside = false;

// Workers wait for the generation to change, run their part and count down; the caller runs part 0 and waits for zero.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    stop_.store(true);
    generation_.fetch_add(1);
    generation_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(Job& job) {
    job_ = &job;
    left_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    job.run(0);
    while (left_.load(std::memory_order_acquire) > 0) pause();
  }

 private:
  static void pause() {
#if defined(__x86_64__)
    _mm_pause();
#else
    std::this_thread::yield();
#endif
  }

  void work(int index) {
    const FlushDenormals flush;
    inside = true;
    std::uint32_t seen = 0;
    for (;;) {
      constexpr int kSpins = 4000;
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spin) pause();
      generation_.wait(seen, std::memory_order_acquire);
      ++seen;
      if (stop_.load()) return;
      if (index < job_->parts) job_->run(index);
      left_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  std::vector<std::thread> workers_;
  Job* job_ = nullptr;
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<int> left_{0};
  std::atomic<bool> stop_{false};
};

int default_threads() {
  if (const char* text = std::getenv("NOYAU_THREADS"); text != nullptr && *text != '\0') {
    const std::string_view value = text;
    int count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    NOYAU_CHECK(error == std::errc() && end == value.data() + value.size() && count >= 1, "threads: NOYAU_THREADS is '",
                value, "', not a number above 0");
    return count;
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::mutex pool_mutex;  // held while a job runs: a second host thread then computes serially
std::atomic<int> wanted_threads{0};

Pool& pool() {
  static std::unique_ptr<Pool> instance;
  if (instance == nullptr || instance->threads() != num_threads()) {
    instance.reset();
    instance = std::make_unique<Pool>(num_threads());
  }
  return *instance;
}

}  // namespace

int num_threads() {
  if (wanted_threads.load() == 0) wanted_threads.store(default_threads());
  return wanted_threads.load();
}

void set_num_threads(int count) {
  NOYAU_CHECK(count >= 1, "threads: ", count, " threads asked for; at least 1 is needed");
  wanted_threads.store(count);
}

void detail::parallel_for(std::int64_t count, std::int64_t grain, RangeFunction function, void* body) {
  if (count <= 0) return;
  const std::int64_t most = std::max<std::int64_t>(1, count / std::max<std::int64_t>(1, grain));
  const std::int64_t parts = inside ? 1 : std::min<std::int64_t>(most, num_threads());
  const FlushDenormals flush;
  std::unique_lock lock(pool_mutex, std::defer_lock);
  if (parts == 1 || !lock.try_lock()) return function(body, 0, count);
  Job job{function, body, count, parts, std::vector<std::exception_ptr>(static_cast<std::size_t>(parts))};
  inside = true;
  pool().run(job);
  inside = false;
  for (const std::exception_ptr& error : job.errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace noyau::inline v0
