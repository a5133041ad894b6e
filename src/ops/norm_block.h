#pragma once
// norm_block() in parts, for ops that contain one.
#include "ops/batch_norm.h"

namespace noyau::inline v0 {

// A norm block that ran, as its backward needs it.
struct NormBlockRun {
  NormOperands in;  // with the statistics that were used
  NormBlockDims dims;
  Tensor y;
  Tensor index;  // undefined where no cell was chosen, or unless it was asked for
};

// norm_block() off the tape; throws where it does.
NormBlockRun run_norm_block(const NormOperands& in, bool training, const NormBlockOptions& options,
                            Generator& generator, bool keeps_index);

// norm_block's d-input on the CPU, of all rows at once or of some images at a time; arrays are [c].
template <class T>
class NormBlockDinput {
 public:
  NormBlockDinput(const NormBlockDims& d, const T* mean, const T* variance, const T* gamma, const T* beta,
                  const T* dgamma, const T* dbeta);
  NormBlockDinput(const NormBlockDinput&) = delete;
  NormBlockDinput& operator=(const NormBlockDinput&) = delete;

  // Of the rows or images of `d`, where all pointers begin at the first.
  void run(const NormBlockDims& d, const T* x, const T* dy, const std::uint8_t* index, T* dx) const;

 private:
  NormChannels<T> channels_;
  NormShares<T> shares_;
  NormBlock<T> block_;
};

}  // namespace noyau::inline v0
