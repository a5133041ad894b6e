#include "launch.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "block.h"
#include "machine.h"
#include "report.h"
#include "stream.h"

namespace simt {

namespace {

struct Settings {
  Order order = Order::forward;
  std::uint64_t seed = 0;
  std::string order_text = "forward";
  int cpu_threads = 1;
};

void parse_order(Settings& s, const std::string& text) {
  if (text == "forward") {
    s.order = Order::forward;
  } else if (text == "reverse") {
    s.order = Order::reverse;
  } else if (text.rfind("shuffle:", 0) == 0 && text.size() > 8 &&
             text.find_first_not_of("0123456789", 8) == text.npos) {
    s.order = Order::shuffle;
    s.seed = std::strtoull(text.c_str() + 8, nullptr, 10);
  } else {
    throw Failure("simt: order is '" + text +
                  "' (NOYAU_SIMT_ORDER); expected forward, reverse or shuffle:SEED");
  }
  s.order_text = text;
}

Settings initial() {
  Settings s;
  if (const char* text = std::getenv("NOYAU_SIMT_ORDER")) parse_order(s, text);
  const char* threads = std::getenv("NOYAU_SIMT_THREADS");
  s.cpu_threads =
      threads != nullptr ? std::atoi(threads) : static_cast<int>(std::thread::hardware_concurrency());
  s.cpu_threads = std::clamp(s.cpu_threads, 1, 64);
  return s;
}

Settings& settings() {
  static Settings s = initial();
  return s;
}

// The first failure by block number: blocks after a failed one need not run, those before it must.
class Outcome {
 public:
  bool wanted(std::uint64_t block) const { return block < failed_.load(std::memory_order_relaxed); }
  void add(std::uint64_t block, const std::string& report) {
    const std::lock_guard lock(mutex_);
    if (!wanted(block)) return;
    failed_ = block;
    report_ = report;
  }
  void rethrow() const {
    if (!report_.empty()) throw Failure(report_);
  }

 private:
  std::atomic<std::uint64_t> failed_{~std::uint64_t{0}};
  std::mutex mutex_;
  std::string report_;
};

std::uint64_t count(dim3 extent) { return std::uint64_t{extent.x} * extent.y * extent.z; }

void run_blocks(const Launch& launch, const Settings& s, std::atomic<std::uint64_t>& next, Outcome& outcome) {
  static thread_local Block runner;
  const std::uint64_t blocks = count(launch.grid);
  for (std::uint64_t i = next++; i < blocks; i = next++) {
    const std::uint64_t index = s.order == Order::forward ? i : blocks - 1 - i;
    if (!outcome.wanted(index)) continue;
    const std::string report = runner.run(launch, index, s.order, s.seed);
    if (!report.empty()) outcome.add(index, report);
  }
}

bool valid(const Launch& l) {
  return count(l.grid) > 0 && l.grid.x <= 0x7fffffff && l.grid.y <= 65535 && l.grid.z <= 65535 &&
         count(l.block) > 0 && count(l.block) <= 1024 && l.block.z <= 64 &&
         l.shared_bytes <= shared_limit(l.kernel);
}

}  // namespace

std::string order() { return settings().order_text; }
void set_order(const std::string& text) { parse_order(settings(), text); }
int cpu_threads() { return settings().cpu_threads; }
void set_cpu_threads(int count) { settings().cpu_threads = std::clamp(count, 1, 64); }

void* dynamic_shared() { return block->shared(); }

void run(const Launch& launch) {
  const Settings s = settings();
  std::atomic<std::uint64_t> next{0};
  Outcome outcome;
  const auto workers = std::min<std::uint64_t>(static_cast<std::uint64_t>(s.cpu_threads), count(launch.grid));
  std::vector<std::thread> helpers;
  for (std::uint64_t i = 1; i < workers; ++i) {
    helpers.emplace_back([&] { run_blocks(launch, s, next, outcome); });
  }
  run_blocks(launch, s, next, outcome);
  for (std::thread& helper : helpers) helper.join();
  outcome.rethrow();
}

cudaError_t launch(const void* kernel, dim3 grid, dim3 size, std::size_t shared_bytes, cudaStream_t stream,
                   void (*invoke)(const void* arguments), Arguments arguments, std::size_t argument_bytes) {
  Launch l{kernel, grid, size, shared_bytes, invoke, arguments.get(), argument_bytes, {}};
  if (!valid(l)) return fail_call(cudaErrorInvalidConfiguration);
  if (trouble() == Trouble::no_kernels) return fail_call(cudaErrorNoKernelImageForDevice);
  return submit(stream, [l, arguments = std::move(arguments)](const Operation& operation) mutable {
    l.operation = operation;
    run(l);
  });
}

}  // namespace simt
