#pragma once
// Products of matrices that need not exist: the operands are functors, so one kernel serves dense layers and
// convolutions.
#include "elements.h"

namespace noyau::inline v0 {

// How a product is cut: a block owns kRows x kColumns of c, a thread kThreadRows x kThreadColumns of them; kDepth of
// k are in shared memory at a time.
template <int kRows_, int kColumns_, int kDepth_, int kThreadRows_, int kThreadColumns_>
struct Tile {
  static constexpr int kRows = kRows_;
  static constexpr int kColumns = kColumns_;
  static constexpr int kDepth = kDepth_;
  static constexpr int kThreadRows = kThreadRows_;
  static constexpr int kThreadColumns = kThreadColumns_;
  static constexpr int kThreadsDown = kRows / kThreadRows;
  static constexpr int kThreadsAcross = kColumns / kThreadColumns;
  static constexpr int kThreads = kThreadsDown * kThreadsAcross;
  // Blocks that a multiprocessor has to hold, or 0: left alone, ptxas would rather hold one more of these, and spill.
  static constexpr int kSums = kThreadRows * kThreadColumns;
  static constexpr int kResident = kThreads == 128 && kSums == 64   ? 2
                                   : kThreads == 128 && kSums == 32 ? 3
                                                                    : 0;
  static_assert(kThreads % kWarp == 0 && kRows * kDepth % kThreads == 0 && kColumns * kDepth % kThreads == 0);
};

struct GemmExtents {
  std::int64_t m;
  std::int64_t n;
  int k;
  int slice;  // of k that one block sums; blockIdx.z = problem * slices + slice
  unsigned slices;
  unsigned first_problem = 0;
};

// What a block sums: k from first to last of one problem.
struct Work {
  __device__ explicit Work(const GemmExtents& e)
      : problem(e.first_problem + blockIdx.z / e.slices),
        slice(blockIdx.z % e.slices),
        first(static_cast<int>(slice) * e.slice),
        last(e.slice < e.k - first ? first + e.slice : e.k) {}

  unsigned problem;
  unsigned slice;
  int first;
  int last;
};

// Which lines of an operand and which k a thread loads into a tile of kLines x kDepth: neighbouring threads take
// neighbouring k, or neighbouring lines, as the operand lies in memory.
template <int kLines, int kDepth, int kThreads, bool along_k>
struct Share {
  static constexpr int kCount = kLines * kDepth / kThreads;
  static_assert(along_k ? kThreads % kDepth == 0 : kThreads % kLines == 0 || kLines % kThreads == 0);

  __device__ static int line(int i) {
    const int at = static_cast<int>(threadIdx.x) + i * kThreads;
    return along_k ? at / kDepth : at % kLines;
  }
  __device__ static int k(int i) {
    const int at = static_cast<int>(threadIdx.x) + i * kThreads;
    return along_k ? at % kDepth : at / kLines;
  }
};

// One operand's part of a block's work. Operand: Line line(index), K depth(k), const T* at(Line, K), null where it is 0,
// and kAlongK, whether neighbours in k are neighbours in memory.
template <class T, class Operand, int kLines, int kDepth, int kThreads>
struct Loader {
  using Part = Share<kLines, kDepth, kThreads, Operand::kAlongK>;
  static constexpr int kCount = Part::kCount;

  __device__ Loader(const Operand& operand_, std::int64_t first_line) : operand(operand_) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) lines[i] = operand.line(first_line + Part::line(i));
  }

  // Loads the tile from k = first on; what lies at or beyond `last` is 0.
  __device__ void load(int first, int last) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int k = first + Part::k(i);
      const T* const from = k < last ? operand.at(lines[i], operand.depth(k)) : nullptr;
      values[i] = from == nullptr ? T(0) : *from;
    }
  }

  template <int kPitch>
  __device__ void store(T (&tile)[kDepth][kPitch]) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) tile[Part::k(i)][Part::line(i)] = values[i];
  }

  const Operand& operand;
  typename Operand::Line lines[kCount];
  T values[kCount];
};

// c(m, n) = sum over k of a(m, k) * b(k, n), for each problem: A and B give the operands of blockIdx.z, C takes
// results. Two tiles of each operand take turns: while one is multiplied, the next is on its way to registers.
template <class T, class Tile, class A, class B, class C>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kResident)
    gemm_kernel(GemmExtents e, A all_a, B all_b, C all_c) {
  constexpr int kPad = 4;
  __shared__ T a_tile[2][Tile::kDepth][Tile::kRows + kPad];
  __shared__ T b_tile[2][Tile::kDepth][Tile::kColumns + kPad];
  const Work work(e);
  const std::int64_t row = std::int64_t{blockIdx.x} * Tile::kRows;
  const std::int64_t column = std::int64_t{blockIdx.y} * Tile::kColumns;
  const A a = all_a.of(work.problem);
  const B b = all_b.of(work.problem);
  Loader<T, A, Tile::kRows, Tile::kDepth, Tile::kThreads> a_loader(a, row);
  Loader<T, B, Tile::kColumns, Tile::kDepth, Tile::kThreads> b_loader(b, column);

  const int down = static_cast<int>(threadIdx.x) / Tile::kThreadsAcross;
  const int across = static_cast<int>(threadIdx.x) % Tile::kThreadsAcross;
  T sum[Tile::kThreadRows][Tile::kThreadColumns] = {};
  a_loader.load(work.first, work.last);
  b_loader.load(work.first, work.last);
  a_loader.store(a_tile[0]);
  b_loader.store(b_tile[0]);
  __syncthreads();
  int turn = 0;
  for (int k = work.first; k < work.last; k += Tile::kDepth) {
    const bool more = k + Tile::kDepth < work.last;
    if (more) {
      a_loader.load(k + Tile::kDepth, work.last);
      b_loader.load(k + Tile::kDepth, work.last);
    }
#pragma unroll
    for (int p = 0; p < Tile::kDepth; ++p) {
      T left[Tile::kThreadRows];
      T right[Tile::kThreadColumns];
#pragma unroll
      for (int i = 0; i < Tile::kThreadRows; ++i) left[i] = a_tile[turn][p][down + i * Tile::kThreadsDown];
#pragma unroll
      for (int j = 0; j < Tile::kThreadColumns; ++j)
        right[j] = b_tile[turn][p][across + j * Tile::kThreadsAcross];
#pragma unroll
      for (int i = 0; i < Tile::kThreadRows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kThreadColumns; ++j) sum[i][j] += left[i] * right[j];
      }
    }
    if (more) {
      a_loader.store(a_tile[1 - turn]);
      b_loader.store(b_tile[1 - turn]);
    }
    __syncthreads();
    turn = 1 - turn;
  }

  const C c = all_c.of(work.problem, work.slice);
#pragma unroll
  for (int i = 0; i < Tile::kThreadRows; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kThreadColumns; ++j) {
      const std::int64_t m = row + down + i * Tile::kThreadsDown;
      const std::int64_t n = column + across + j * Tile::kThreadsAcross;
      if (m < e.m && n < e.n) c(m, n, sum[i][j]);
    }
  }
}

// Launches `kernel` over tiles of all problems, as many at a time as a grid takes.
template <class Tile, class A, class B, class C>
void launch_problems(const Context& context, void (*kernel)(GemmExtents, A, B, C), std::size_t shared,
                     GemmExtents e, unsigned problems, const A& a, const B& b, const C& c) {
  constexpr unsigned kMostInGrid = 65535;
  const unsigned together = kMostInGrid / e.slices;
  for (; e.first_problem < problems; e.first_problem += together) {
    const unsigned count = std::min(together, problems - e.first_problem);
    const dim3 grid(static_cast<unsigned>(ceil_div(e.m, Tile::kRows)),
                    static_cast<unsigned>(ceil_div(e.n, Tile::kColumns)), count * e.slices);
    launch(kernel, grid, dim3(Tile::kThreads), shared, stream_of(context), e, a, b, c);
  }
}

template <class Tile, class T, class A, class B, class C>
void launch_tiles(const Context& context, const GemmExtents& e, unsigned problems, const A& a, const B& b,
                  const C& c) {
  launch_problems<Tile>(context, gemm_kernel<T, Tile, A, B, C>, 0, e, problems, a, b, c);
}

// Blocks that a GPU should have at least: two for each of a hundred multiprocessors.
inline constexpr std::int64_t kEnoughBlocks = 200;

template <class T, class A, class B, class C>
void launch_gemm(const Context& context, const GemmExtents& e, unsigned problems, const A& a, const B& b,
                 const C& c) {
  const auto blocks = [&](std::int64_t rows, std::int64_t columns) {
    return ceil_div(e.m, rows) * ceil_div(e.n, columns) * problems * e.slices;
  };
  if constexpr (sizeof(T) == 4) {
    if (e.n > 64 && blocks(128, 128) >= kEnoughBlocks)
      return launch_tiles<Tile<128, 128, 8, 8, 8>, T>(context, e, problems, a, b, c);
    if (e.n > 32 && blocks(128, 64) >= kEnoughBlocks)
      return launch_tiles<Tile<128, 64, 8, 8, 8>, T>(context, e, problems, a, b, c);
    if (e.n <= 32 && blocks(128, 32) >= kEnoughBlocks)
      return launch_tiles<Tile<128, 32, 8, 8, 4>, T>(context, e, problems, a, b, c);
  }
  if (blocks(64, 64) >= kEnoughBlocks)
    return launch_tiles<Tile<64, 64, 8, 4, 4>, T>(context, e, problems, a, b, c);
  launch_tiles<Tile<32, 32, 8, 4, 4>, T>(context, e, problems, a, b, c);
}

}  // namespace noyau::inline v0
