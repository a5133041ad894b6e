#pragma once
// Loops over arrays without structure.
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

template <class T>
T pairwise_sum(const T* parts, std::int64_t count, std::int64_t stride) {
  if (count == 1) return *parts;
  const std::int64_t half = count / 2;
  return pairwise_sum(parts, half, stride) + pairwise_sum(parts + half * stride, count - half, stride);
}

template <class Isa, class T>
Vector<Isa, T> pairwise_vector_sum(const T* parts, std::int64_t count, std::int64_t stride) {
  if (count == 1) return load<Isa>(parts);
  const std::int64_t half = count / 2;
  return pairwise_vector_sum<Isa>(parts, half, stride) +
         pairwise_vector_sum<Isa>(parts + half * stride, count - half, stride);
}

template <class Isa, class T>
void sum_parts(const T* parts, std::int64_t count, std::int64_t stride, std::int64_t begin, std::int64_t end,
               T* y) {
  std::int64_t i = begin;
  for (; i + kLanes<Isa, T> <= end; i += kLanes<Isa, T>)
    store<Isa>(y + i, pairwise_vector_sum<Isa>(parts + i, count, stride));
  for (; i < end; ++i) y[i] = pairwise_sum(parts + i, count, stride);
}

}  // namespace
}  // namespace noyau::inline v0
