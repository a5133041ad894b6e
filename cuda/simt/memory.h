#pragma once
// Device and pinned memory: every allocation is known, so that an access can be checked against it.
#include <cstddef>
#include <string>

namespace simt {

enum class Space { device, pinned };

struct Allocation {
  char* begin = nullptr;
  std::size_t bytes = 0;
  Space space = Space::device;
  std::size_t number = 0;  // allocations are counted from 1
  bool freed = false;
};

// Null when the simulated device is full. The bytes are NaN.
void* allocate(std::size_t bytes, Space space);
// False when nothing of that space begins at `pointer`.
bool release(void* pointer, Space space);
// The bytes of the simulated device that are allocated.
std::size_t allocated();
inline constexpr std::size_t kDeviceBytes = std::size_t{8} << 30;

// What reading or writing `bytes` at `p` does wrong, or nothing; host memory is not known here.
std::string outside(const void* p, std::size_t bytes);
// True when `p` lies in device memory, its guard zones included.
bool on_device(const void* p);
// Narrows the allocation that begins at `pointer`, for allocators that hand out less than they hold.
void set_bounds(void* pointer, std::size_t bytes);

}  // namespace simt
