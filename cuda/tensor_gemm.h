#pragma once
// Products of matrices on tensor cores, with sums in f32: of elements of 16 bits, or of f32 ones rounded to tf32. The
// operands are those of gemm.h: a chunk, 16 bytes of neighbours in memory, goes to shared memory by one asynchronous
// copy; elements that are none, as those of 3 channels, one by one.
#include "accumulate.h"
#include "gemm.h"
#include "tensor_tile.h"

namespace noyau::inline v0 {

inline constexpr int kTensorStages = 3;  // one is multiplied while two are on their way

// Whether runs of `run` elements from `data` on fall into whole, aligned chunks.
template <class T>
bool in_chunks(const T* data, std::int64_t run) {
  return run % kChunk<T> == 0 && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

// Whether elements n and n + 1 of a row of c, for even n, may be stored at once: none ends a row alone.
template <class Out>
bool in_pairs(const Out* c, std::int64_t pitch, std::int64_t width) {
  return pitch % 2 == 0 && width % 2 == 0 && reinterpret_cast<std::uintptr_t>(c) % (2 * sizeof(Out)) == 0;
}

// A block owns kRows x kColumns of c, each of its warps kWarpRows x kWarpColumns of them.
template <int kRows_, int kColumns_, int kWarpRows_, int kWarpColumns_>
struct TensorTile {
  static constexpr int kRows = kRows_;
  static constexpr int kColumns = kColumns_;
  static constexpr int kWarpRows = kWarpRows_;
  static constexpr int kWarpColumns = kWarpColumns_;
  static constexpr int kWarpsAcross = kColumns / kWarpColumns;
  static constexpr int kThreads = kRows / kWarpRows * kWarpsAcross * kWarp;
  static_assert(kWarpRows % 16 == 0 && kWarpColumns % 16 == 0);
};

// One operand's way to shared memory. A thread owns chunk `chunk` of every kApart-th row of the tile.
template <class T, class Operand, int kLines, int kThreads>
struct ChunkLoader {
  static constexpr bool kAlongK = Operand::kAlongK;
  using Shared = OperandTile<T, kLines, kAlongK>;
  static constexpr int kCount = Shared::kElements / kChunk<T> / kThreads;
  static constexpr int kApart = kThreads / Shared::kChunks;
  static constexpr int kLinesHeld = kAlongK ? kCount : 1;
  static_assert(kThreads % Shared::kChunks == 0 && kCount * kThreads * kChunk<T> == Shared::kElements);

  __device__ ChunkLoader(const Operand& operand_, std::int64_t first_line_)
      : operand(operand_),
        first_line(first_line_),
        row(static_cast<int>(threadIdx.x) / Shared::kChunks),
        chunk(static_cast<int>(threadIdx.x) % Shared::kChunks) {
#pragma unroll
    for (int i = 0; i < kLinesHeld; ++i)
      lines[i] = operand.line(first_line + (kAlongK ? row + i * kApart : chunk * kChunk<T>));
  }

  // Begins to load the tile from k = first on; what lies at or beyond `last` is 0.
  __device__ void load(int first, int last, T* tile) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      T* const to = tile + Shared::offset(row + i * kApart, chunk);
      const int k = first + (kAlongK ? chunk * kChunk<T> : row + i * kApart);
      const typename Operand::Line& line = lines[kAlongK ? i : 0];
      if (operand.chunked) {
        const T* const from = k < last ? operand.at(line, operand.depth(k)) : nullptr;
        cp_async_16(to, from, from != nullptr);
      } else {
        gather(line, k, last, to);
      }
    }
  }

  __device__ void gather(const typename Operand::Line& line, int k, int last, T* to) const {
    std::uint32_t words[4] = {};
#pragma unroll
    for (int e = 0; e < kChunk<T>; ++e) {
      const int depth = kAlongK ? k + e : k;
      const T* from = nullptr;
      if (depth < last)
        from = operand.at(kAlongK ? line : operand.line(first_line + chunk * kChunk<T> + e),
                          operand.depth(depth));
      if (from != nullptr) words[e * 4 / kChunk<T>] |= bits_of(*from) << (e * 128 / kChunk<T> % 32);
    }
    *reinterpret_cast<uint4*>(to) = uint4{words[0], words[1], words[2], words[3]};
  }

  const Operand& operand;
  std::int64_t first_line;
  int row;
  int chunk;
  typename Operand::Line lines[kLinesHeld];
};

// The sums of one warp: sum[i][j] are the 16 x 8 elements of c from row 16 i and column 8 j of its part on.
template <class T, class Tile, class ATile, class BTile>
struct WarpProduct {
  static constexpr int kDown = Tile::kWarpRows / 16;
  static constexpr int kAcross = Tile::kWarpColumns / 8;

  __device__ WarpProduct()
      : lane(static_cast<int>(threadIdx.x) % kWarp),
        row(static_cast<int>(threadIdx.x) / kWarp / Tile::kWarpsAcross * Tile::kWarpRows),
        column(static_cast<int>(threadIdx.x) / kWarp % Tile::kWarpsAcross * Tile::kWarpColumns) {}

  // Adds the product of a stage.
  __device__ void add(const T* stage) {
#pragma unroll
    for (int k = 0; k < kStageDepth<T>; k += 2 * kChunk<T>) {
      std::uint32_t a[kDown][4];
      std::uint32_t b[kAcross / 2][4];
#pragma unroll
      for (int i = 0; i < kDown; ++i) ATile::template load<Halves::lines_first>(a[i], stage, row + 16 * i, k);
#pragma unroll
      for (int j = 0; j < kAcross / 2; ++j)
        BTile::template load<Halves::k_first>(b[j], stage + ATile::kElements, column + 16 * j, k);
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j)
          multiply_add<T>(sum[i][j], a[i], {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]});
      }
    }
  }

  // Hands the sums to c as pairs of neighbours; the block's first element of c is (first_row, first_column).
  template <class C>
  __device__ void store(const GemmExtents& e, std::int64_t first_row, std::int64_t first_column,
                        const C& c) const {
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
#pragma unroll
        for (int lower = 0; lower < 2; ++lower) {
          const std::int64_t m = first_row + row + 16 * i + 8 * lower + lane / 4;
          const std::int64_t n = first_column + column + 8 * j + lane % 4 * 2;
          const float* const pair = sum[i][j] + 2 * lower;
          if (m >= e.m || n >= e.n) continue;
          if (c.paired) {
            c.pair(m, n, pair[0], pair[1]);
          } else {
            c(m, n, pair[0]);
            if (n + 1 < e.n) c(m, n + 1, pair[1]);
          }
        }
      }
    }
  }

  int lane;
  int row;
  int column;
  float sum[kDown][kAcross][4] = {};
};

// c(m, n) = sum over k of a(m, k) * b(k, n), for each problem, as gemm_kernel.
template <class T, class Tile, class A, class B, class C>
__global__ void __launch_bounds__(Tile::kThreads)
    tensor_gemm_kernel(GemmExtents e, A all_a, B all_b, C all_c) {
  using ATile = OperandTile<T, Tile::kRows, A::kAlongK>;
  using BTile = OperandTile<T, Tile::kColumns, B::kAlongK>;
  T* const stages = dynamic_shared<T>();
  const Work work(e);
  const std::int64_t row = std::int64_t{blockIdx.x} * Tile::kRows;
  const std::int64_t column = std::int64_t{blockIdx.y} * Tile::kColumns;
  const A a = all_a.of(work.problem);
  const B b = all_b.of(work.problem);
  const ChunkLoader<T, A, Tile::kRows, Tile::kThreads> a_loader(a, row);
  const ChunkLoader<T, B, Tile::kColumns, Tile::kThreads> b_loader(b, column);
  const auto stage = [&](int step) {
    return stages + step % kTensorStages * (ATile::kElements + BTile::kElements);
  };
  const auto load = [&](int step) {
    const int k = work.first + step * kStageDepth<T>;
    if (k < work.last) {
      a_loader.load(k, work.last, stage(step));
      b_loader.load(k, work.last, stage(step) + ATile::kElements);
    }
    cp_async_commit();
  };

  for (int step = 0; step < kTensorStages - 1; ++step) load(step);
  WarpProduct<T, Tile, ATile, BTile> product;
  for (int step = 0; work.first + step * kStageDepth<T> < work.last; ++step) {
    cp_async_wait<kTensorStages - 2>();
    __syncthreads();
    load(step + kTensorStages - 1);
    product.add(stage(step));
  }
  product.store(e, row, column, all_c.of(work.problem, work.slice));
}

// Throws where the device is older than `dtype` on tensor cores: compute capability 7.5 has f16 only.
void check_tensor_cores(const Context& context, const char* dtype);

template <class Tile, class T, class A, class B, class C>
void launch_tensor_tiles(const Context& context, const GemmExtents& e, unsigned problems, const A& a,
                         const B& b, const C& c) {
  constexpr std::size_t kStageBytes = (Tile::kRows + Tile::kColumns) * kStageDepth<T> * sizeof(T);
  launch_problems<Tile>(context, tensor_gemm_kernel<T, Tile, A, B, C>, kTensorStages * kStageBytes, e,
                        problems, a, b, c);
}

template <class T, class A, class B, class C>
void launch_tensor_gemm(const Context& context, GemmExtents e, unsigned problems, const A& a, const B& b,
                        const C& c) {
  // Large tiles from this number of blocks on: one for most of the multiprocessors.
  constexpr std::int64_t kEnough = 100;
  if constexpr (!std::is_same_v<T, half>) check_tensor_cores(context, kIs16Bit<T> ? "bf16" : "tf32");
  e.slice = static_cast<int>(ceil_div(e.slice, kStageDepth<T>) * kStageDepth<T>);
  const std::int64_t large_blocks = ceil_div(e.m, 128) * ceil_div(e.n, 128) * problems * e.slices;
  if (e.m > 64 && e.n > 64 && large_blocks >= kEnough)
    return launch_tensor_tiles<TensorTile<128, 128, 64, 32>, T>(context, e, problems, a, b, c);
  launch_tensor_tiles<TensorTile<64, 64, 32, 32>, T>(context, e, problems, a, b, c);
}

// On tensor cores where the elements, or the caller of f32 ones, allow.
template <class T, class A, class B, class C>
void launch_product(const Context& context, const GemmExtents& e, unsigned problems, const A& a, const B& b,
                    const C& c) {
  if constexpr (sizeof(T) <= 4) {
    if (kIs16Bit<T> || context.tf32) return launch_tensor_gemm<T>(context, e, problems, a, b, c);
  }
  if constexpr (!kIs16Bit<T>) launch_gemm<T>(context, e, problems, a, b, c);
}

}  // namespace noyau::inline v0
