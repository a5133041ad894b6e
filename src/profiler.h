#pragma once
// What the library tells a Profile. Each of these is the load of one flag when none collects.
#include <atomic>
#include <memory>
#include <string_view>
#include <utility>

#include "noyau/profile.h"

namespace noyau::inline v0 {

class Tensor;

namespace detail {
extern std::atomic<bool> profiling;
void add_operand(const Tensor& operand);
void add_flops(double flops);
}  // namespace detail

inline bool profiling() { return detail::profiling.load(std::memory_order_relaxed); }

// Times the kernels that an op calls while it lives.
class KernelTimer {
 public:
  explicit KernelTimer(std::string_view op) {
    if (profiling()) begin(op);
  }
  ~KernelTimer() {
    if (running_) end();
  }
  KernelTimer(const KernelTimer&) = delete;
  KernelTimer& operator=(const KernelTimer&) = delete;

 private:
  void begin(std::string_view op);
  void end();

  bool running_ = false;
};

// Says that the kernels being timed read or write `operand`.
inline void note_operand(const Tensor& operand) {
  if (profiling()) detail::add_operand(operand);
}
// Says how many multiplications and additions the kernels being timed do.
inline void note_flops(double flops) {
  if (profiling()) detail::add_flops(flops);
}

// Sets the phase of kernel calls on this thread while it lives.
class PhaseScope {
 public:
  explicit PhaseScope(ProfilePhase phase) : before_(std::exchange(current(), phase)) {}
  ~PhaseScope() { current() = before_; }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

  static ProfilePhase& current();

 private:
  ProfilePhase before_;
};

}  // namespace noyau::inline v0
