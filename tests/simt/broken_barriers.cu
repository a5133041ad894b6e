// Kernels that wait for threads which never come.
#include "primitives.h"
#include "run_kernel.h"

namespace {

using noyau::named_barrier;

// The two halves of the block wait at different barriers.
__global__ void divergent_barrier(int* out) {
  if (threadIdx.x < 64) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[global_thread()] = 1;
}

// Thread 5 is gone when the others wait.
__global__ void early_return(int* out) {
  if (threadIdx.x == 5) return;
  __syncthreads();
  out[global_thread()] = 1;
}

// Warp 1 skips the barrier of the loop's last round.
__global__ void uneven_loop(int* out) {
  const int rounds = threadIdx.x / 32 == 1 ? 2 : 3;
  for (int i = 0; i < rounds; ++i) __syncthreads();
  out[global_thread()] = 1;
}

// Warps 0 and 1 wait at barrier 1, which counts three warps.
__global__ void named_barrier_deadlock(int* out) {
  if (threadIdx.x < 64) named_barrier(1, 96);
  out[global_thread()] = 1;
}

// Two warps count differently.
__global__ void named_barrier_counts(int* out) {
  if (threadIdx.x < 32) named_barrier(1, 64);
  if (threadIdx.x >= 32) named_barrier(1, 96);
  out[global_thread()] = 1;
}

// A part of a warp waits at barrier 2, another at __syncthreads.
__global__ void mixed_barriers(int* out) {
  if (threadIdx.x < 32) {
    named_barrier(2, 64);
  } else {
    __syncthreads();
  }
  out[global_thread()] = 1;
}

constexpr Kernel kKernels[] = {
    {"divergent_barrier", run_kernel<divergent_barrier>,
     "simt: divergent_barrier: block (0, 0, 0), thread (127, 0, 0), broken_barriers.cu:14: waits at "
     "__syncthreads, but "
     "thread (0, 0, 0) waits at another one, broken_barriers.cu:12",
     false},
    {"early_return", run_kernel<early_return>,
     "simt: early_return: block (0, 0, 0), thread (0, 0, 0), broken_barriers.cu:22: waits in __syncthreads "
     "for thread "
     "(5, 0, 0), which has returned",
     false},
    {"uneven_loop", run_kernel<uneven_loop>,
     "simt: uneven_loop: block (0, 0, 0), thread (0, 0, 0), broken_barriers.cu:29: waits in __syncthreads "
     "for thread "
     "(32, 0, 0), which has returned",
     false},
    {"named_barrier_deadlock", run_kernel<named_barrier_deadlock>,
     "simt: named_barrier_deadlock: block (0, 0, 0), thread (0, 0, 0), broken_barriers.cu:35: waits in named "
     "barrier 1 "
     "with 64 of 96 threads; thread (64, 0, 0) has returned",
     false},
    {"named_barrier_counts", run_kernel<named_barrier_counts>,
     "simt: named_barrier_counts: block (0, 0, 0), thread (32, 0, 0), broken_barriers.cu:42: named barrier 1 "
     "counts 96 "
     "threads, but thread (0, 0, 0) counts 64 at broken_barriers.cu:41",
     false},
    {"mixed_barriers", run_kernel<mixed_barriers>,
     "simt: mixed_barriers: block (0, 0, 0), thread (0, 0, 0), broken_barriers.cu:49: waits in named barrier "
     "2 with 32 of "
     "64 threads; thread (32, 0, 0) waits in __syncthreads at broken_barriers.cu:51",
     false},
};

}  // namespace

std::span<const Kernel> broken_barriers() { return kKernels; }
