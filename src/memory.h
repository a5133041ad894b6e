#pragma once
// CPU memory of tensors: blocks that are reused, so that a training step in its steady state asks the system for none.
#include <cstddef>

namespace noyau::inline v0 {

// A block of at least `bytes`, aligned to 64, with 64 readable bytes after it; throws when there is no memory.
void* allocate(std::size_t bytes);
// Gives back a block of allocate(bytes).
void release(void* block, std::size_t bytes) noexcept;

}  // namespace noyau::inline v0
