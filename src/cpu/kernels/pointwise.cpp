// Elementwise functions, reductions and softmax of one instruction set; see isa.h.
#include "cpu/instruction_sets.h"
#include "cpu/kernels/binary.h"
#include "cpu/kernels/loops.h"
#include "cpu/kernels/reduce.h"
#include "cpu/kernels/softmax.h"
#include "cpu/kernels/unary.h"

namespace noyau::inline v0 {

template <class Isa, class T>
void add_pointwise(IsaTable<T>& table) {
  table.sum_parts = sum_parts<Isa, T>;
  table.unary_forward = unary_forward<Isa, T>;
  table.unary_backward = unary_backward<Isa, T>;
  table.binary = binary<Isa, T>;
  table.reduce_row = reduce_row<Isa, T>;
  table.reduce_columns = reduce_columns<Isa, T>;
  table.softmax_forward = softmax_forward<Isa, T>;
  table.softmax_backward = softmax_backward<Isa, T>;
  table.log_sum_exp = log_sum_exp<Isa, T>;
  table.scaled_exp = scaled_exp<Isa, T>;
}

template void add_pointwise<NOYAU_KERNELS_FOR>(IsaTable<float>&);
template void add_pointwise<NOYAU_KERNELS_FOR>(IsaTable<double>&);

}  // namespace noyau::inline v0
