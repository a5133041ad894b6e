// Kernels that touch memory they should not, or that another thread may touch at the same time.
#include "primitives.h"
#include "run_kernel.h"

namespace {

using noyau::dynamic_shared;

// Nothing orders the neighbour's write before the read: it may not have happened yet.
__global__ void missing_barrier(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = local_thread();
  out[global_thread()] = shared[threadIdx.x ^ 33];
}

// The same with an array of fixed size, read downwards so that the write has happened in the simulation.
__global__ void missing_barrier_static(int* out) {
  __shared__ int shared[kThreads];
  shared[threadIdx.x] = local_thread();
  out[global_thread()] = shared[threadIdx.x / 64 * 32];
}

// The second round's writes may come before the first round's reads.
__global__ void missing_second_barrier(int* out) {
  int* shared = dynamic_shared<int>();
  int sum = 0;
  for (int i = 0; i < 4; ++i) {
    shared[threadIdx.x] = i;
    __syncthreads();
    sum += shared[kThreads - 1 - threadIdx.x];
  }
  out[global_thread()] = sum;
}

// Lanes of a warp do not run in step.
__global__ void missing_warp_barrier(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = local_thread();
  out[global_thread()] = shared[threadIdx.x / 32 * 32];
}

// Pairs of warps wait for each other, but other pairs are read.
__global__ void wrong_named_barrier(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = local_thread();
  noyau::named_barrier(1 + local_thread() / 64, 64);
  out[global_thread()] = shared[threadIdx.x % 64];
}

// Every block adds to the same number.
__global__ void colliding_blocks(int* out) {
  if (threadIdx.x == 0) out[0] += 1;
}

// A plain read of a counter that others update.
__global__ void atomic_and_plain(int* out) {
  if (threadIdx.x == 0) atomicAdd(out, 1);
  if (threadIdx.x == 1 && out[0] > 0) out[1 + blockIdx.x] = 1;
}

// One element too far.
__global__ void past_end(int* out) { out[global_thread() + 1] = 1; }

// One element too early.
__global__ void before_begin(int* out) { out[global_thread() - 1] = 1; }

// Eight bytes beyond what the launch asked for.
__global__ void shared_past_end(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x + 2] = 1;
  __syncthreads();
  out[global_thread()] = shared[threadIdx.x + 2];
}

// Nobody wrote what is read.
__global__ void uninitialised_shared(int* out) { out[global_thread()] = dynamic_shared<int>()[threadIdx.x]; }

// The copy is committed, but not waited for.
__global__ void missing_copy_wait(int* out) {
  int* shared = dynamic_shared<int>();
  noyau::cp_async_4(shared + threadIdx.x, out + threadIdx.x);
  noyau::cp_async_commit();
  __syncthreads();
  out[global_thread()] = shared[threadIdx.x];
}

// Each thread waits for its own copies; a barrier is needed to see those of others.
__global__ void missing_barrier_after_copy(int* out) {
  int* shared = dynamic_shared<int>();
  noyau::cp_async_4(shared + threadIdx.x, out + threadIdx.x);
  noyau::cp_async_commit();
  noyau::cp_async_wait<0>();
  if (threadIdx.x == 40) out[blockIdx.x] = shared[2];
}

constexpr Kernel kKernels[] = {
    {"missing_barrier", run_kernel<missing_barrier>,
     "simt: missing_barrier: block (0, 0, 0), thread (0, 0, 0), broken_accesses.cu:13: reads byte 132 of "
     "shared memory, "
     "which no thread of the block has written",
     true},
    {"missing_barrier_static", run_kernel<missing_barrier_static>,
     "of shared memory, which thread (0, 0, 0) wrote at broken_accesses.cu:19, and nothing orders the two",
     true},
    {"missing_second_barrier", run_kernel<missing_second_barrier>,
     "simt: missing_second_barrier: block (0, 0, 0), thread (64, 0, 0), broken_accesses.cu:30: reads byte "
     "252 of shared "
     "memory, which thread (63, 0, 0) wrote at broken_accesses.cu:28, and nothing orders the two",
     true},
    {"missing_warp_barrier", run_kernel<missing_warp_barrier>,
     "simt: missing_warp_barrier: block (0, 0, 0), thread (1, 0, 0), broken_accesses.cu:39: reads byte 0 of "
     "shared "
     "memory, which thread (0, 0, 0) wrote at broken_accesses.cu:38, and nothing orders the two",
     true},
    {"wrong_named_barrier", run_kernel<wrong_named_barrier>,
     "simt: wrong_named_barrier: block (0, 0, 0), thread (127, 0, 0), broken_accesses.cu:47: reads byte 252 "
     "of shared "
     "memory, which thread (63, 0, 0) wrote at broken_accesses.cu:45, and nothing orders the two",
     true},
    {"colliding_blocks", run_kernel<colliding_blocks>,
     "simt: colliding_blocks: block (1, 0, 0), thread (0, 0, 0), broken_accesses.cu:52: ", true},
    {"atomic_and_plain", run_kernel<atomic_and_plain>,
     "simt: atomic_and_plain: block (0, 0, 0), thread (1, 0, 0), broken_accesses.cu:58: reads byte 0 of "
     "allocation",
     true},
    {"past_end", run_kernel<past_end>,
     "simt: past_end: block (1, 0, 0), thread (127, 0, 0), broken_accesses.cu:62: writes 4 bytes, 4 bytes "
     "past the end of "
     "allocation",
     true},
    {"before_begin", run_kernel<before_begin>,
     "simt: before_begin: block (0, 0, 0), thread (0, 0, 0), broken_accesses.cu:65: writes 4 bytes, 4 bytes "
     "before the "
     "begin of allocation",
     true},
    {"shared_past_end", run_kernel<shared_past_end>,
     "simt: shared_past_end: block (0, 0, 0), thread (126, 0, 0), broken_accesses.cu:70: writes bytes 512 to "
     "516 of 512 "
     "bytes of dynamic shared memory",
     true},
    {"uninitialised_shared", run_kernel<uninitialised_shared>,
     "reads byte 0 of shared memory, which no thread of the block has written", true},
    {"missing_copy_wait", run_kernel<missing_copy_wait>,
     "simt: missing_copy_wait: block (0, 0, 0), thread (0, 0, 0), broken_accesses.cu:84: reads byte 0 of "
     "shared memory, "
     "which thread (0, 0, 0) is still filling by cp.async at broken_accesses.cu:81: its group was not waited "
     "for",
     true},
    {"missing_barrier_after_copy", run_kernel<missing_barrier_after_copy>,
     "reads byte 8 of shared memory, which thread (2, 0, 0) wrote at broken_accesses.cu:90, and nothing "
     "orders the two",
     true},
};

}  // namespace

std::span<const Kernel> broken_accesses() { return kKernels; }
