#pragma once
// Kernels whose threads each own elements of the output: a functor called with every index.
#include <algorithm>

#include "backend.h"
#include "device.h"

namespace noyau::inline v0 {

inline cudaStream_t stream_of(const Context& context) { return static_cast<cudaStream_t>(context.stream); }

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

inline constexpr int kWarp = 32;
inline constexpr std::int64_t kElementThreads = 256;
inline constexpr std::int64_t kMaxBlocks = 1 << 16;

// Threads of a block that has work for `wanted`: whole warps.
inline unsigned threads_for(std::int64_t wanted, std::int64_t most = kElementThreads) {
  return static_cast<unsigned>(std::min(most, ceil_div(std::max<std::int64_t>(1, wanted), kWarp) * kWarp));
}

// f(i) for i < count; thread t of the grid owns i = t, t + threads, ...
template <class F>
__global__ void elements_kernel(std::int64_t count, F f) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) f(i);
}

template <class F>
void launch_elements(const Context& context, std::int64_t count, F f) {
  if (count == 0) return;
  const unsigned threads = threads_for(count);
  const auto blocks = static_cast<unsigned>(std::min(kMaxBlocks, ceil_div(count, threads)));
  launch(elements_kernel<F>, dim3(blocks), dim3(threads), 0, stream_of(context), count, f);
}

}  // namespace noyau::inline v0
