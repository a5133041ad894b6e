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
  float a[16][16];
  float b[16][8];
};

template <float (*convert)(std::uint32_t)>
void gather_pairs(void* const* operands, int depth, Tiles& tiles) {
  for (int l = 0; l < 32; ++l) {
    const auto& o = *static_cast<const MmaOperand*>(operands[l]);
    const int g = l / 4, t = 2 * (l % 4);
    for (int i = 0; i < depth / 4; ++i) {
      float* pair = &tiles.a[g + 8 * (i % 2)][t + 8 * (i / 2)];
      pair[0] = convert(o.a[i] & 0xffff);
      pair[1] = convert(o.a[i] >> 16);
    }
    for (int i = 0; i < depth / 8; ++i) {
      tiles.b[t + 8 * i][g] = convert(o.b[i] & 0xffff);
      tiles.b[t + 8 * i + 1][g] = convert(o.b[i] >> 16);
    }
  }
}

// The tensor core reads the upper 19 bits of each operand.
float from_tf32(std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000); }

void gather_tf32(void* const* operands, Tiles& tiles) {
  for (int l = 0; l < 32; ++l) {
    const auto& o = *static_cast<const MmaOperand*>(operands[l]);
    const int g = l / 4, t = l % 4;
    for (int i = 0; i < 4; ++i) tiles.a[g + 8 * (i % 2)][t + 4 * (i / 2)] = from_tf32(o.a[i]);
    for (int i = 0; i < 2; ++i) tiles.b[t + 4 * i][g] = from_tf32(o.b[i]);
  }
}

using Row = float __attribute__((vector_size(32)));

void complete_multiply(void* const* operands, std::uint32_t) {
  const auto& first = *static_cast<const MmaOperand*>(operands[0]);
  Tiles tiles;
  switch (first.type) {
    case MmaType::f16:
      gather_pairs<from_f16>(operands, first.depth, tiles);
      break;
    case MmaType::bf16:
      gather_pairs<from_bf16>(operands, first.depth, tiles);
      break;
    case MmaType::tf32:
      gather_tf32(operands, tiles);
      break;
  }
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
