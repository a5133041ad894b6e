// Compiled with AVX-512 enabled on x86-64, left out elsewhere; see isa.h.
#include "cpu/kernels/table.h"

namespace noyau::inline v0 {
namespace {

struct Avx512 {
  static constexpr const char* kName = "avx512";
  static constexpr int kVectorBytes = 64;
  static constexpr int kPixels = 8;  // of a tile, times kVectors
  static constexpr int kVectors = 2;
  static constexpr int kKernelRows = 9;  // of a tile of dkernel, times kVectors
};

}  // namespace

template <>
IsaTable<float> avx512_table() {
  return make_table<Avx512, float>();
}
template <>
IsaTable<double> avx512_table() {
  return make_table<Avx512, double>();
}

}  // namespace noyau::inline v0
