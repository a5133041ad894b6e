#pragma once
// The in-place arithmetic of optimizers.
#include <array>
#include <vector>

#include "noyau/tensor.h"
#include "optim/optimizer_steps.h"

namespace noyau::inline v0 {

// The updates of one step, put off until the end of it, so that a kernel runs all of them at once.
template <class Step>
class StepBatch {
 public:
  // An undefined tensor stands for memory that the rule does not use; order as in the rule's Memory.
  void add(const Step& step, const Tensor& grad, const Tensor& parameter,
           const std::array<Tensor, kStepMemory>& memory);
  // Runs what was added, and forgets it.
  void run();

 private:
  struct Update {
    Step step;
    Tensor grad, parameter;
    std::array<Tensor, kStepMemory> memory;
  };
  // Updates [begin, end), which are of one device and dtype; `table` is kept from step to step.
  void run_group(const Update* begin, const Update* end, Tensor& table);

  std::vector<Update> updates_;
  std::vector<Tensor> tables_;
};

// average = keep * average + (1 - keep) * x
void blend(const Tensor& average, const Tensor& x, double keep);
void scale_in_place(const Tensor& x, double factor);
// Every element to [-largest, largest].
void limit_in_place(const Tensor& x, double largest);
// The sum of squares, f64 [], on the device of `x`: no wait for it.
Tensor square_sum(const Tensor& x);

}  // namespace noyau::inline v0
