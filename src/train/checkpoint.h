#pragma once
// What the checkpoints of fit() and of save_checkpoint() share.
#include <map>

#include "noyau/serialize.h"
#include "noyau/train.h"

namespace noyau::inline v0 {

// What a step of training reads and changes; the generator of this thread, from which dropout draws, belongs to it too.
struct TrainingState {
  Module& module;
  Optimizer& optimizer;
  Ema* average = nullptr;
};

TensorFile checkpoint_of(const TrainingState& state);
// `value` in as many digits as give it back.
std::string text_of(double value);

// Reads a checkpoint; every method throws "where has no ..." on what is missing or does not fit.
class CheckpointReader {
 public:
  CheckpointReader(const TensorFile& file, std::string where);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  const Tensor& tensor(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  double number(const std::string& name) const;
  // Throws unless there is a tensor `prefix` + name of the same shape for each of `wanted`.
  void check(const std::vector<NamedTensor>& wanted, const std::string& prefix) const;
  void copy_to(const std::vector<NamedTensor>& tensors, const std::string& prefix) const;
  // Overwrites all of `state` and this thread's generator; nothing of the module when something does not fit.
  void restore(const TrainingState& state) const;

 private:
  void restore_optimizer(const TrainingState& state) const;
  std::uint64_t whole(const std::string& name) const;

  const TensorFile& file_;
  std::map<std::string, Tensor> tensors_;
  std::string where_;
};

}  // namespace noyau::inline v0
