#include "memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <unordered_map>

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
      std::deque<Idle>& idle = free_[size];
      if (!idle.empty()) {
        void* const block = idle.back().block;
        idle.pop_back();
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
      if (kReuse) {
        free_[size].push_back({block, ++clock_});
        use_.cached += static_cast<std::int64_t>(size);
        while (use_.cached > 0 && use_.live + use_.cached > 2 * use_.peak) drop_oldest();
        return;
      }
    }
    std::free(block);
  }

  void drop() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, blocks] : free_) {
      for (const Idle& idle : blocks) std::free(idle.block);
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
  struct Idle {
    void* block;
    std::uint64_t since;
  };

  // Sizes that are asked for no more, after a change of batch size say, must not keep those of today out of the cache.
  void drop_oldest() {
    const auto since = [](const auto& entry) {
      return entry.second.empty() ? UINT64_MAX : entry.second.front().since;
    };
    const auto oldest = std::min_element(free_.begin(), free_.end(),
                                         [&](const auto& a, const auto& b) { return since(a) < since(b); });
    std::free(oldest->second.front().block);
    oldest->second.pop_front();
    use_.cached -= static_cast<std::int64_t>(oldest->first);
  }

  [[noreturn]] void fail_allocation(std::size_t bytes, std::size_t size) {
    const std::lock_guard lock(mutex_);
    use_.live -= static_cast<std::int64_t>(size);
    fail("memory: no room for ", bytes, " bytes (tensors hold ", use_.live, ", kept for reuse ", use_.cached,
         ")");
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::deque<Idle>> free_;
  std::uint64_t clock_ = 0;
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
