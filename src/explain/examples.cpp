// Training examples behind a prediction.
#include "explain/subject.h"

namespace noyau::inline v0 {
namespace {

// The last layer whose output is not yet the network's: what the head reads.
std::string penultimate_layer(const NetworkView& net, const Tensor& x) {
  const NoGrad off;
  std::vector<std::pair<std::string, Tensor>> outputs;
  const Tensor y = detail::observe(
      net.module(), [&] { return net(slice(x, 0, 0, 1)); },
      [&](const std::string& name, const Tensor& output) { outputs.emplace_back(name, output); });
  for (auto it = outputs.rbegin(); it != outputs.rend(); ++it) {
    if (it->second.impl() != y.impl()) return it->first;
  }
  fail("layer_features: the network has no layer before its last; name one");
}

}  // namespace

Tensor layer_features(const NetworkView& net, const Tensor& x, const std::string& layer) {
  check_images("layer_features", x);
  const Evaluating mode(net);
  const NoGrad off;
  const std::string name = layer.empty() ? penultimate_layer(net, x) : layer;
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    return flatten(run_to(net, slice(x, 0, begin, end), name).taps[0]);
  });
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b) {
  NOYAU_CHECK(a.rank() == 2 && b.rank() == 2 && a.dim(1) == b.dim(1), "cosine_similarity: rows of ",
              a.shape(), " and ", b.shape());
  const NoGrad off;
  const auto unit = [](const Tensor& t) {
    const Tensor length = sqrt(sum(t * t, {1}, true));
    return t / maximum(length, constant(t, 1e-12));
  };
  return matmul(unit(a), transpose(unit(b)));
}

LastLayer last_layer(const NetworkView& net, const Tensor& x, const Tensor& labels) {
  check_images("last_layer", x);
  NOYAU_CHECK(labels.size() == x.dim(0), "last_layer: ", labels.size(), " labels for ", x.dim(0), " images");
  const Evaluating mode(net);
  const NoGrad off;
  const std::string name = penultimate_layer(net, x);
  std::vector<Tensor> features;
  std::vector<Tensor> residuals;
  for (std::int64_t begin = 0; begin < x.dim(0); begin += kRows) {
    const std::int64_t end = std::min(x.dim(0), begin + kRows);
    const Tapped run = run_to(net, slice(x, 0, begin, end), name);
    const Tensor truth = one_hot(slice(labels, 0, begin, end), run.output.dim(1), run.output.dtype());
    features.push_back(flatten(run.taps[0]));
    residuals.push_back(softmax(run.output) - truth);
  }
  return {concat(features, 0), concat(residuals, 0)};
}

Tensor last_layer_influence(const LastLayer& images, const LastLayer& training) {
  NOYAU_CHECK(images.features.dim(1) == training.features.dim(1) &&
                  images.residuals.dim(1) == training.residuals.dim(1),
              "last_layer_influence: features ", images.features.shape(), " and ", training.features.shape(),
              ", residuals ", images.residuals.shape(), " and ", training.residuals.shape());
  const NoGrad off;
  // The gradient of kernel and bias is [h, 1] times the residual: their product is that of both products.
  const Tensor features = matmul(images.features, transpose(training.features));
  return (features + 1.0) * matmul(images.residuals, transpose(training.residuals));
}

}  // namespace noyau::inline v0
