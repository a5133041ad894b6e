#pragma once
// What noyau's side of compare.py answers with, and the parts it is made of. See protocol.py for the other sides.
#include <chrono>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>

namespace peer {

using Json = nlohmann::json;

/// Wall and processor seconds since it was made.
class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  Json both() const {
    const double processor = static_cast<double>(std::clock() - processor_) / CLOCKS_PER_SEC;
    return {{"seconds", seconds()}, {"processor", processor}};
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::clock_t processor_ = std::clock();
};

/// {"seconds": wall time of each of `times` calls of work(number)}
inline Json seconds_of(const std::function<void(std::size_t number)>& work, std::size_t times) {
  Json seconds = Json::array();
  for (std::size_t i = 0; i < times; ++i) {
    const Clock clock;
    work(i);
    seconds.push_back(clock.seconds());
  }
  return {{"seconds", seconds}};
}

}  // namespace peer
