#pragma once
// c[i, j] = bias[j] + sum over p of a[i, p] * b[p, j], and what ConvolutionEnd adds; rows of b and c are contiguous, a has
// any strides.
#include "cpu/kernels/convolution_end.h"

namespace noyau::inline v0 {
namespace {

// Products summed in registers before they meet memory: those that a panel of half the first-level cache holds, and no
// fewer than 256, since to read and write sums more often costs more than what the second level adds.
template <class Isa>
constexpr std::int64_t kGemmDepth = larger(256, (1 << 14) / (2 * Isa::kVectorBytes));

// Ends a tile, or keeps its sums where columns are missing; apart, so that tiles stay small.
template <class Isa, class T>
[[gnu::noinline]] void gemm_end(const Gemm<T>& g, std::int64_t i, std::int64_t j, bool first, bool last,
                                int rows, int vectors, const T* sums) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for (int v = 0; v < vectors; ++v) {
    const std::int64_t column = j + v * kLane;
    const std::int64_t count = g.n - column;
    const V bias = last && g.end.bias != nullptr ? load_first<Isa>(g.end.bias + column, count) : V{};
    for (int r = 0; r < rows; ++r) {
      T* const to = g.end.y + (i + r) * g.n + column;
      const V before = first ? V{} : load_first<Isa>(to, count);
      const V sum = before + load<Isa>(sums + (r * vectors + v) * kLane);
      if (last)
        end_vector<Isa>(g.end, to, sum + bias, count);
      else
        store_first<Isa>(to, sum, count);
    }
  }
}

// Some of the products of a block of rows: a and b begin at the first of them.
template <class T>
struct GemmDepth {
  std::int64_t depth;
  bool first;  // nothing was summed before
  bool last;   // nothing will be
  const T* a;
  std::int64_t a_row;
  std::int64_t a_column;
  const T* b;
  std::int64_t b_row;
};

// A tile owns `rows` x `vectors` of c from (i, j) on, in registers, and reads rows of a from `row` on.
template <class Isa, int rows, int vectors, class T>
void gemm_tile(const Gemm<T>& g, const GemmDepth<T>& d, std::int64_t i, std::int64_t j, std::int64_t row) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  const bool whole = g.n - j >= vectors * kLane;
  V sum[rows][vectors];
  const T* from[rows];
  T* const to = g.end.y + i * g.n + j;
  unroll<0, rows>([&](auto r) {
    from[r] = d.a + (row + r) * d.a_row;
    unroll<0, vectors>([&](auto v) { sum[r][v] = V{}; });
  });
  const T* b = d.b;
  for (std::int64_t q = 0, at = 0; q < d.depth; ++q, at += d.a_column, b += d.b_row) {
    V value[vectors];
    unroll<0, vectors>([&](auto v) { value[v] = load<Isa>(b + v * kLane); });
    unroll<0, rows>(
        [&](auto r) { unroll<0, vectors>([&](auto v) { sum[r][v] += from[r][at] * value[v]; }); });
  }
  if (whole && !d.first) {
    unroll<0, rows>([&](auto r) {
      unroll<0, vectors>([&](auto v) { sum[r][v] += load<Isa>(to + r * g.n + v * kLane); });
    });
  }
  const bool plain = g.end.residual == nullptr && g.end.bias == nullptr;
  if (whole && (plain || !d.last)) {
    const V floor = V{} + (d.last ? g.end.floor : -static_cast<T>(__builtin_inf()));
    unroll<0, rows>([&](auto r) {
      unroll<0, vectors>(
          [&](auto v) { store<Isa>(to + r * g.n + v * kLane, floor > sum[r][v] ? floor : sum[r][v]); });
    });
    return;
  }
  T sums[rows][vectors * kLane];
  unroll<0, rows>(
      [&](auto r) { unroll<0, vectors>([&](auto v) { store<Isa>(sums[r] + v * kLane, sum[r][v]); }); });
  gemm_end<Isa>(g, i, j, d.first || whole, d.last, rows, vectors, sums[0]);
}

// Copies `count` elements of each of `lines`, which then are not a power of two apart and share no cache set.
template <class Isa, class T>
void gemm_copy(std::int64_t lines, std::int64_t count, const T* from, std::int64_t step, T* to,
               std::int64_t pitch) {
  for (std::int64_t line = 0; line < lines; ++line, from += step, to += pitch) {
    std::int64_t i = 0;
    for (; i + kLanes<Isa, T> <= count; i += kLanes<Isa, T>) store<Isa>(to + i, load<Isa>(from + i));
    for (; i < count; ++i) to[i] = from[i];
  }
}

// Rows [i, i_end) and products [p, p + d.depth) of a, as they lie in memory or in scratch.
template <class Isa, class T>
void gemm_place_a(const Gemm<T>& g, std::int64_t i, std::int64_t i_end, std::int64_t p, T* scratch,
                  GemmDepth<T>& d) {
  constexpr std::int64_t kGap = 64 / sizeof(T);
  const T* const from = g.a + i * g.a_row + p * g.a_column;
  if (scratch == nullptr) {
    d.a = from;
    d.a_row = g.a_row;
    d.a_column = g.a_column;
    return;
  }
  d.a = scratch;
  if (g.a_column == 1) {
    d.a_row = kGemmDepth<Isa> + kGap;
    d.a_column = 1;
    gemm_copy<Isa>(i_end - i, d.depth, from, g.a_row, scratch, d.a_row);
  } else {
    d.a_row = 1;
    d.a_column = g.row_block + kGap;
    gemm_copy<Isa>(d.depth, i_end - i, from, g.a_column, scratch, d.a_column);
  }
}

template <class Isa, class T>
void gemm_block(const Gemm<T>& g, std::int64_t i, std::int64_t i_end, std::int64_t j, std::int64_t j_end,
                T* scratch) {
  constexpr std::int64_t kPanel = 2 * kLanes<Isa, T>;
  for (std::int64_t p = 0; p < larger(g.k, 1); p += kGemmDepth<Isa>) {
    GemmDepth<T> d{};
    d.depth = smaller(kGemmDepth<Isa>, g.k - p);
    d.first = p == 0;
    d.last = p + d.depth == g.k;
    d.b_row = g.packed ? kPanel : g.n;
    gemm_place_a<Isa>(g, i, i_end, p, scratch, d);
    for (std::int64_t jj = j; jj < j_end; jj += kPanel) {
      d.b = g.packed ? g.b + jj * g.k + p * kPanel : g.b + p * g.n + jj;
      for_even_parts<Isa::kPixels>(i_end - i, [&](std::int64_t row, auto rows) {
        if (g.n - jj > kLanes<Isa, T>)
          gemm_tile<Isa, rows, 2>(g, d, i + row, jj, row);
        else
          gemm_tile<Isa, rows, 1>(g, d, i + row, jj, row);
      });
    }
  }
}

template <class Isa, class T>
void gemm(const Gemm<T>& g, std::int64_t begin, std::int64_t end, T* scratch) {
  const std::int64_t row_blocks = ceil_div(g.m, g.row_block);
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t i = item % row_blocks * g.row_block;
    const std::int64_t j = item / row_blocks * g.column_block;
    gemm_block<Isa>(g, i, smaller(i + g.row_block, g.m), j, smaller(j + g.column_block, g.n), scratch);
  }
}

// Panels [begin, end) of b, each [k, 2 vectors] and contiguous, zeros past column n. Where columns of b are contiguous a
// cache line of each is read at a time.
template <class Isa, class T>
void gemm_pack(std::int64_t k, std::int64_t n, const T* b, std::int64_t b_row, std::int64_t b_column,
               std::int64_t begin, std::int64_t end, T* packed) {
  constexpr std::int64_t kPanel = 2 * kLanes<Isa, T>;
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t columns = smaller(kPanel, n - panel * kPanel);
    const T* const from = b + panel * kPanel * b_column;
    T* const to = packed + panel * kPanel * k;
    if (columns == kPanel && b_column == 1) {
      for (std::int64_t p = 0; p < k; ++p) {
        store<Isa>(to + p * kPanel, load<Isa>(from + p * b_row));
        store<Isa>(to + p * kPanel + kPanel / 2, load<Isa>(from + p * b_row + kPanel / 2));
      }
      continue;
    }
    for (std::int64_t line = 0; line < k; line += kLine) {
      const std::int64_t line_end = smaller(line + kLine, k);
      for (std::int64_t j = 0; j < kPanel; ++j) {
        for (std::int64_t p = line; p < line_end; ++p)
          to[p * kPanel + j] = j < columns ? from[p * b_row + j * b_column] : T{0};
      }
    }
  }
}

}  // namespace
}  // namespace noyau::inline v0
