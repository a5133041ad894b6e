// Direct convolutions of one instruction set; see isa.h.
#include "cpu/instruction_sets.h"
#include "cpu/kernels/correlate.h"
#include "cpu/kernels/kernel_gradient.h"

namespace noyau::inline v0 {

template <class Isa, class T>
void add_convolution(IsaTable<T>& table) {
  table.correlate = correlate<Isa, T>;
  table.kernel_gradient = kernel_gradient<Isa, T>;
}

template void add_convolution<NOYAU_KERNELS_FOR>(IsaTable<float>&);
template void add_convolution<NOYAU_KERNELS_FOR>(IsaTable<double>&);

}  // namespace noyau::inline v0
