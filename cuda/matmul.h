#pragma once
// Products of dense matrices, for the files that instantiate them.
#include "slices.h"
#include "tensor_gemm.h"

namespace noyau::inline v0 {

// Where the matrices of one operand lie: of problem p, p's digits in the batch extents times strides.
template <class T>
struct Matrices {
  __device__ const T* matrix(std::int64_t problem) const {
    std::int64_t offset = 0;
    for (int axis = rank - 1; axis >= 0; --axis) {
      offset += problem % extents[axis] * strides[axis];
      problem /= extents[axis];
    }
    return data + offset * size;
  }

  const T* data;
  std::int64_t size;
  int rank;
  std::int64_t extents[MatmulDims::kMaxRank];
  std::int64_t strides[MatmulDims::kMaxRank];
};

// `lines` lines of a matrix: dense ones, `step` apart, or those across it, whose elements along k are `step` apart.
template <class T, bool along_k>
struct Operand {
  static constexpr bool kAlongK = along_k;
  using Line = const T*;

  __device__ Operand of(unsigned problem) const {
    Operand result = *this;
    result.all.data = all.matrix(problem);
    return result;
  }
  __device__ Line line(std::int64_t index) const {
    return index < lines ? all.data + (along_k ? index * step : index) : nullptr;
  }
  __device__ std::int64_t depth(int k) const { return along_k ? k : k * step; }
  __device__ const T* at(Line from, std::int64_t k) const { return from == nullptr ? nullptr : from + k; }

  Matrices<T> all;
  std::int64_t lines;
  std::int64_t step;
  bool chunked = in_chunks(all.data, step);
};

// c[problem, m, n] = value + bias[n]; with parts, instead parts[problem, slice, m, n] = value.
template <class T>
struct Result {
  using A = accumulate_t<T>;

  __device__ Result of(unsigned problem, unsigned slice) const {
    Result result = *this;
    result.c += problem * size;
    if (parts != nullptr) result.parts += (std::int64_t{problem} * slices + slice) * size;
    return result;
  }
  __device__ A ended(std::int64_t n, A value) const {
    return bias == nullptr ? value : value + widen(bias[n]);
  }
  __device__ void operator()(std::int64_t m, std::int64_t n, A value) const {
    if (parts == nullptr)
      c[m * columns + n] = narrow<T>(ended(n, value));
    else
      parts[m * columns + n] = value;
  }
  // Elements n and n + 1, where `paired`.
  __device__ void pair(std::int64_t m, std::int64_t n, A first, A second) const {
    if (parts == nullptr)
      store_pair(c + m * columns + n, ended(n, first), ended(n + 1, second));
    else
      store_pair(parts + m * columns + n, first, second);
  }

  T* c;
  const T* bias;
  A* parts;
  std::int64_t columns;
  std::int64_t size;
  unsigned slices;
  bool paired = in_pairs(c, columns, columns);
};

template <class T>
Matrices<T> matrices(const MatmulDims& d, const T* data, std::int64_t size, const std::int64_t* strides) {
  Matrices<T> result{data, size, d.rank, {}, {}};
  std::copy(d.extents, d.extents + d.rank, result.extents);
  std::copy(strides, strides + d.rank, result.strides);
  return result;
}

template <class T, bool a_along_k, bool b_along_k>
void launch_matmul(const Context& context, const MatmulDims& d, const T* a, const T* b, const T* bias, T* c) {
  std::int64_t problems = 1;
  for (int axis = 0; axis < d.rank; ++axis) problems *= d.extents[axis];
  const std::int64_t size = d.m * d.n;
  if (problems * size == 0) return;
  NOYAU_CHECK(d.k < INT32_MAX && problems < INT32_MAX, "matmul: a depth of ", d.k, " and ", problems,
              " products are too many for the CUDA kernel");
  const unsigned slices = slices_of_k(d.m, d.n, d.k, problems);
  const auto k = static_cast<int>(d.k);
  const GemmExtents e{d.m, d.n, k, static_cast<int>(ceil_div(std::max(k, 1), slices)), slices};
  const Operand<T, a_along_k> left{matrices(d, a, d.m * d.k, d.a_strides), d.m, a_along_k ? d.k : d.m};
  const Operand<T, b_along_k> right{matrices(d, b, d.k * d.n, d.b_strides), d.n, b_along_k ? d.k : d.n};
  const auto run = [&](accumulate_t<T>* parts) {
    launch_product<T>(context, e, static_cast<unsigned>(problems), left, right,
                      Result<T>{c, bias, parts, d.n, size, slices});
  };
  sum_in_slices(context, problems, slices, size, d.n, bias, c, run);
}

// c[.., i, j] = bias[j] + sum over p of a[.., i, p] * b[.., p, j].
template <class T>
void Cuda::matmul(Context& context, const MatmulDims& d, const T* a, const T* b, const T* bias, T* c) {
  if (d.transpose_a && d.transpose_b) return launch_matmul<T, false, true>(context, d, a, b, bias, c);
  if (d.transpose_a) return launch_matmul<T, false, false>(context, d, a, b, bias, c);
  if (d.transpose_b) return launch_matmul<T, true, true>(context, d, a, b, bias, c);
  launch_matmul<T, true, false>(context, d, a, b, bias, c);
}

}  // namespace noyau::inline v0
