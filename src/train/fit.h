#pragma once
// What fit() has to remember, and how it is written to a checkpoint and read back.
#include <chrono>

#include "noyau/train.h"

namespace noyau::inline v0 {

struct Stopwatch {
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

// What losses and probabilities are computed from: 16 bits are too few for a sum over classes.
inline Tensor in_f32(const Tensor& logits) {
  return logits.dtype() == Dtype::f16 || logits.dtype() == Dtype::bf16 ? logits.to(Dtype::f32) : logits;
}

struct FitProgress {
  std::vector<EpochReport> epochs;  // finished ones
  std::int64_t steps = 0;           // since training began
  std::int64_t batches = 0;         // of the epoch under way
  std::int64_t images = 0;          // of the epoch under way
  std::int64_t right = 0;           // of these, predicted right
  double loss_sum = 0;              // over these
  double seconds = 0;               // spent on the epoch under way
  double best_loss = 0;
  double loss_scale = LossScalerOptions().scale;  // of precision f16
  std::int64_t scaled_steps = 0;                  // since it changed
  std::int64_t best_epoch = 0;                    // from 1; 0: none
  std::vector<NamedTensor> best;                  // state of the best epoch, with restore_best

  void start_epoch() {
    batches = images = right = 0;
    loss_sum = seconds = 0;
  }
};

// Copies with storage of their own.
std::vector<NamedTensor> copies(const std::vector<NamedTensor>& tensors);
// Overwrites the elements of `to` with those of `from`, in order.
void assign(const std::vector<NamedTensor>& to, const std::vector<NamedTensor>& from);

// All that a checkpoint holds; the generator of this thread, from which dropout draws, belongs to it as well.
struct FitMemory {
  Module& module;
  Optimizer& optimizer;
  Ema* average;  // null without ema
  FitProgress& progress;
};

void save_fit(const std::string& path, const FitMemory& memory);
void load_fit(const std::string& path, const FitMemory& memory);

}  // namespace noyau::inline v0
