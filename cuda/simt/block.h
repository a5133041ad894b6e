#pragma once
// The state of one block while it runs: what each thread waits for, and who may run next. Internal to the simulator.
#include <cstdint>
#include <string>
#include <vector>

#include "clocks.h"
#include "fiber.h"
#include "language.h"
#include "shadow.h"
#include "timeline.h"

namespace simt {

enum class Order : std::uint8_t { forward, reverse, shuffle };

// One kernel launch: what runs, over which grid, and how to call it with its arguments.
struct Launch {
  const void* kernel = nullptr;
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  void (*invoke)(const void* arguments) = nullptr;
  const void* arguments = nullptr;
  std::size_t argument_bytes = 0;
  Operation operation;

  bool holds_argument(const void* p) const {
    return static_cast<std::size_t>(static_cast<const char*>(p) - static_cast<const char*>(arguments)) <
           argument_bytes;
  }
};

enum class Wait : std::uint8_t { nothing, block, named, warp, finished };

struct PendingCopy {
  char* to;
  const char* from;  // null fills with zeros
  unsigned bytes;
  Site site;
};

struct Thread {
  Context context = nullptr;
  uint3 index{};
  unsigned linear = 0;
  unsigned position = 0;  // in the order in which threads run
  Wait wait = Wait::nothing;
  Site site;
  const char* operation = nullptr;  // what it waits in
  std::uint32_t mask = 0;           // lanes that a warp collective waits for
  int barrier = 0, expected = 0;    // number of a named barrier, and how many threads it counts
  void* operand = nullptr;
  bool vote = false;
  std::vector<std::vector<PendingCopy>> copies;  // cp.async groups; the last one is still open
};

// The lanes that wait in collectives; if all of them wait for the same, what that is.
struct Warp {
  std::uint32_t waiting = 0;
  bool alike = true;
  const char* operation = nullptr;
  std::uint32_t mask = 0;
};

// Runs the blocks of launches, one at a time, on one CPU thread.
class Block {
 public:
  // Runs block number `index` of the launch; returns what went wrong in one line, or nothing.
  std::string run(const Launch& launch, std::uint64_t index, Order order, std::uint64_t seed);

  Thread& current() { return *current_; }
  const Launch& launch() const { return *launch_; }
  std::uint64_t index() const { return index_; }
  char* shared() { return shared_; }
  // Bytes on both sides of the dynamic shared memory that belong to nobody.
  static constexpr std::size_t kGuard = 4096;
  bool on_stack(const void* p) const { return stacks_.contains(p); }
  // Whether the accesses of this block are judged (races.h).
  bool checked() const { return checked_; }

  // Returns how many threads brought a true predicate.
  int barrier(bool predicate, Site site);
  void named_barrier(int number, int expected, Site site);
  using Complete = void (*)(void* const* operands, std::uint32_t mask);
  void collective(const char* operation, std::uint32_t mask, void* operand, Complete complete, Site site);
  void run_thread();
  [[noreturn]] void fail(std::string report);

  std::vector<Thread> threads;
  Clocks clocks;
  Shadow dynamic_shadow, static_shadow;  // of the two kinds of shared memory

 private:
  void prepare();
  void arrange(Order order, std::uint64_t seed);
  void set_ready(Thread& t) { ready_[t.position / 64] |= std::uint64_t{1} << (t.position % 64); }
  void clear_ready(Thread& t) { ready_[t.position / 64] &= ~(std::uint64_t{1} << (t.position % 64)); }
  int next_ready(unsigned from) const;
  void suspend(Wait wait, const char* operation, Site site);
  void resume_from(unsigned position);
  std::string stuck() const;
  std::string stuck_in_warp(const Thread& t) const;
  std::string stuck_at_named(const Thread& t) const;
  std::string why_missing(const Thread& waiting, const Thread& missing) const;
  std::uint32_t peers(const Thread& me, const Warp& warp) const;

  const Launch* launch_ = nullptr;
  std::uint64_t index_ = 0;
  Thread* current_ = nullptr;
  Context scheduler_ = nullptr;
  Stacks stacks_;
  std::vector<unsigned> order_;
  std::vector<std::uint64_t> ready_;
  std::vector<Warp> warps_;
  unsigned finished_ = 0, arrived_ = 0;
  int votes_ = 0;  // at the last barrier
  std::vector<char> arena_;
  char* shared_ = nullptr;
  bool checked_ = false;
  std::string failure_;
};

// The block that this CPU thread runs, or null outside kernels.
extern constinit thread_local Block* block;

}  // namespace simt
