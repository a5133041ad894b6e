// Winograd convolutions of one instruction set; see isa.h.
#include "cpu/kernels/winograd.h"

#include "cpu/instruction_sets.h"
#include "cpu/kernels/winograd_gradient.h"

namespace noyau::inline v0 {

template <class Isa, class T>
void add_winograd(IsaTable<T>& table) {
  table.winograd_multiple = Isa::kPixels;
  table.winograd_kernel = winograd_kernel<Isa, T>;
  table.winograd_convolve = winograd_convolve<Isa, T>;
  table.winograd_sums = winograd_sums<Isa, T>;
  table.winograd_kernel_gradient = winograd_kernel_gradient<Isa, T>;
}

template void add_winograd<NOYAU_KERNELS_FOR>(IsaTable<float>&);
template void add_winograd<NOYAU_KERNELS_FOR>(IsaTable<double>&);

}  // namespace noyau::inline v0
