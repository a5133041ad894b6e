// Kernels whose lanes disagree about a warp collective.
#include "primitives.h"
#include "run_kernel.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;

// Lane 5 does not take part, though the mask says so.
__global__ void lane_missing(int* out) {
  int v = local_thread();
  if (threadIdx.x % 32 != 5) v = __shfl_xor_sync(kAll, v, 1);
  out[global_thread()] = v;
}

// The halves of the warp name different masks that overlap.
__global__ void masks_differ(int* out) {
  const unsigned mask = threadIdx.x % 32 < 16 ? 0x0000ffffu : kAll;
  out[global_thread()] = __shfl_sync(mask, local_thread(), 0);
}

// A lane outside the mask calls.
__global__ void caller_not_in_mask(int* out) {
  out[global_thread()] = __shfl_sync(0x0000ffffu, local_thread(), 0);
}

// Lane 15 reads lane 16, which the mask leaves out.
__global__ void source_not_in_mask(int* out) {
  int v = local_thread();
  if (threadIdx.x % 32 < 16) v = __shfl_down_sync(0x0000ffffu, v, 1);
  out[global_thread()] = v;
}

// Half of the warp votes while the other half shuffles.
__global__ void operations_differ(int* out) {
  int v = local_thread();
  if (threadIdx.x % 32 < 16) {
    v = static_cast<int>(__ballot_sync(kAll, v));
  } else {
    v = __shfl_sync(kAll, v, 0);
  }
  out[global_thread()] = v;
}

// One lane is at the block's barrier, the others at the warp's.
__global__ void lane_at_block_barrier(int* out) {
  if (threadIdx.x == 3) {
    __syncthreads();
  } else {
    __syncwarp();
  }
  out[global_thread()] = 1;
}

// A matrix row that does not begin at a multiple of 16 bytes.
__global__ void misaligned_matrix(int* out) {
  int* shared = noyau::dynamic_shared<int>();
  shared[threadIdx.x] = 0;
  __syncthreads();
  std::uint32_t r[4];
  noyau::ldmatrix_x4(r, shared + threadIdx.x % 32 + 2);
  out[global_thread()] = static_cast<int>(r[0]);
}

constexpr Kernel kKernels[] = {
    {"lane_missing", run_kernel<lane_missing>,
     "simt: lane_missing: block (0, 0, 0), thread (0, 0, 0), broken_warps.cu:12: waits in __shfl_xor_sync "
     "for thread "
     "(5, 0, 0), which has returned",
     false},
    {"masks_differ", run_kernel<masks_differ>,
     "simt: masks_differ: block (0, 0, 0), thread (16, 0, 0), broken_warps.cu:19: waits in __shfl_sync for "
     "thread "
     "(0, 0, 0), which has returned",
     false},
    {"caller_not_in_mask", run_kernel<caller_not_in_mask>,
     "broken_warps.cu:24: __shfl_sync with mask 0x0000ffff, which leaves out the calling lane 16", false},
    {"source_not_in_mask", run_kernel<source_not_in_mask>,
     "simt: source_not_in_mask: block (0, 0, 0), thread (15, 0, 0), broken_warps.cu:30: __shfl_down_sync "
     "reads lane 16, "
     "which mask 0x0000ffff leaves out",
     false},
    {"operations_differ", run_kernel<operations_differ>,
     "simt: operations_differ: block (0, 0, 0), thread (16, 0, 0), broken_warps.cu:40: __shfl_sync with mask "
     "0xffffffff "
     "meets thread (0, 0, 0) in __ballot_sync with mask 0xffffffff at broken_warps.cu:38",
     false},
    {"lane_at_block_barrier", run_kernel<lane_at_block_barrier>,
     "simt: lane_at_block_barrier: block (0, 0, 0), thread (0, 0, 0), broken_warps.cu:50: waits in "
     "__syncwarp for thread "
     "(3, 0, 0), which waits in __syncthreads at broken_warps.cu:48",
     false},
    {"misaligned_matrix", run_kernel<misaligned_matrix>,
     "simt: misaligned_matrix: block (0, 0, 0), thread (0, 0, 0), broken_warps.cu:61: ldmatrix.x4 with a row "
     "address that "
     "is no multiple of 16",
     false},
};

}  // namespace

std::span<const Kernel> broken_warps() { return kKernels; }
