#pragma once
#include "device.h"
#include "kernels.h"

template <void (*kernel)(int*)>
void run_kernel(int* out) {
  noyau::launch(kernel, kBlocks, kThreads, kThreads * sizeof(int), nullptr, out);
}

__device__ inline int global_thread() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }
__device__ inline int local_thread() { return static_cast<int>(threadIdx.x); }
