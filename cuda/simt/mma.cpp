#include "mma.h"

#include <bit>
#include <cstring>

#include "block.h"
#include "races.h"
#include "report.h"

namespace simt {

namespace {

constexpr std::uint32_t kAll = 0xffffffffu;

struct LoadOperand {
  std::uint32_t* r;
  const void* row;
  int matrices;
  bool transposed;
};

void complete_load(void* const* operands, std::uint32_t) {
  const auto& first = *static_cast<const LoadOperand*>(operands[0]);
  for (int i = 0; i < first.matrices; ++i) {
    std::uint16_t matrix[8][8];
    for (int row = 0; row < 8; ++row) {
      std::memcpy(matrix[row], static_cast<const LoadOperand*>(operands[8 * i + row])->row,
                  sizeof matrix[row]);
    }
    for (int l = 0; l < 32; ++l) {
      const int g = l / 4, t = 2 * (l % 4);
      const std::uint32_t low = first.transposed ? matrix[t][g] : matrix[g][t];
      const std::uint32_t high = first.transposed ? matrix[t + 1][g] : matrix[g][t + 1];
      static_cast<const LoadOperand*>(operands[l])->r[i] = low | high << 16;
    }
  }
}

// All values of f16 are values of f32: the exponent is moved by a multiplication, which also makes subnormals right.
float from_f16(std::uint32_t bits) {
  const std::uint32_t magnitude = (bits & 0x7fff) << 13;
  const std::uint32_t special = (bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | (bits & 0x8000) << 16);
}
float from_bf16(std::uint32_t bits) { return std::bit_cast<float>(bits << 16); }

struct MmaOperand {
  MmaType type;
  int depth;
  float* d;
  const std::uint32_t *a, *b;
};

struct Tiles {
  std::uint32_t a_bits[16][16], b_bits[16][8];
  float a[16][16], b[16][8];
};

void gather_pairs(void* const* operands, int depth, Tiles& tiles) {
  for (int l = 0; l < 32; ++l) {
    const auto& o = *static_cast<const MmaOperand*>(operands[l]);
    const int g = l / 4, t = 2 * (l % 4);
    for (int i = 0; i < depth / 4; ++i) {
      std::uint32_t* pair = &tiles.a_bits[g + 8 * (i % 2)][t + 8 * (i / 2)];
      pair[0] = o.a[i] & 0xffff;
      pair[1] = o.a[i] >> 16;
    }
    for (int i = 0; i < depth / 8; ++i) {
      tiles.b_bits[t + 8 * i][g] = o.b[i] & 0xffff;
      tiles.b_bits[t + 8 * i + 1][g] = o.b[i] >> 16;
    }
  }
}

void gather_words(void* const* operands, Tiles& tiles) {
  for (int l = 0; l < 32; ++l) {
    const auto& o = *static_cast<const MmaOperand*>(operands[l]);
    const int g = l / 4, t = l % 4;
    for (int i = 0; i < 4; ++i) tiles.a_bits[g + 8 * (i % 2)][t + 4 * (i / 2)] = o.a[i];
    for (int i = 0; i < 2; ++i) tiles.b_bits[t + 4 * i][g] = o.b[i];
  }
}

// Converts what gather filled: `depth` columns of a, `depth` rows of b.
template <float (*convert)(std::uint32_t)>
void convert_tiles(int depth, Tiles& tiles) {
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < depth; ++k) tiles.a[row][k] = convert(tiles.a_bits[row][k]);
  }
  for (int k = 0; k < depth; ++k) {
    for (int column = 0; column < 8; ++column) tiles.b[k][column] = convert(tiles.b_bits[k][column]);
  }
}

// The tensor core reads the upper 19 bits of each operand.
float from_tf32(std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000); }

void load_tiles(void* const* operands, MmaType type, int depth, Tiles& tiles) {
  if (type == MmaType::tf32) {
    gather_words(operands, tiles);
    return convert_tiles<from_tf32>(depth, tiles);
  }
  gather_pairs(operands, depth, tiles);
  if (type == MmaType::f16) return convert_tiles<from_f16>(depth, tiles);
  convert_tiles<from_bf16>(depth, tiles);
}

using Row = float __attribute__((vector_size(32)));

// Products of two operands are exact in f32, so the sums have the same bits with and without fused multiply-add.
void complete_multiply(void* const* operands, std::uint32_t) {
  const auto& first = *static_cast<const MmaOperand*>(operands[0]);
  Tiles tiles{};
  load_tiles(operands, first.type, first.depth, tiles);
  for (int row = 0; row < 16; ++row) {
    float* d[4];
    Row sum;
    for (int t = 0; t < 4; ++t) {
      d[t] = static_cast<const MmaOperand*>(operands[row % 8 * 4 + t])->d + row / 8 * 2;
      sum[2 * t] = d[t][0];
      sum[2 * t + 1] = d[t][1];
    }
    for (int k = 0; k < first.depth; ++k) {
      Row b;
      std::memcpy(&b, tiles.b[k], sizeof b);
      sum += tiles.a[row][k] * b;
    }
    for (int t = 0; t < 4; ++t) {
      d[t][0] = sum[2 * t];
      d[t][1] = sum[2 * t + 1];
    }
  }
}

constexpr const char* kLoadNames[] = {"ldmatrix.x2", "ldmatrix.x2.trans", "ldmatrix.x4", "ldmatrix.x4.trans"};
constexpr const char* kMmaNames[] = {"mma.m16n8k8.f16",  "mma.m16n8k8.bf16",  "mma.m16n8k8.tf32",
                                     "mma.m16n8k16.f16", "mma.m16n8k16.bf16", "mma.m16n8k16.tf32"};

}  // namespace

void load_matrices(std::uint32_t* r, const void* row, int matrices, bool transposed, Site site) {
  const char* name = kLoadNames[(matrices == 4 ? 2 : 0) + (transposed ? 1 : 0)];
  const bool read = block->current().linear % 32 < static_cast<unsigned>(8 * matrices);
  if (read && reinterpret_cast<std::uintptr_t>(row) % 16 != 0) {
    fail_here(site, std::string(name) + " with a row address that is no multiple of 16");
  }
  if (read) touch(row, 16, Touch::read, site);
  LoadOperand operand{r, row, matrices, transposed};
  block->collective(name, kAll, &operand, complete_load, site);
}

void multiply(MmaType type, int depth, float* d, const std::uint32_t* a, const std::uint32_t* b, Site site) {
  MmaOperand operand{type, depth, d, a, b};
  block->collective(kMmaNames[static_cast<int>(type) + (depth == 16 ? 3 : 0)], kAll, &operand,
                    complete_multiply, site);
}

}  // namespace simt
