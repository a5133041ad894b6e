#include "thread_pool.h"

#include <utility>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif
#if defined(__linux__)
#include <csignal>
#endif

namespace noyau::inline v0 {
namespace {

constexpr int kSpins = 2000;  // some ten microseconds, then sleep

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Waits until value != old, at first without a system call.
template <class T>
void wait_while(const std::atomic<T>& value, T old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

// Threads started while it lives leave signals to those of the host.
class BlockSignals {
 public:
#if defined(__linux__)
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
#endif
};

}  // namespace

#if defined(__x86_64__)
FlushDenormals::FlushDenormals() : before_(_mm_getcsr()) {
  constexpr unsigned kFlushResults = 0x8000, kFlushOperands = 0x0040;
  _mm_setcsr(before_ | kFlushResults | kFlushOperands);
}
FlushDenormals::~FlushDenormals() { _mm_setcsr(before_); }
#else
FlushDenormals::FlushDenormals() : before_(0) {}
FlushDenormals::~FlushDenormals() = default;
#endif

ThreadPool::ThreadPool(int threads, void (*on_start)()) {
  [[maybe_unused]] const BlockSignals block;
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, on_start] { work(on_start); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  job_number_.fetch_add(1);
  job_number_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

std::exception_ptr ThreadPool::run(const Job& job) {
  job_ = job;
  const std::uint32_t number = job_number_.load(std::memory_order_relaxed) + 1;
  unfinished_.store(static_cast<std::int32_t>(job.ranges), std::memory_order_relaxed);
  tickets_.store(std::uint64_t{number} << 32 | static_cast<std::uint64_t>(job.ranges),
                 std::memory_order_release);
  job_number_.store(number, std::memory_order_release);
  job_number_.notify_all();
  take_ranges(number);
  for (std::int32_t left; (left = unfinished_.load(std::memory_order_acquire)) != 0;)
    wait_while(unfinished_, left);
  return std::exchange(error_, nullptr);
}

void ThreadPool::work(void (*on_start)()) {
  const FlushDenormals flush;
  on_start();
  for (std::uint32_t seen = 0;;) {
    wait_while(job_number_, seen);
    seen = job_number_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    take_ranges(seen);
  }
}

void ThreadPool::take_ranges(std::uint32_t job_number) {
  std::uint64_t tickets = tickets_.load(std::memory_order_acquire);
  while (tickets >> 32 == job_number && (tickets & 0xffffffffu) != 0) {
    if (!tickets_.compare_exchange_weak(tickets, tickets - 1, std::memory_order_acq_rel)) continue;
    run_range(job_.ranges - static_cast<std::int64_t>(tickets & 0xffffffffu));
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
    tickets = tickets_.load(std::memory_order_acquire);
  }
}

void ThreadPool::run_range(std::int64_t range) noexcept {
  try {
    job_.function(job_.body, job_.count * range / job_.ranges, job_.count * (range + 1) / job_.ranges);
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (error_ && error_range_ < range) return;
    error_ = std::current_exception();
    error_range_ = range;
  }
}

}  // namespace noyau::inline v0
