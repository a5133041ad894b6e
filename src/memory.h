#pragma once
// CPU memory of tensors: blocks that are reused, so that a training step in its steady state asks the system for none.
#include <cstddef>
#include <cstdint>

namespace noyau::inline v0 {

// A block of at least `bytes`, aligned to 64, with 64 readable bytes after it; throws when there is no memory.
void* allocate(std::size_t bytes);
// Gives back a block of allocate(bytes).
void release(void* block, std::size_t bytes) noexcept;

// Scratch memory of one call, uninitialised.
template <class T>
class WorkBuffer {
 public:
  explicit WorkBuffer(std::int64_t size)
      : bytes_(static_cast<std::size_t>(size) * sizeof(T)), data_(static_cast<T*>(allocate(bytes_))) {}
  ~WorkBuffer() { release(data_, bytes_); }
  WorkBuffer(const WorkBuffer&) = delete;
  WorkBuffer& operator=(const WorkBuffer&) = delete;

  T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace noyau::inline v0
