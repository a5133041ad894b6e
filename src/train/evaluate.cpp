#include <cmath>

#include "name_table.h"
#include "nn/evaluation_mode.h"
#include "train/fit.h"

namespace noyau::inline v0 {
namespace {

/// The images shifted by one pixel along the diagonal, mirrored at the border.
Tensor shifted(const Tensor& images, std::int64_t from) {
  const std::int64_t height = images.dim(1), width = images.dim(2);
  const Tensor padded = pad(images, {{0, 0}, {1, 1}, {1, 1}, {0, 0}}, PadMode::reflect);
  return slice(slice(padded, 1, from, from + height), 2, from, from + width);
}

/// Adds weight * probabilities of `images` and of their mirror images to `total`.
Tensor add_pair(const Network& network, const Tensor& total, const Tensor& images, double weight) {
  const Tensor both = add(softmax(in_f32(network(images))), softmax(in_f32(network(flip(images, {2})))));
  const Tensor weighted = mul(both, weight);
  return total ? add(total, weighted) : weighted;
}

Tensor outputs(const Network& network, const Tensor& images, Views views) {
  if (views == Views::one) return in_f32(network(images));
  if (views == Views::flip) return log(add_pair(network, {}, images, 0.5));
  Tensor total = add_pair(network, {}, images, 0.25);
  total = add_pair(network, total, shifted(images, 0), 0.125);
  total = add_pair(network, total, shifted(images, 2), 0.125);
  return log(total);
}

constexpr NameTable<Views, 3> kViews = {
    {{"none", Views::one}, {"flip", Views::flip}, {"flip-shift", Views::flip_shift}}};

}  // namespace

const std::vector<std::string>& view_names() {
  static const std::vector<std::string> names = names_of(kViews);
  return names;
}

Views views_named(std::string_view name) { return value_of(kViews, "predict", "views", name); }

Tensor predict(const Network& network, const Dataset& dataset, const PredictOptions& options) {
  NOYAU_CHECK(!dataset.empty(), "predict: the data set is empty");
  const EvaluationMode mode(network.module());
  const NoGrad no_grad;
  const Loader loader(dataset, {.batch = options.batch, .device = options.device, .prefetch = 0});
  std::vector<Tensor> parts;
  for (const Batch& batch : loader.epoch(0)) {
    if (options.stop && options.stop()) throw Stopped();
    parts.push_back(outputs(network, batch.images, options.views).to(Device()));
  }
  return concat(parts, 0);
}

Evaluation evaluate(const Network& network, const Dataset& dataset, const PredictOptions& options) {
  return evaluate(predict(network, dataset, options), dataset.labels());
}

Evaluation evaluate(const Tensor& logits, const Tensor& labels) {
  Evaluation result{.count = labels.size(), .logits = logits};
  for (const float value : logits.to(Dtype::f32).to_vector<float>())
    if (!std::isfinite(value)) return result;
  const std::vector<Prediction> rows = predictions(logits, labels);
  result.loss = negative_log_likelihood(rows);
  result.accuracy = accuracy(rows);
  result.top5 = top_k_accuracy(rows, 5);
  return result;
}

}  // namespace noyau::inline v0
