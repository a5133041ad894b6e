#pragma once
// The threads behind parallel_for(): they take ranges of one job at a time until none is left.
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "noyau/parallel.h"

namespace noyau::inline v0 {

// Denormals are flushed to zero while it lives: on x86-64 they cost 100 times a normal product.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned before_;
};

class ThreadPool {
 public:
  struct Job {
    detail::RangeFunction function = nullptr;
    void* body = nullptr;
    std::int64_t count = 0;
    std::int64_t ranges = 0;
  };

  // Starts threads - 1 workers, each of which calls on_start() once.
  ThreadPool(int threads, void (*on_start)());
  // Joins them.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs all ranges, on the caller too; returns the exception of the lowest range that threw. One caller at a time.
  std::exception_ptr run(const Job& job);

 private:
  void work(void (*on_start)());
  void take_ranges(std::uint32_t job_number);
  void run_range(std::int64_t range) noexcept;

  std::vector<std::thread> workers_;
  Job job_;  // stable while a range of it is running
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::int64_t error_range_ = 0;
  // Number of the job, and in tickets_ the same in the upper half above the ranges not yet taken: a worker that comes
  // late cannot take a range of a later job, so nobody waits for sleepers.
  alignas(64) std::atomic<std::uint32_t> job_number_{0};
  alignas(64) std::atomic<std::uint64_t> tickets_{0};
  alignas(64) std::atomic<std::int32_t> unfinished_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace noyau::inline v0
