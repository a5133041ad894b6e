// Runs the threads of a block one after the other: each until it waits, then the next that may run in the chosen order.
#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <random>

#include "block.h"
#include "races.h"
#include "report.h"

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim;
constinit thread_local dim3 gridDim;

namespace simt {

constinit thread_local Block* block = nullptr;

namespace {

constexpr int kPoison = 0xff;  // NaN in every floating-point format, and no likely integer

std::string whereabouts(const Thread& t) {
  if (t.wait == Wait::finished) return " has returned";
  return std::string(" waits in ") + t.operation + " at " + text(t.site);
}

void enter() { block->run_thread(); }

uint3 unravel(std::uint64_t i, dim3 extent) {
  return {static_cast<unsigned>(i % extent.x), static_cast<unsigned>(i / extent.x % extent.y),
          static_cast<unsigned>(i / extent.x / extent.y)};
}

}  // namespace

std::string Block::run(const Launch& launch, std::uint64_t index, Order order, std::uint64_t seed) {
  launch_ = &launch;
  index_ = index;
  gridDim = launch.grid;
  blockDim = launch.block;
  blockIdx = unravel(index, launch.grid);
  block = this;
  failure_.clear();
  arrange(order, seed + 0x9e3779b97f4a7c15 * index);
  prepare();
  switch_context(scheduler_, threads[order_[0]].context);
  if (failure_.empty() && finished_ != threads.size()) failure_ = stuck();
  block = nullptr;
  return failure_;
}

void Block::arrange(Order order, std::uint64_t seed) {
  const dim3 size = launch_->block;
  const std::size_t count = std::size_t{size.x} * size.y * size.z;
  if (threads.size() != count) {
    threads = std::vector<Thread>(count);
    order_.resize(count);
  }
  std::iota(order_.begin(), order_.end(), 0u);
  if (order == Order::reverse) std::reverse(order_.begin(), order_.end());
  if (order == Order::shuffle) std::shuffle(order_.begin(), order_.end(), std::mt19937_64(seed));
}

void Block::prepare() {
  const auto count = static_cast<unsigned>(threads.size());
  stacks_.reserve(count);
  ready_.assign((count + 63) / 64, 0);
  warps_.assign((count + 31) / 32, Warp{});
  finished_ = arrived_ = 0;
  const std::size_t bytes = launch_->shared_bytes;
  arena_.resize(bytes + 128 + 2 * kGuard);
  char* inside = arena_.data() + kGuard;
  shared_ = inside + (128 - reinterpret_cast<std::uintptr_t>(inside) % 128) % 128;
  std::memset(shared_, kPoison, bytes);
  checked_ = checking();
  if (checked_) {
    clocks.reset(count);
    dynamic_shadow.resize(bytes);
  }
  for (unsigned position = 0; position < count; ++position) {
    const unsigned i = order_[position];
    Thread& t = threads[i];
    t.linear = i;
    t.position = position;
    t.index = unravel(i, launch_->block);
    t.wait = Wait::nothing;
    t.copies.clear();
    t.context = make_context(stacks_.top(i), enter);
    set_ready(t);
  }
  current_ = &threads[order_[0]];
  threadIdx = current_->index;
}

void Block::run_thread() {
  launch_->invoke(launch_->arguments);
  ++finished_;
  suspend(Wait::finished, "return", {});
}

int Block::next_ready(unsigned from) const {
  const std::size_t words = ready_.size();
  std::size_t word = from / 64;
  std::uint64_t bits = word < words ? ready_[word] & (~std::uint64_t{0} << (from % 64)) : 0;
  for (std::size_t step = 0; step <= words; ++step) {
    if (bits != 0) return static_cast<int>(word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
    word = word + 1 < words ? word + 1 : 0;
    bits = ready_[word];
  }
  return -1;
}

// Lets the first thread that may run, from `position` on, run; without one, the scheduler finds out why.
void Block::resume_from(unsigned position) {
  const int next = next_ready(position);
  Thread& me = *current_;
  if (next < 0) {
    switch_context(me.context, scheduler_);
  } else if (Thread& other = threads[order_[static_cast<unsigned>(next)]]; &other != &me) {
    current_ = &other;
    threadIdx = other.index;
    switch_context(me.context, other.context);
  }
}

void Block::suspend(Wait wait, const char* operation, Site site) {
  Thread& me = *current_;
  me.wait = wait;
  me.operation = operation;
  me.site = site;
  clear_ready(me);
  resume_from(me.position + 1);
}

void Block::fail(std::string report) {
  failure_ = std::move(report);
  Context abandoned;
  switch_context(abandoned, scheduler_);
  __builtin_unreachable();
}

int Block::barrier(bool predicate, Site site) {
  Thread& me = *current_;
  me.vote = predicate;
  if (++arrived_ < threads.size()) {
    suspend(Wait::block, "__syncthreads", site);
    return votes_;
  }
  me.site = site;
  for (const Thread& t : threads) {
    if (t.site.line == site.line && t.site.file == site.file) continue;
    fail(report(*this, me, site,
                "waits at __syncthreads, but " + name(t) + " waits at another one, " + text(t.site)));
  }
  arrived_ = 0;
  votes_ = 0;
  if (checked_) clocks.join_block();
  for (Thread& t : threads) {
    votes_ += t.vote ? 1 : 0;
    t.wait = Wait::nothing;
    set_ready(t);
  }
  resume_from(0);
  return votes_;
}

void Block::named_barrier(int number, int expected, Site site) {
  Thread& me = *current_;
  if (expected % warpSize != 0 || expected <= 0 || static_cast<std::size_t>(expected) > threads.size()) {
    fail(report(*this, me, site,
                "named barrier " + std::to_string(number) + " counts " + std::to_string(expected) +
                    " threads, which must be whole warps of the block"));
  }
  int waiting = 1;
  for (const Thread& t : threads) {
    if (t.wait != Wait::named || t.barrier != number) continue;
    ++waiting;
    if (t.expected != expected) {
      fail(report(*this, me, site,
                  "named barrier " + std::to_string(number) + " counts " + std::to_string(expected) +
                      " threads, but " + name(t) + " counts " + std::to_string(t.expected) + " at " +
                      text(t.site)));
    }
  }
  me.barrier = number;
  me.expected = expected;
  if (waiting < expected) return suspend(Wait::named, "named barrier", site);
  std::vector<unsigned> warps{me.linear / 32};
  for (Thread& t : threads) {
    if (t.wait != Wait::named || t.barrier != number) continue;
    t.wait = Wait::nothing;
    set_ready(t);
    if (warps.back() != t.linear / 32 && t.linear / 32 != me.linear / 32) warps.push_back(t.linear / 32);
  }
  if (warps.size() * 32 != static_cast<std::size_t>(expected)) {
    fail(report(*this, me, site,
                "named barrier " + std::to_string(number) + " got its " + std::to_string(expected) +
                    " threads from parts of warps"));
  }
  if (checked_) clocks.join_warps(warps);
}

// The lanes that wait for the same as `me`. Lanes that wait for each other must agree on what it is and who takes part.
std::uint32_t Block::peers(const Thread& me, const Warp& warp) const {
  if (warp.alike && warp.operation == me.operation && warp.mask == me.mask) return warp.waiting;
  const unsigned first = me.linear / 32 * 32, lane = me.linear % 32;
  std::uint32_t same = 0;
  for (std::uint32_t rest = warp.waiting; rest != 0; rest &= rest - 1) {
    const auto l = static_cast<unsigned>(std::countr_zero(rest));
    const Thread& other = threads[first + l];
    if (other.operation == me.operation && other.mask == me.mask) {
      same |= std::uint32_t{1} << l;
    } else if ((me.mask >> l & 1) != 0 && (other.mask >> lane & 1) != 0) {
      block->fail(report(*this, me, me.site,
                         std::string(me.operation) + " with mask " + hex(me.mask) + " meets " + name(other) +
                             " in " + other.operation + " with mask " + hex(other.mask) + " at " +
                             text(other.site)));
    }
  }
  return same;
}

void Block::collective(const char* operation, std::uint32_t mask, void* operand, Complete complete,
                       Site site) {
  Thread& me = *current_;
  const unsigned first = me.linear / 32 * 32;
  const std::uint32_t lane = std::uint32_t{1} << (me.linear % 32);
  Warp& warp = warps_[me.linear / 32];
  me.operation = operation;
  me.mask = mask;
  me.operand = operand;
  me.site = site;
  if ((mask & lane) == 0) {
    fail(report(*this, me, site,
                std::string(operation) + " with mask " + hex(mask) + ", which leaves out the calling lane " +
                    std::to_string(me.linear % 32)));
  }
  if (const std::uint32_t same = peers(me, warp) | lane; same != mask) {
    warp.alike = same == (warp.waiting | lane);
    warp.operation = operation;
    warp.mask = mask;
    warp.waiting |= lane;
    return suspend(Wait::warp, operation, site);
  }
  warp.waiting &= ~mask;
  void* operands[32] = {};
  for (std::uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const auto l = static_cast<unsigned>(std::countr_zero(rest));
    Thread& t = threads[first + l];
    operands[l] = t.operand;
    if (&t == &me) continue;
    t.wait = Wait::nothing;
    set_ready(t);
  }
  if (checked_) clocks.join_lanes(me.linear / 32, mask);
  complete(operands, mask);
}

std::string Block::why_missing(const Thread& waiting, const Thread& missing) const {
  return std::string("waits in ") + waiting.operation + " for " + name(missing) + ", which" +
         whereabouts(missing);
}

std::string Block::stuck_in_warp(const Thread& t) const {
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((t.mask >> lane & 1) == 0) continue;
    const unsigned i = t.linear / 32 * 32 + lane;
    if (i >= threads.size()) {
      return std::string("waits in ") + t.operation + " for lane " + std::to_string(lane) +
             ", which the block does not have";
    }
    const Thread& other = threads[i];
    if (other.wait != Wait::warp || other.operation != t.operation) return why_missing(t, other);
  }
  return {};
}

std::string Block::stuck_at_named(const Thread& t) const {
  int waiting = 0;
  const Thread* absent = nullptr;
  for (const Thread& other : threads) {
    const bool here = other.wait == Wait::named && other.barrier == t.barrier;
    waiting += here ? 1 : 0;
    if (!here && absent == nullptr) absent = &other;
  }
  std::string why = "waits in named barrier " + std::to_string(t.barrier) + " with " +
                    std::to_string(waiting) + " of " + std::to_string(t.expected) + " threads";
  return absent == nullptr ? why : why + "; " + name(*absent) + whereabouts(*absent);
}

// Nobody can run: says which thread waits for whom.
std::string Block::stuck() const {
  for (const Thread& t : threads) {
    if (t.wait == Wait::named) return report(*this, t, t.site, stuck_at_named(t));
    if (t.wait != Wait::warp) continue;
    if (const std::string why = stuck_in_warp(t); !why.empty()) return report(*this, t, t.site, why);
  }
  const auto at = [this](bool barrier) -> const Thread& {
    for (const Thread& t : threads) {
      if ((t.wait == Wait::block) == barrier) return t;
    }
    return *current_;
  };
  return report(*this, at(true), at(true).site, why_missing(at(true), at(false)));
}

}  // namespace simt
