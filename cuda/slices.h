#pragma once
// Products whose sums over k are cut into slices, which are added in order: enough blocks, and the same bits every time.
#include "accumulate.h"
#include "gemm.h"
#include "runtime.h"

namespace noyau::inline v0 {

// Slices of k so that there are enough blocks, each worth its sum in memory: by the shape alone.
inline unsigned slices_of_k(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t problems) {
  constexpr std::int64_t kLeastDepth = 512;
  const std::int64_t blocks = std::max<std::int64_t>(1, ceil_div(m, 64) * ceil_div(n, 64) * problems);
  const std::int64_t wanted = std::min(ceil_div(2 * kEnoughBlocks, blocks), k / kLeastDepth);
  return static_cast<unsigned>(std::clamp<std::int64_t>(wanted, 1, 256));
}

// c[i] = sum over slices s in order of parts[s, i] + bias[i % n], for each problem
template <class T>
struct JoinSlices {
  __device__ void operator()(std::int64_t i) const {
    const accumulate_t<T>* const from = parts + i / size * slices * size + i % size;
    accumulate_t<T> total = 0;
    for (std::int64_t s = 0; s < slices; ++s) total += from[s * size];
    c[i] = narrow<T>(bias == nullptr ? total : total + widen(bias[i % columns]));
  }

  const accumulate_t<T>* parts;
  const T* bias;
  T* c;
  std::int64_t columns;
  std::int64_t size;
  std::int64_t slices;
};

// Calls run(parts) for partial sums [problems, slices, size], which it then joins in c; run(null) writes c itself.
template <class T, class Run>
void sum_in_slices(const Context& context, std::int64_t problems, unsigned slices, std::int64_t size,
                   std::int64_t columns, const T* bias, T* c, Run&& run) {
  if (slices == 1) return run(nullptr);
  const Scratch<accumulate_t<T>> parts(context, problems * slices * size);
  run(parts.data());
  launch_elements(context, problems * size, JoinSlices<T>{parts.data(), bias, c, columns, size, slices});
}

}  // namespace noyau::inline v0
