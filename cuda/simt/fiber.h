#pragma once
// A thread of a block as a fiber: a stack of its own, and a switch that saves what a function call keeps.
#include <cstddef>

namespace simt {

// Stacks for `count` fibers, each with an unmapped page below it, so that overflow faults instead of corrupting.
class Stacks {
 public:
  static constexpr std::size_t kBytes = 128 << 10;
  Stacks() = default;
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  void reserve(std::size_t count);
  char* top(std::size_t i) const { return base_ + (i + 1) * kBytes; }
  bool contains(const void* p) const { return p >= base_ && p < base_ + count_ * kBytes; }

 private:
  char* base_ = nullptr;
  std::size_t count_ = 0;
};

// What is saved of a fiber that does not run.
using Context = void*;

// A fiber that begins in `entry`, which must not return, on the stack that ends at `top`.
Context make_context(char* top, void (*entry)());
// Saves the running fiber in `from` and goes on in `to`.
void switch_context(Context& from, Context to);

}  // namespace simt
