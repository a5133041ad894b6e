#pragma once
// The in-place arithmetic of optimizers; undefined tensors stand for memory that a rule does not use.
#include "noyau/tensor.h"
#include "optim/optimizer_steps.h"

namespace noyau::inline v0 {

void sgd_update(const SgdStep& step, const Tensor& grad, const Tensor& velocity, const Tensor& parameter);
void adam_update(const AdamStep& step, const Tensor& grad, const Tensor& first, const Tensor& second,
                 const Tensor& largest, const Tensor& parameter);
void rms_prop_update(const RmsPropStep& step, const Tensor& grad, const Tensor& square, const Tensor& mean,
                     const Tensor& velocity, const Tensor& parameter);
// average = keep * average + (1 - keep) * x
void blend(const Tensor& average, const Tensor& x, double keep);
void scale_in_place(const Tensor& x, double factor);
// Every element to [-largest, largest].
void limit_in_place(const Tensor& x, double largest);
double square_sum(const Tensor& x);

}  // namespace noyau::inline v0
