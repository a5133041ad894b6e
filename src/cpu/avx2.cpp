// Compiled with AVX2 and FMA enabled on x86-64, left out elsewhere; see isa.h.
#include "cpu/kernels/table.h"

namespace noyau::inline v0 {
namespace {

struct Avx2 {
  static constexpr const char* kName = "avx2";
  static constexpr int kVectorBytes = 32;
  static constexpr int kPixels = 6;  // of a tile, times kVectors
  static constexpr int kVectors = 2;
  static constexpr int kKernelRows = 6;  // of a tile of dkernel, times kVectors
};

}  // namespace

template <>
IsaTable<float> avx2_table() {
  return make_table<Avx2, float>();
}
template <>
IsaTable<double> avx2_table() {
  return make_table<Avx2, double>();
}

}  // namespace noyau::inline v0
