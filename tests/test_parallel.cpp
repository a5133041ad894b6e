#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "catch2.h"
#include "noyau/parallel.h"
#include "sanitizers.h"

namespace ny = noyau;

namespace {

// Ranges that parallel_for made, in order.
std::vector<std::pair<std::int64_t, std::int64_t>> ranges(std::int64_t count, std::int64_t grain) {
  std::mutex mutex;
  std::vector<std::pair<std::int64_t, std::int64_t>> result;
  ny::parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(mutex);
    result.emplace_back(begin, end);
  });
  std::ranges::sort(result);
  return result;
}

class Threads {
 public:
  explicit Threads(int count) : before_(ny::num_threads()) { ny::set_num_threads(count); }
  ~Threads() { ny::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace

TEST_CASE("parallel_for covers its range once, in ranges no shorter than the grain", "[parallel][fast]") {
  for (const int threads : {1, 2, 3, 5}) {
    const Threads scope(threads);
    for (const std::int64_t count : {1, 2, 7, 64, 1001}) {
      for (const std::int64_t grain : {1, 3, 64, 5000}) {
        const auto found = ranges(count, grain);
        std::int64_t next = 0;
        for (const auto& [begin, end] : found) {
          CHECK(begin == next);
          CHECK((end - begin >= std::min(grain, count)));
          next = end;
        }
        CHECK(next == count);
      }
    }
    CHECK(ranges(0, 1).empty());
    CHECK(ranges(-3, 1).empty());
  }
}

TEST_CASE("parallel_for rethrows the exception of the lowest range", "[parallel][fast]") {
  const Threads scope(3);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto call = [] {
      ny::parallel_for(1000, 1, [](std::int64_t begin, std::int64_t) {
        if (begin > 0) throw ny::Error(begin < 200 ? "lowest" : "other");
      });
    };
    REQUIRE_THROWS_WITH(call(), "lowest");
  }
  CHECK(ranges(10, 1).size() == 10);  // and the pool goes on
}

TEST_CASE("nested parallel_for runs serially", "[parallel][fast]") {
  const Threads scope(3);
  std::atomic<int> inner{0};
  ny::parallel_for(6, 1, [&](std::int64_t, std::int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    ny::parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) {
      if (begin == 0 && end == 100 && std::this_thread::get_id() == outer) ++inner;
    });
  });
  CHECK(inner == 6);
}

TEST_CASE("host threads may call parallel_for at the same time and change the number of threads",
          "[parallel][fast]") {
  const Threads scope(3);
  std::atomic<std::int64_t> total{0};
  std::vector<std::thread> hosts;
  for (int host = 0; host < 3; ++host) {
    hosts.emplace_back([&, host] {
      for (int repeat = 0; repeat < 300; ++repeat) {
        if (repeat % 50 == 0) ny::set_num_threads(1 + (host + repeat / 50) % 4);
        ny::parallel_for(64, 1, [&](std::int64_t begin, std::int64_t end) { total += end - begin; });
      }
    });
  }
  for (std::thread& host : hosts) host.join();
  CHECK(total == 3 * 300 * 64);
}

TEST_CASE("parallel_for works in a forked child", "[parallel][fast]") {
  if (kThreadSanitizer) return;  // it forbids threads in a child of a program with threads
  const Threads scope(3);
  CHECK_FALSE(ranges(100, 1).empty());  // the workers run
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<std::int64_t> total{0};
    ny::parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) { total += end - begin; });
    _exit(total == 100 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK_FALSE(ranges(100, 1).empty());
}

TEST_CASE("denormals are flushed inside parallel_for only", "[parallel][fast]") {
  const Threads scope(3);
  volatile float tiny = std::numeric_limits<float>::min();
  std::atomic<int> kept{0};
  ny::parallel_for(12, 1, [&](std::int64_t, std::int64_t) {
    if (tiny * 0.5f != 0.0f) ++kept;
  });
#if defined(__x86_64__)
  CHECK(kept == 0);
#endif
  CHECK(tiny * 0.5f != 0.0f);
}

TEST_CASE("set_num_threads says what is wrong", "[parallel][fast]") {
  REQUIRE_THROWS_WITH(ny::set_num_threads(0), "threads: 0 threads asked for; at least 1 is needed");
}
