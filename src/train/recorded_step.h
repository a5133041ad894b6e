#pragma once
// A training step up to its gradients, replayed.
#include "noyau/data.h"
#include "noyau/recording.h"

namespace noyau::inline v0 {

class RecordedStep {
 public:
  // `learn` leaves gradients of a batch in `parameters`, which have none, and returns what is to be read.
  template <class Learn>
  RecordedStep(const std::vector<Tensor>& parameters, const Batch& batch, const Learn& learn)
      : parameters_(parameters),
        images_(batch.images.clone()),
        labels_(batch.labels.clone()),
        recording_(images_.device(), [this, learn] { result_ = learn(images_, labels_); }) {
    for (const Tensor& parameter : parameters_) gradients_.push_back(parameter.grad());
  }

  bool suits(const Batch& batch) const {
    return batch.images.shape() == images_.shape() && batch.labels.shape() == labels_.shape() &&
           batch.labels.dtype() == labels_.dtype();
  }

  Tensor run(const Batch& batch) {
    images_.copy_from(batch.images);
    labels_.copy_from(batch.labels);
    recording_.replay();
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].set_grad(gradients_[i]);
    return result_;
  }

 private:
  std::vector<Tensor> parameters_;
  std::vector<Tensor> gradients_;
  Tensor images_;
  Tensor labels_;
  Tensor result_;
  Recording recording_;  // last: it fills in result_
};

}  // namespace noyau::inline v0
