#pragma once
// Work that is captured as a CUDA graph.
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "device.h"

namespace noyau::inline v0 {

// Free blocks by their size.
using FreeBlocks = std::unordered_map<std::size_t, std::vector<void*>>;

// Kernels of the graph use the same memory at every replay, so that nobody else may have it before the graph is gone.
struct Recorded {
  int index = 0;                     // of the device
  std::function<void()> work;        // for the tensors that it holds
  cudaStream_t stream = nullptr;     // what is asked of it is captured
  cudaGraphExec_t graph = nullptr;   // once that is over
  std::uint64_t* shift = nullptr;    // of random numbers, on the device
  std::vector<void*> uploads;        // copies of what was uploaded, in pinned memory
  std::unordered_set<void*> blocks;  // of the device's memory, the shift not among them
  FreeBlocks free_blocks;            // those of them that no tensor holds
};

// What this thread records, or null.
extern thread_local Recorded* recording;
// Ends what keeps blocks from others.
void release_blocks(Recorded& recorded);

}  // namespace noyau::inline v0
