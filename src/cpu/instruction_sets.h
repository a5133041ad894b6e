#pragma once
// The instruction sets that kernels are compiled for, and the register tiles that suit them.
#include "cpu/isa.h"

namespace noyau::inline v0 {

struct Avx512 {
  static constexpr const char* kName = "avx512";
  static constexpr int kVectorBytes = 64;
  static constexpr int kPixels = 8;  // of a tile, times kVectors
  static constexpr int kVectors = 2;
  static constexpr int kKernelRows = 9;  // of a tile of dkernel, times kVectors
};

struct Avx2 {
  static constexpr const char* kName = "avx2";
  static constexpr int kVectorBytes = 32;
  static constexpr int kPixels = 6;
  static constexpr int kVectors = 2;
  static constexpr int kKernelRows = 6;
};

// SSE2 on x86-64.
struct Baseline {
  static constexpr const char* kName = "baseline";
  static constexpr int kVectorBytes = 16;
  static constexpr int kPixels = 4;
  static constexpr int kVectors = 2;
  static constexpr int kKernelRows = 4;
};

// Each fills in the entries of one file of kernels/, which is compiled once for each instruction set.
template <class Isa, class T>
void add_convolution(IsaTable<T>& table);
template <class Isa, class T>
void add_winograd(IsaTable<T>& table);
template <class Isa, class T>
void add_gemm(IsaTable<T>& table);
template <class Isa, class T>
void add_passes(IsaTable<T>& table);
template <class Isa, class T>
void add_pointwise(IsaTable<T>& table);

}  // namespace noyau::inline v0
