// Kernels for the tests of streams and graphs.
#include "run_kernel.h"

namespace {

__global__ void count(int* counter) { atomicAdd(counter, 1); }
__global__ void increment(const int* in, int* out) { out[global_thread()] = in[global_thread()] + 1; }

}  // namespace

void count_on_stream(int* counter, cudaStream_t stream) {
  noyau::launch(count, kBlocks, kThreads, 0, stream, counter);
}

void increment_on_stream(const int* in, int* out, cudaStream_t stream) {
  noyau::launch(increment, kBlocks, kThreads, 0, stream, in, out);
}
