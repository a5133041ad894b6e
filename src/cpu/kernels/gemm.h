#pragma once
// c[i, j] = bias[j] + sum over p of a[i, p] * b[p, j], and what ConvolutionEnd adds; rows of b and c are contiguous, a has
// any strides.
#include "cpu/kernels/convolution_end.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kGemmDepth = 256;  // products summed in registers before they meet memory

// Writes the sums of a tile over what the products before p left; apart, so that tiles stay small.
template <class Isa, class T>
[[gnu::noinline]] void gemm_end(const Gemm<T>& g, std::int64_t i, std::int64_t j, std::int64_t p, bool last,
                                int rows, int vectors, const T* sums) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for (int v = 0; v < vectors; ++v) {
    const std::int64_t column = j + v * kLane;
    const std::int64_t count = g.n - column;
    const V bias = last && g.end.bias != nullptr ? load_first<Isa>(g.end.bias + column, count) : V{};
    for (int r = 0; r < rows; ++r) {
      T* const to = g.end.y + (i + r) * g.n + column;
      const V before = p == 0 ? V{} : load_first<Isa>(to, count);
      const V sum = before + load<Isa>(sums + (r * vectors + v) * kLane);
      if (last)
        end_vector<Isa>(g.end, to, sum + bias, count);
      else
        store_first<Isa>(to, sum, count);
    }
  }
}

// A tile owns `rows` x `vectors` of c, in registers, for products [p, p + depth).
template <class Isa, int rows, int vectors, class T>
void gemm_tile(const Gemm<T>& g, std::int64_t i, std::int64_t j, std::int64_t p, std::int64_t depth,
               const T* b, std::int64_t b_row) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  V sum[rows][vectors];
  const T* from[rows];
  unroll<0, rows>([&](auto r) {
    from[r] = g.a + (i + r) * g.a_row + p * g.a_column;
    unroll<0, vectors>([&](auto v) { sum[r][v] = V{}; });
  });
  for (std::int64_t q = 0, at = 0; q < depth; ++q, at += g.a_column, b += b_row) {
    V value[vectors];
    unroll<0, vectors>([&](auto v) { value[v] = load<Isa>(b + v * kLane); });
    unroll<0, rows>(
        [&](auto r) { unroll<0, vectors>([&](auto v) { sum[r][v] += from[r][at] * value[v]; }); });
  }
  T sums[rows][vectors * kLane];
  unroll<0, rows>(
      [&](auto r) { unroll<0, vectors>([&](auto v) { store<Isa>(sums[r] + v * kLane, sum[r][v]); }); });
  gemm_end<Isa>(g, i, j, p, p + depth == g.k, rows, vectors, sums[0]);
}

template <class Isa, class T>
void gemm_block(const Gemm<T>& g, std::int64_t i, std::int64_t i_end, std::int64_t j, std::int64_t j_end) {
  constexpr std::int64_t kPanel = 2 * kLanes<Isa, T>;
  for (std::int64_t p = 0; p < larger(g.k, 1); p += kGemmDepth) {
    const std::int64_t depth = smaller(kGemmDepth, g.k - p);
    for (std::int64_t jj = j; jj < j_end; jj += kPanel) {
      const T* b = g.packed ? g.b + jj * g.k + p * kPanel : g.b + p * g.n + jj;
      const std::int64_t b_row = g.packed ? kPanel : g.n;
      for_even_parts<Isa::kPixels>(i_end - i, [&](std::int64_t row, auto rows) {
        if (g.n - jj > kLanes<Isa, T>)
          gemm_tile<Isa, rows, 2>(g, i + row, jj, p, depth, b, b_row);
        else
          gemm_tile<Isa, rows, 1>(g, i + row, jj, p, depth, b, b_row);
      });
    }
  }
}

template <class Isa, class T>
void gemm(const Gemm<T>& g, std::int64_t begin, std::int64_t end) {
  const std::int64_t row_blocks = ceil_div(g.m, g.row_block);
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t i = item % row_blocks * g.row_block;
    const std::int64_t j = item / row_blocks * g.column_block;
    gemm_block<Isa>(g, i, smaller(i + g.row_block, g.m), j, smaller(j + g.column_block, g.n));
  }
}

// Panels [begin, end) of b, each [k, 2 vectors] and contiguous, zeros past column n.
template <class Isa, class T>
void gemm_pack(std::int64_t k, std::int64_t n, const T* b, std::int64_t b_row, std::int64_t b_column,
               std::int64_t begin, std::int64_t end, T* packed) {
  constexpr std::int64_t kPanel = 2 * kLanes<Isa, T>;
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t columns = smaller(kPanel, n - panel * kPanel);
    const T* from = b + panel * kPanel * b_column;
    T* to = packed + panel * kPanel * k;
    for (std::int64_t p = 0; p < k; ++p, from += b_row, to += kPanel) {
      if (columns == kPanel && b_column == 1) {
        store<Isa>(to, load<Isa>(from));
        store<Isa>(to + kPanel / 2, load<Isa>(from + kPanel / 2));
        continue;
      }
      for (std::int64_t j = 0; j < columns; ++j) to[j] = from[j * b_column];
      for (std::int64_t j = columns; j < kPanel; ++j) to[j] = 0;
    }
  }
}

}  // namespace
}  // namespace noyau::inline v0
