#include "timeline.h"

#include <algorithm>

namespace simt {

void StreamTimes::set(std::uint16_t stream, std::uint32_t time) {
  if (stream >= times_.size()) times_.resize(std::size_t{stream} + 1);
  times_[stream] = time;
}

void StreamTimes::join(const StreamTimes& other) {
  if (other.times_.size() > times_.size()) times_.resize(other.times_.size());
  for (std::size_t i = 0; i < other.times_.size(); ++i) times_[i] = std::max(times_[i], other.times_[i]);
}

}  // namespace simt
