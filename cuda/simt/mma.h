#pragma once
// ldmatrix and mma.sync with the register layouts of the PTX manual (sections 9.7.14.5 and 9.7.14.5.15 of PTX ISA 8.5).
#include "language.h"

namespace simt {

// r[i] of lane l: elements 2 (l % 4) and the next of row l / 4 of matrix i; of its columns instead if transposed.
void load_matrices(std::uint32_t* r, const void* row, int matrices, bool transposed, Site site);

enum class MmaType { f16, bf16, tf32 };
// d [16, 8] += a [16, depth] b [depth, 8]. With g = lane / 4 and t = lane % 4: d[e] is element (g + 8 (e / 2),
// 2 t + e % 2); 16-bit a come in pairs (g + 8 (i % 2), 2 t + 8 (i / 2)), b in pairs (2 t + 8 i, g); tf32 a are
// (g + 8 (i % 2), t + 4 (i / 2)), b are (t + 4 i, g).
void multiply(MmaType type, int depth, float* d, const std::uint32_t* a, const std::uint32_t* b, Site site);

}  // namespace simt
