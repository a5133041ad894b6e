#include "collectives.h"

#include <bit>
#include <cstring>

#include "block.h"
#include "report.h"

namespace simt {

namespace {

// Calls f(lane) for each lane of the mask.
template <class F>
void for_lanes(std::uint32_t mask, F&& f) {
  for (; mask != 0; mask &= mask - 1) f(std::countr_zero(mask));
}

struct ShuffleOperand {
  void* value;
  std::size_t bytes;
  Shuffle kind;
  int lane, width;
  int missing;  // the lane it should have read, where the mask leaves that out
};

int source_lane(const ShuffleOperand& o, int lane) {
  const int segment = lane / o.width * o.width, within = lane % o.width;
  switch (o.kind) {
    case Shuffle::index:
      return segment + (o.lane & (o.width - 1));
    case Shuffle::up:
      return within - o.lane >= 0 ? lane - o.lane : lane;
    case Shuffle::down:
      return within + o.lane < o.width ? lane + o.lane : lane;
    default:
      return (lane ^ o.lane) < segment + o.width ? lane ^ o.lane : lane;
  }
}

void complete_shuffle(void* const* operands, std::uint32_t mask) {
  std::uint64_t before[32];
  for_lanes(mask, [&](int l) {
    const auto& o = *static_cast<ShuffleOperand*>(operands[l]);
    std::memcpy(&before[l], o.value, o.bytes);
  });
  for_lanes(mask, [&](int l) {
    auto& o = *static_cast<ShuffleOperand*>(operands[l]);
    const int from = source_lane(o, l);
    if (from > 31 || (mask >> from & 1) == 0) {
      o.missing = from;
    } else {
      std::memcpy(o.value, &before[from], o.bytes);
    }
  });
}

struct VoteOperand {
  bool predicate;
  std::uint32_t result;
};

struct ReduceOperand {
  Reduction kind;
  std::int64_t value;
};

std::int64_t combine(Reduction kind, std::int64_t a, std::int64_t b) {
  switch (kind) {
    case Reduction::add:
      return a + b;
    case Reduction::min:
      return a < b ? a : b;
    case Reduction::max:
      return a > b ? a : b;
    case Reduction::bit_and:
      return a & b;
    case Reduction::bit_or:
      return a | b;
    default:
      return a ^ b;
  }
}

struct MatchOperand {
  std::uint64_t value;
  std::uint32_t result;
};

constexpr const char* kShuffleNames[] = {"__shfl_sync", "__shfl_up_sync", "__shfl_down_sync",
                                         "__shfl_xor_sync"};

}  // namespace

void barrier(Site site) { block->barrier(false, site); }
int barrier_count(bool predicate, Site site) { return block->barrier(predicate, site); }
void named_barrier(int number, int threads, Site site) { block->named_barrier(number, threads, site); }
void fence() {}

void sync_warp(std::uint32_t mask, Site site) {
  block->collective(
      "__syncwarp", mask, nullptr, [](void* const*, std::uint32_t) {}, site);
}

void shuffle(Shuffle kind, std::uint32_t mask, void* value, std::size_t bytes, int lane, int width,
             Site site) {
  const char* operation = kShuffleNames[static_cast<int>(kind)];
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    fail_here(site, std::string(operation) + " with width " + std::to_string(width) +
                        ", which is no power of 2 up to 32");
  }
  ShuffleOperand operand{value, bytes, kind, lane, width, -1};
  block->collective(operation, mask, &operand, complete_shuffle, site);
  if (operand.missing >= 0) {
    fail_here(site, std::string(operation) + " reads lane " + std::to_string(operand.missing) +
                        ", which mask " + hex(mask) + " leaves out");
  }
}

std::uint32_t ballot(const char* name, std::uint32_t mask, bool predicate, Site site) {
  VoteOperand operand{predicate, 0};
  const auto complete = [](void* const* operands, std::uint32_t lanes) {
    std::uint32_t votes = 0;
    for_lanes(lanes, [&](int l) {
      votes |= static_cast<std::uint32_t>(static_cast<VoteOperand*>(operands[l])->predicate) << l;
    });
    for_lanes(lanes, [&](int l) { static_cast<VoteOperand*>(operands[l])->result = votes; });
  };
  block->collective(name, mask, &operand, complete, site);
  return operand.result;
}

std::int64_t reduce(Reduction kind, std::uint32_t mask, std::int64_t value, Site site) {
  ReduceOperand operand{kind, value};
  const auto complete = [](void* const* operands, std::uint32_t lanes) {
    auto* first = static_cast<ReduceOperand*>(operands[std::countr_zero(lanes)]);
    std::int64_t total = first->value;
    for_lanes(lanes & (lanes - 1), [&](int l) {
      total = combine(first->kind, total, static_cast<ReduceOperand*>(operands[l])->value);
    });
    for_lanes(lanes, [&](int l) { static_cast<ReduceOperand*>(operands[l])->value = total; });
  };
  block->collective("__reduce_sync", mask, &operand, complete, site);
  return operand.value;
}

std::uint32_t match_any(std::uint32_t mask, std::uint64_t value, Site site) {
  MatchOperand operand{value, 0};
  const auto complete = [](void* const* operands, std::uint32_t lanes) {
    for_lanes(lanes, [&](int l) {
      auto& mine = *static_cast<MatchOperand*>(operands[l]);
      for_lanes(lanes, [&](int other) {
        if (static_cast<MatchOperand*>(operands[other])->value == mine.value) mine.result |= 1u << other;
      });
    });
  };
  block->collective("__match_any_sync", mask, &operand, complete, site);
  return operand.result;
}

}  // namespace simt
