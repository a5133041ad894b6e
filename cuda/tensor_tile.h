#pragma once
// Tiles of an operand in shared memory, and how tensor cores read them.
#include "accumulate.h"

namespace noyau::inline v0 {

// Elements of 16 bytes: 8, or 4 of f32. Of k, one mma takes two chunks, and a stage of shared memory holds four.
template <class T>
inline constexpr int kChunk = 16 / static_cast<int>(sizeof(T));
template <class T>
inline constexpr int kStageDepth = 4 * kChunk<T>;

template <class T>
__device__ std::uint32_t bits_of(T x) {
  if constexpr (kIs16Bit<T>)
    return x.bits;
  else
    return device::bits_of_float(x);
}

template <class T>
__device__ void multiply_add(float (&sum)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  if constexpr (std::is_same_v<T, half>)
    mma_m16n8k16_f16(sum, a, b);
  else if constexpr (std::is_same_v<T, bfloat16>)
    mma_m16n8k16_bf16(sum, a, b);
  else
    mma_m16n8k8_tf32(sum, a, b);
}

// A fragment has four blocks of 8 lines x one chunk of k: 2 x 2 of them, numbered along lines or along k first.
enum class Halves { lines_first, k_first };

// kLines x kStageDepth elements of an operand, in rows as they lie in memory: lines of neighbours in k, or depths of
// neighbouring lines. The chunks of a row change places so that what is read at once lies in different banks: 8 rows of
// a column of chunks by ldmatrix, 4 rows of two columns by lanes that take f32 elements across them.
template <class T, int kLines, bool along_k>
struct OperandTile {
  static constexpr int kElements = kLines * kStageDepth<T>;
  static constexpr int kChunks = (along_k ? kStageDepth<T> : kLines) / kChunk<T>;  // of a row
  static_assert(kChunks == 4 || kChunks % 8 == 0);

  __device__ static int offset(int row, int chunk) {
    const int turn = kChunks == 4 ? row / 2 % 4 : kIs16Bit<T> ? row % 8 : row % 4 * 2;
    return (row * kChunks + (chunk ^ turn)) * kChunk<T>;
  }

  // The fragment from line `line` and depth `k` on, for mma: of each block, a lane has elements of line lane / 4.
  template <Halves order>
  __device__ static void load(std::uint32_t (&fragment)[4], const T* tile, int line, int k) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if constexpr (along_k || kIs16Bit<T>) {
      const int row = lane % 8;
      const Block block(order, lane / 8);
      if constexpr (along_k)
        ldmatrix_x4(fragment, tile + offset(line + 8 * block.line + row, k / kChunk<T> + block.k));
      else
        ldmatrix_x4_transposed(fragment, tile + offset(k + 8 * block.k + row, line / 8 + block.line));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const Block block(order, i);
        const int at = line + 8 * block.line + lane / 4;
        const T* const chunk = tile + offset(k + kChunk<T> * block.k + lane % 4, at / kChunk<T>);
        fragment[i] = bits_of(chunk[at % kChunk<T>]);
      }
    }
    if constexpr (!kIs16Bit<T>) {
#pragma unroll
      for (std::uint32_t& word : fragment) word = to_tf32(device::float_of_bits(word));
    }
  }

 private:
  // Where block i of a fragment lies.
  struct Block {
    __device__ Block(Halves order, int i)
        : line(order == Halves::lines_first ? i % 2 : i / 2),
          k(order == Halves::lines_first ? i / 2 : i % 2) {}
    int line;
    int k;
  };
};

}  // namespace noyau::inline v0
