#pragma once
// What every CUDA file includes. nvcc sees CUDA; with NOYAU_SIMT, g++ and clang++ see the simulator in its place.
#ifdef NOYAU_SIMT
#include "simt/simt.h"
#else
#include <cuda_runtime.h>
#endif

#include <cstddef>
#include <string>
#include <tuple>

#include "noyau/error.h"

namespace noyau::inline v0 {

// Where a primitive is called from, for the simulator's reports; nothing to nvcc.
#ifdef NOYAU_SIMT
using Site = simt::Site;
#elif defined(__CUDACC__)
struct Site {
  __host__ __device__ static constexpr Site here() { return {}; }
};
#endif

namespace detail {

inline std::string text_of(dim3 extent) {
  return message('(', extent.x, ", ", extent.y, ", ", extent.z, ')');
}

[[noreturn]] inline void fail_launch(cudaError_t error, const void* kernel, dim3 grid, dim3 block,
                                     std::size_t shared) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess) name = "kernel";
  cudaGetLastError();
  fail("cuda: ", name, ": launch failed: ", cudaGetErrorString(error), " (grid ", text_of(grid), ", block ",
       text_of(block), ", ", shared, " bytes of shared memory)");
}

}  // namespace detail

// Runs `kernel` on `stream` over the grid, each block with `shared` bytes of dynamic shared memory; throws when refused.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream,
            A&&... arguments) {
  const auto* address = reinterpret_cast<const void*>(kernel);
  cudaError_t error = cudaSuccess;
  if (shared > 48 * 1024) {
    error =
        cudaFuncSetAttribute(address, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
  }
  if (error == cudaSuccess) {
#ifdef NOYAU_SIMT
    error = simt::launch(kernel, grid, block, shared, stream, arguments...);
#else
    std::tuple<P...> values(static_cast<P>(arguments)...);
    const auto call = [&](auto&... value) {
      void* pointers[] = {&value..., nullptr};
      return cudaLaunchKernel(address, grid, block, pointers, shared, stream);
    };
    error = std::apply(call, values);
#endif
  }
  if (error != cudaSuccess) detail::fail_launch(error, address, grid, block, shared);
}

// The block's dynamic shared memory, 16-byte aligned.
#ifdef NOYAU_SIMT
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(simt::dynamic_shared());
}
#elif defined(__CUDACC__)
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char bytes[];
  return reinterpret_cast<T*>(bytes);
}
#endif

}  // namespace noyau::inline v0
