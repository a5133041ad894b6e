#pragma once
// Memory and streams of the devices that this build knows.
#include <cstddef>
#include <functional>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

// A block of at least `bytes` on `device`; throws when there is none, or when the device cannot be used.
void* allocate_on(const Device& device, std::size_t bytes);
// Gives back a block of allocate_on(device, bytes).
void release_on(const Device& device, void* block, std::size_t bytes) noexcept;
// Copies between two devices, one of them the CPU or both the same; waits where the CPU reads.
void copy_bytes(const Device& to, void* destination, const Device& from, const void* source,
                std::size_t bytes);

namespace cuda {

// The CUDA backend's part of the above: cuda/runtime.cu, or, in a build without it, src/without_cuda.cpp, which throws.
// Kernels and copies of a device are ordered by its stream.
void* stream(int index);
void* allocate(int index, std::size_t bytes);
void release(int index, void* block, std::size_t bytes) noexcept;
void upload(int index, void* destination, const void* source, std::size_t bytes);
void download(int index, void* destination, const void* source, std::size_t bytes);
void copy_within(int index, void* destination, const void* source, std::size_t bytes);
void synchronize(int index);
MemoryUse memory_use(int index);
// Bytes of the device that nothing holds.
std::int64_t free_memory(int index);
// How many devices can be used; 0 without a driver.
int device_count();
std::string device_name(int index);
// What `work` asks of the device on this thread, recorded and not done; replay() does it with `shift` added to all offsets
// of random numbers.
void* record(int index, const std::function<void()>& work);
void replay(int index, void* recorded, std::uint64_t shift);
void forget(int index, void* recorded) noexcept;

}  // namespace cuda

}  // namespace noyau::inline v0
