#pragma once
// Kernels for the simulator's tests. Each runs with two blocks of 128 threads, 512 bytes of dynamic shared memory and
// 256 integers of global memory; the comment of a broken one says what is missing.
#include <span>

#include "simt/runtime.h"

struct Kernel {
  const char* name;
  void (*run)(int* out);  // launches it and waits
  const char* report;     // what must be said, or null for a correct kernel
  bool by_access;         // seen only where memory accesses are checked
};

inline constexpr int kBlocks = 2, kThreads = 128, kElements = kBlocks * kThreads;

std::span<const Kernel> broken_barriers();
std::span<const Kernel> broken_warps();
std::span<const Kernel> broken_accesses();
std::span<const Kernel> correct_kernels();

// Every thread of a launch on `stream` adds 1 to *counter.
void count_on_stream(int* counter, cudaStream_t stream);
// out[i] = in[i] + 1 for all kElements.
void increment_on_stream(const int* in, int* out, cudaStream_t stream);

// out [m, n] = a [m, k] b [n, k] transposed, on simulated tensor cores; m, n and k are multiples of 16, 8 and 16.
enum class Product { f16, f16_small, bf16, tf32 };
void multiply_on_tensor_cores(Product product, int m, int n, int k, const void* a, const void* b, float* out);

// y [n, h, w, oc] = 3x3 convolution of x [n, h, w, ic] with kernel [oc, 9, ic], all f16: the pipeline of a real kernel
// (cp.async, ldmatrix, mma). ic is a multiple of 32, oc of 64.
struct ConvolutionShape {
  int n, h, w, ic, oc;
};
void convolve(const ConvolutionShape& shape, const void* x, const void* kernel, float* y);
