#pragma once
// Device and pinned memory: every allocation is known, so that an access can be checked against it.
#include <cstddef>
#include <memory>
#include <string>

#include "shadow.h"

namespace simt {

enum class Space { device, pinned };

struct Allocation {
  char* begin = nullptr;
  std::size_t bytes = 0;  // that may be touched
  std::size_t held = 0;   // that were asked for
  Space space = Space::device;
  std::size_t number = 0;  // allocations are counted from 1
  bool freed = false;
  std::shared_ptr<Shadow> shadow;  // who accessed its bytes
};

// Null when the simulated device is full. The bytes are NaN.
void* allocate(std::size_t bytes, Space space);
// False when nothing of that space begins at `pointer`.
bool release(void* pointer, Space space);
// The bytes of the simulated device that are allocated.
std::size_t allocated();

// The allocation whose guarded range holds `p`; null for all other memory. Valid until memory is allocated or freed.
const Allocation* find_allocation(const void* p);
// How [p, p + bytes) leaves the allocation, or nothing.
std::string outside(const Allocation& allocation, const void* p, std::size_t bytes);
std::string describe(const Allocation& allocation);
// For allocators that hand out a block of theirs: until the next call, only `bytes` of the allocation that begins at
// `pointer` may be touched, and they are NaN.
void set_bounds(void* pointer, std::size_t bytes);

}  // namespace simt
