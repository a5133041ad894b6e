// Matrix products of one instruction set; see isa.h.
#include "cpu/kernels/gemm.h"

#include "cpu/instruction_sets.h"

namespace noyau::inline v0 {

template <class Isa, class T>
void add_gemm(IsaTable<T>& table) {
  table.gemm_depth = kGemmDepth<Isa>;
  table.gemm = gemm<Isa, T>;
  table.gemm_pack = gemm_pack<Isa, T>;
}

template void add_gemm<NOYAU_KERNELS_FOR>(IsaTable<float>&);
template void add_gemm<NOYAU_KERNELS_FOR>(IsaTable<double>&);

}  // namespace noyau::inline v0
