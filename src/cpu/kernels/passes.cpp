// Batch normalisation, pooling and dropout of one instruction set; see isa.h.
#include "cpu/kernels/passes.h"

#include "cpu/instruction_sets.h"
#include "cpu/kernels/norm_add.h"
#include "cpu/kernels/norm_block.h"
#include "cpu/kernels/normalize.h"

namespace noyau::inline v0 {

template <class Isa, class T>
void add_passes(IsaTable<T>& table) {
  table.batch_moments = batch_moments<Isa, T>;
  table.norm_block_forward = norm_block_forward<Isa, T>;
  table.norm_block_dropout = norm_block_dropout<Isa, T>;
  table.norm_block_sums = norm_block_sums<Isa, T>;
  table.norm_block_input_gradient = norm_block_input_gradient<Isa, T>;
  table.norm_block_rest_gradient = norm_block_rest_gradient<Isa, T>;
  table.norm_add_forward = norm_add_forward<Isa, T>;
  table.norm_add_sums = norm_add_sums<Isa, T>;
  table.max_2x2 = max_2x2<Isa, T>;
  table.max_2x2_gradient = max_2x2_gradient<Isa, T>;
  table.dropout = dropout<Isa, T>;
}

template void add_passes<NOYAU_KERNELS_FOR>(IsaTable<float>&);
template void add_passes<NOYAU_KERNELS_FOR>(IsaTable<double>&);

}  // namespace noyau::inline v0
