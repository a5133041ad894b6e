#pragma once
// What on the device comes after what: vector clocks over streams. Work runs when it is submitted, but two operations on
// different streams are in order only if an event, a synchronisation or the default stream puts them there.
#include <cstdint>
#include <vector>

namespace simt {

// How many operations of each stream have happened before something.
class StreamTimes {
 public:
  std::uint32_t of(std::uint16_t stream) const { return stream < times_.size() ? times_[stream] : 0; }
  void set(std::uint16_t stream, std::uint32_t time);
  void join(const StreamTimes& other);

 private:
  std::vector<std::uint32_t> times_;
};

// One operation: the `time`-th of its stream, after all of `before`.
struct Operation {
  std::uint16_t stream = 0;
  std::uint32_t time = 0;
  StreamTimes before;

  bool comes_after(std::uint16_t other_stream, std::uint32_t other_time) const {
    return other_stream == stream ? other_time <= time : other_time <= before.of(other_stream);
  }
};

}  // namespace simt
