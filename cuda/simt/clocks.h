#pragma once
// What each thread of a block knows of the others: vector clocks. An access happened before another if the second thread
// knew, when it made it, the time at which the first made the other.
#include <cstdint>
#include <vector>

namespace simt {

class Clocks {
 public:
  void reset(unsigned threads);
  // Every thread of the block has met every other.
  void join_block() { ++epoch_; }
  // The lanes of `mask` of a warp have met.
  void join_lanes(unsigned warp, std::uint32_t mask);
  // All lanes of these warps have met.
  void join_warps(const std::vector<unsigned>& warps);

  std::uint32_t epoch() const { return epoch_; }
  // The time of `thread` since the last join_block.
  std::uint32_t time(unsigned thread) const { return lanes_[thread].known[thread % 32]; }
  // Whether `later` knows what `earlier` did at `time` of this epoch.
  bool knows(unsigned later, unsigned earlier, std::uint32_t time) const;

 private:
  struct Lane {
    std::uint32_t known[32];  // the times of the lanes of its warp; its own among them
  };
  std::uint32_t epoch_ = 0;
  unsigned warps_ = 0;
  std::vector<Lane> lanes_;
  std::vector<std::uint32_t>
      between_;  // [warp, other warp]: the time up to which all lanes know all lanes of the other
};

}  // namespace simt
