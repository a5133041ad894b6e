#pragma once
// Fills the table of one instruction set. See isa.h for the rules of this folder.
#include "cpu/kernels/binary.h"
#include "cpu/kernels/correlate.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/kernel_gradient.h"
#include "cpu/kernels/loops.h"
#include "cpu/kernels/normalize.h"
#include "cpu/kernels/passes.h"
#include "cpu/kernels/reduce.h"
#include "cpu/kernels/softmax.h"
#include "cpu/kernels/unary.h"

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
      .batch_moments = batch_moments<Isa, T>,
      .batch_normalize = batch_normalize<Isa, T>,
      .batch_gradient_sums = batch_gradient_sums<Isa, T>,
      .batch_input_gradient = batch_input_gradient<Isa, T>,
      .max_2x2 = max_2x2<Isa, T>,
      .max_2x2_gradient = max_2x2_gradient<Isa, T>,
      .dropout = dropout<Isa, T>,
      .unary_forward = unary_forward<Isa, T>,
      .unary_backward = unary_backward<Isa, T>,
      .binary = binary<Isa, T>,
      .reduce_row = reduce_row<Isa, T>,
      .reduce_columns = reduce_columns<Isa, T>,
      .softmax_forward = softmax_forward<Isa, T>,
      .softmax_backward = softmax_backward<Isa, T>,
      .log_sum_exp = log_sum_exp<Isa, T>,
      .scaled_exp = scaled_exp<Isa, T>,
  };
}

}  // namespace
}  // namespace noyau::inline v0
