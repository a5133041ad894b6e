#pragma once
// Streams as queues of operations. An operation runs when it is submitted, or is recorded while its stream is captured;
// timeline.h says what it comes after.
#include <functional>

#include "runtime.h"
#include "timeline.h"

namespace simt {

// What a block of a compute capability 8.0 device may have of shared memory, and what it has without asking.
inline constexpr std::size_t kSharedBytes = 163 << 10, kSharedBytesDefault = 48 << 10;
std::size_t shared_limit(const void* kernel);

// Remembers `error` for cudaGetLastError and returns it.
cudaError_t fail_call(cudaError_t error);
using Work = std::function<void(const Operation&)>;
cudaError_t submit(cudaStream_t stream, Work work);
// The host has waited for everything.
void join_host();

}  // namespace simt
