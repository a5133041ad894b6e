// Compiled with the flags of the project: SSE2 on x86-64; see isa.h.
#include "cpu/kernels/table.h"

namespace noyau::inline v0 {
namespace {

struct Baseline {
  static constexpr const char* kName = "baseline";
  static constexpr int kVectorBytes = 16;
  static constexpr int kPixels = 4;  // of a tile, times kVectors
  static constexpr int kVectors = 2;
  static constexpr int kKernelRows = 4;  // of a tile of dkernel, times kVectors
};

}  // namespace

template <>
IsaTable<float> baseline_table() {
  return make_table<Baseline, float>();
}
template <>
IsaTable<double> baseline_table() {
  return make_table<Baseline, double>();
}

}  // namespace noyau::inline v0
