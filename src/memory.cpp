#include "memory.h"

#include <bit>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "noyau/tensor.h"

namespace noyau::inline v0 {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSlack = 64;  // readable past the end, so kernels may load whole vectors

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kReuse = false;  // a sanitizer sees use after free only if blocks are really freed
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kReuse = false;
#else
constexpr bool kReuse = true;
#endif
#else
constexpr bool kReuse = true;
#endif

// Sizes in steps of a quarter of a power of two: at most 25 % is wasted and few sizes exist.
std::size_t block_size(std::size_t bytes) {
  const std::size_t wanted = std::max<std::size_t>(bytes + kSlack, 4 * kAlignment);
  const std::size_t step = std::max(kAlignment, std::bit_floor(wanted) / 4);
  return (wanted + step - 1) / step * step;
}

class Cache {
 public:
  void* take(std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    {
      const std::lock_guard lock(mutex_);
      use_.live += static_cast<std::int64_t>(size);
      use_.peak = std::max(use_.peak, use_.live);
      std::vector<void*>& free_blocks = free_[size];
      if (!free_blocks.empty()) {
        void* block = free_blocks.back();
        free_blocks.pop_back();
        use_.cached -= static_cast<std::int64_t>(size);
        return block;
      }
    }
    void* block = std::aligned_alloc(kAlignment, size);
    if (block == nullptr) fail_allocation(bytes, size);
    return block;
  }

  void give(void* block, std::size_t bytes) noexcept {
    const std::size_t size = block_size(bytes);
    {
      const std::lock_guard lock(mutex_);
      use_.live -= static_cast<std::int64_t>(size);
      if (kReuse && use_.cached + static_cast<std::int64_t>(size) <= use_.peak) {
        free_[size].push_back(block);
        use_.cached += static_cast<std::int64_t>(size);
        return;
      }
    }
    std::free(block);
  }

  void drop() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) std::free(block);
    }
    free_.clear();
    use_.cached = 0;
  }

  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    use_.peak = use_.live;
  }

 private:
  [[noreturn]] void fail_allocation(std::size_t bytes, std::size_t size) {
    const std::lock_guard lock(mutex_);
    use_.live -= static_cast<std::int64_t>(size);
    fail("memory: no room for ", bytes, " bytes (tensors hold ", use_.live, ", kept for reuse ", use_.cached,
         ")");
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
  MemoryUse use_;
};

// Never destroyed: tensors in static storage may outlive it.
Cache& cache() {
  static Cache* const instance = new Cache;
  return *instance;
}

}  // namespace

void* allocate(std::size_t bytes) { return cache().take(bytes); }
void release(void* block, std::size_t bytes) noexcept { cache().give(block, bytes); }
MemoryUse memory_use() { return cache().use(); }
void reset_peak_memory() { cache().reset_peak(); }
void release_cached_memory() { cache().drop(); }

}  // namespace noyau::inline v0
