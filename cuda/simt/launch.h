#pragma once
// Launching kernels: blocks over CPU threads, each block with its threads in the chosen order.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>

#include "runtime.h"

namespace simt {

// In which order the threads of a block, and the blocks, run: $NOYAU_SIMT_ORDER, `forward`, `reverse` or `shuffle:SEED`.
std::string order();
// Chooses it; throws on an unknown word.
void set_order(const std::string& order);
// CPU threads that run blocks: $NOYAU_SIMT_THREADS, or as many as there are cores.
int cpu_threads();
void set_cpu_threads(int count);

// Shared memory of the running block, 128-byte aligned, filled with NaN at its start.
void* dynamic_shared();

using Arguments = std::shared_ptr<const void>;
cudaError_t launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   void (*invoke)(const void* arguments), Arguments arguments, std::size_t argument_bytes);

// Runs the kernel over the grid, in stream order; throws Failure with a one-line report when it misbehaves.
template <class... P, class... A>
cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   A&&... arguments) {
  static_assert((std::is_trivially_copyable_v<P> && ...), "kernel parameters are copied as bytes");
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> values;
  };
  const auto call =
      std::make_shared<const Call>(Call{kernel, std::tuple<P...>(static_cast<P>(arguments)...)});
  const auto invoke = [](const void* arguments_) {
    const auto& c = *static_cast<const Call*>(arguments_);
    std::apply(c.kernel, c.values);
  };
  return launch(reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, stream, invoke, call,
                sizeof(Call));
}

}  // namespace simt
