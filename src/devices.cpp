#include "devices.h"

#include <cstring>

#include "memory.h"
#include "noyau/device.h"

namespace noyau::inline v0 {
namespace {

bool is_cpu(const Device& device) { return device.kind == Device::Kind::cpu; }

}  // namespace

void* allocate_on(const Device& device, std::size_t bytes) {
  return is_cpu(device) ? allocate(bytes) : cuda::allocate(device.index, bytes);
}

void release_on(const Device& device, void* block, std::size_t bytes) noexcept {
  if (is_cpu(device))
    release(block, bytes);
  else
    cuda::release(device.index, block, bytes);
}

void copy_bytes(const Device& to, void* destination, const Device& from, const void* source,
                std::size_t bytes) {
  if (bytes == 0 || destination == source) return;
  if (is_cpu(to) && is_cpu(from))
    std::memcpy(destination, source, bytes);
  else if (is_cpu(from))
    cuda::upload(to.index, destination, source, bytes);
  else if (is_cpu(to))
    cuda::download(from.index, destination, source, bytes);
  else if (to == from)
    cuda::copy_within(to.index, destination, source, bytes);
  else
    fail("copy: from ", from, " to ", to, " at once is not supported; copy through the CPU");
}

MemoryUse memory_use(Device device) { return is_cpu(device) ? memory_use() : cuda::memory_use(device.index); }

void synchronize(Device device) {
  if (!is_cpu(device)) cuda::synchronize(device.index);
}

std::string device_name(Device device) { return is_cpu(device) ? "CPU" : cuda::device_name(device.index); }

int device_count(Device::Kind kind) { return kind == Device::Kind::cpu ? 1 : cuda::device_count(); }

}  // namespace noyau::inline v0
