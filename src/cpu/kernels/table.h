#pragma once
// Fills the table of one instruction set. See isa.h for the rules of this folder.
#include "cpu/kernels/correlate.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/kernel_gradient.h"
#include "cpu/kernels/loops.h"

namespace noyau::inline v0 {
namespace {

template <class Isa, class T>
IsaTable<T> make_table() {
  return {
      .name = Isa::kName,
      .channels_per_block = Isa::kVectors * kLanes<Isa, T>,
      .correlate = correlate<Isa, T>,
      .kernel_gradient = kernel_gradient<Isa, T>,
      .gemm = gemm<Isa, T>,
      .gemm_pack = gemm_pack<Isa, T>,
      .sum_parts = sum_parts<Isa, T>,
  };
}

}  // namespace
}  // namespace noyau::inline v0
