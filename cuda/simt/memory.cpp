#include "memory.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "machine.h"

namespace simt {

namespace {

constexpr std::size_t kGuard = 256;  // also the alignment that cudaMalloc promises
constexpr std::size_t kQuarantine = std::size_t{64}
                                    << 20;  // freed bytes that are kept, to recognise their use

struct Registry {
  std::shared_mutex mutex;
  std::map<std::uintptr_t, Allocation> allocations;  // by begin
  std::deque<std::uintptr_t> freed;                  // oldest first
  std::size_t device_bytes = 0, freed_bytes = 0, count = 0;
  std::atomic<std::uint64_t> version{0};  // grows whenever an allocation comes or goes
};

Registry& registry() {
  static auto& r = *new Registry;  // outlives every static object that frees memory
  return r;
}

std::uintptr_t key(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

// The allocation whose guarded range holds `p`, or null. The caller holds the lock.
const Allocation* find(const Registry& r, const void* p) {
  auto after = r.allocations.upper_bound(key(p) + kGuard);
  if (after == r.allocations.begin()) return nullptr;
  const Allocation& a = std::prev(after)->second;
  return key(p) < key(a.begin) + a.held + kGuard ? &a : nullptr;
}

void drop_oldest(Registry& r) {
  const auto it = r.allocations.find(r.freed.front());
  r.freed.pop_front();
  r.freed_bytes -= it->second.held;
  std::free(it->second.begin - kGuard);
  r.allocations.erase(it);
  ++r.version;
}

}  // namespace

void* allocate(std::size_t bytes, Space space) {
  Registry& r = registry();
  const std::unique_lock lock(r.mutex);
  if (space == Space::device && r.device_bytes + bytes > device_bytes()) return nullptr;
  const std::size_t rounded = (bytes + kGuard - 1) / kGuard * kGuard;
  auto* memory = static_cast<char*>(std::aligned_alloc(kGuard, rounded + 2 * kGuard));
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0xff, rounded + 2 * kGuard);
  char* begin = memory + kGuard;
  auto shadow = std::make_shared<Shadow>();
  shadow->resize(bytes);
  r.allocations[key(begin)] = {begin, bytes, bytes, space, ++r.count, false, std::move(shadow)};
  ++r.version;
  if (space == Space::device) r.device_bytes += bytes;
  return begin;
}

bool release(void* pointer, Space space) {
  Registry& r = registry();
  const std::unique_lock lock(r.mutex);
  const auto it = r.allocations.find(key(pointer));
  if (it == r.allocations.end() || it->second.freed || it->second.space != space) return false;
  Allocation& a = it->second;
  if (space == Space::device) r.device_bytes -= a.held;
  std::memset(a.begin, 0xff, a.held);
  a.freed = true;
  r.freed.push_back(key(pointer));
  r.freed_bytes += a.held;
  while (r.freed_bytes > kQuarantine) drop_oldest(r);
  return true;
}

std::size_t allocated() {
  Registry& r = registry();
  const std::shared_lock lock(r.mutex);
  return r.device_bytes;
}

const Allocation* find_allocation(const void* p) {
  struct Last {
    std::uint64_t version = ~std::uint64_t{0};
    const Allocation* allocation = nullptr;
  };
  static thread_local Last last;
  Registry& r = registry();
  const std::uint64_t version = r.version.load(std::memory_order_acquire);
  if (last.version == version && last.allocation != nullptr &&
      key(p) - key(last.allocation->begin) < last.allocation->bytes) {
    return last.allocation;
  }
  const std::shared_lock lock(r.mutex);
  last = {version, find(r, p)};
  return last.allocation;
}

std::string describe(const Allocation& a) {
  return std::string(a.space == Space::device ? "allocation " : "pinned allocation ") +
         std::to_string(a.number) + " (" + std::to_string(a.bytes) + " bytes)";
}

std::string outside(const Allocation& a, const void* p, std::size_t bytes) {
  if (a.freed) return "inside " + describe(a) + ", which is freed";
  const auto offset = static_cast<std::ptrdiff_t>(key(p) - key(a.begin));
  if (offset < 0) return std::to_string(-offset) + " bytes before the begin of " + describe(a);
  const auto end = static_cast<std::size_t>(offset) + bytes;
  if (end <= a.bytes) return {};
  return std::to_string(end - a.bytes) + " bytes past the end of " + describe(a);
}

void set_bounds(void* pointer, std::size_t bytes) {
  Registry& r = registry();
  const std::unique_lock lock(r.mutex);
  const auto it = r.allocations.find(key(pointer));
  if (it == r.allocations.end() || bytes > it->second.held) return;
  it->second.bytes = bytes;
  std::memset(it->second.begin, 0xff, bytes);
}

}  // namespace simt
