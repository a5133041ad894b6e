#pragma once
// Reductions by groups of threads of a block: results depend on the shape alone.
#include "elements.h"

namespace noyau::inline v0 {

inline constexpr int kGroupThreads = 256;

inline std::int64_t power_of_two_above(std::int64_t n) {
  std::int64_t power = 1;
  while (power < n) power *= 2;
  return power;
}

// How the threads of a block are laid over [outer, count, inner]: `outers` x `rows` x `columns`, columns fastest, all
// powers of two. The rows of a column work together; blocks run over columns first.
struct Layout {
  Layout(std::int64_t outer_, std::int64_t count, std::int64_t inner_)
      : outer(outer_),
        inner(inner_),
        columns(static_cast<int>(std::min(std::int64_t{kWarp}, power_of_two_above(inner)))),
        rows(static_cast<int>(std::min(power_of_two_above(count), std::int64_t{kGroupThreads} / columns))),
        outers(static_cast<int>(
            std::min(power_of_two_above(outer), std::int64_t{kGroupThreads} / columns / rows))) {
    while (columns * rows * outers < kWarp) outers *= 2;
    column_blocks = ceil_div(inner, columns);
  }

  dim3 threads() const { return dim3(static_cast<unsigned>(columns * rows * outers)); }
  unsigned blocks() const { return static_cast<unsigned>(ceil_div(outer, outers) * column_blocks); }

  std::int64_t outer;
  std::int64_t inner;
  int columns;
  int rows;
  int outers;
  std::int64_t column_blocks;
};

// Where this thread is: it owns row `row` of the column [o, :, j].
struct Place {
  __device__ explicit Place(const Layout& layout)
      : o(blockIdx.x / layout.column_blocks * layout.outers + threadIdx.x / layout.columns / layout.rows),
        j(blockIdx.x % layout.column_blocks * layout.columns + threadIdx.x % layout.columns),
        row(static_cast<int>(threadIdx.x) / layout.columns % layout.rows),
        inside(o < layout.outer && j < layout.inner) {}
  std::int64_t o;
  std::int64_t j;
  int row;
  bool inside;
};

// How many slices of rows a reduction of [outer, count, inner] is cut into: by its shape alone, so that results
// repeat.
inline std::int64_t slices_for(std::int64_t outer, std::int64_t count, std::int64_t inner) {
  constexpr std::int64_t kWantedBlocks = 512;
  constexpr std::int64_t kLeastRows = 128;
  const std::int64_t blocks = std::max<std::int64_t>(1, outer * ceil_div(inner, kWarp));
  return std::clamp<std::int64_t>(std::min(kWantedBlocks / blocks, count / kLeastRows), 1, 256);
}

// Joins `value` of the rows of each column as a tree; every thread of the block takes part and gets the result.
// `shared` holds one value a thread.
template <class T, class Join>
__device__ T join_rows(const Layout& layout, const Place& place, T value, Join join, T* shared) {
  const int me = static_cast<int>(threadIdx.x);
  __syncthreads();
  shared[me] = value;
  for (int half = layout.rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (place.row < half) shared[me] = join(shared[me], shared[me + half * layout.columns]);
  }
  __syncthreads();
  return shared[me - place.row * layout.columns];
}

struct Plus {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// NaN wins, as it does in max() and min().
struct Larger {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};
struct Smaller {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b < a || b != b ? b : a;
  }
};

}  // namespace noyau::inline v0
