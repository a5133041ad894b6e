#include "clocks.h"

#include <algorithm>
#include <bit>

namespace simt {

void Clocks::reset(unsigned threads) {
  epoch_ = 1;
  warps_ = (threads + 31) / 32;
  lanes_.assign(std::size_t{warps_} * 32, Lane{});
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].known[i % 32] = 1;
  between_.assign(std::size_t{warps_} * warps_, 0);
}

void Clocks::join_lanes(unsigned warp, std::uint32_t mask) {
  Lane* lanes = lanes_.data() + std::size_t{warp} * 32;
  Lane all{};
  for (std::uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const Lane& lane = lanes[std::countr_zero(rest)];
    for (int i = 0; i < 32; ++i) all.known[i] = std::max(all.known[i], lane.known[i]);
  }
  for (std::uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const int l = std::countr_zero(rest);
    lanes[l] = all;
    ++lanes[l].known[l];
  }
}

void Clocks::join_warps(const std::vector<unsigned>& warps) {
  std::vector<std::uint32_t> all(warps_, 0);
  for (const unsigned w : warps) {
    Lane* lanes = lanes_.data() + std::size_t{w} * 32;
    std::uint32_t now = 0;
    for (int l = 0; l < 32; ++l) now = std::max(now, lanes[l].known[l]);
    for (int l = 0; l < 32; ++l) {
      std::fill(std::begin(lanes[l].known), std::end(lanes[l].known), now);
      lanes[l].known[l] = now + 1;
    }
    for (unsigned other = 0; other < warps_; ++other) {
      all[other] = std::max(all[other], between_[std::size_t{w} * warps_ + other]);
    }
    all[w] = std::max(all[w], now);
  }
  for (const unsigned w : warps)
    std::copy(all.begin(), all.end(), between_.begin() + std::ptrdiff_t{w} * warps_);
}

bool Clocks::knows(unsigned later, unsigned earlier, std::uint32_t time) const {
  const unsigned a = earlier / 32, b = later / 32;
  if (a == b) return time <= lanes_[later].known[earlier % 32];
  return time <= between_[std::size_t{b} * warps_ + a];
}

}  // namespace simt
