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

// p - one_hot(label): the gradient of the cross-entropy with respect to the logits.
Tensor residuals(const NetworkView& net, const Tensor& x, const Tensor& labels) {
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor output = net(slice(x, 0, begin, end));
    return softmax(output) - one_hot(slice(labels, 0, begin, end), output.dim(1), output.dtype());
  });
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

Tensor last_layer_influence(const NetworkView& net, const Tensor& x, const Tensor& labels,
                            const Tensor& training_x, const Tensor& training_labels) {
  NOYAU_CHECK(labels.size() == x.dim(0) && training_labels.size() == training_x.dim(0),
              "last_layer_influence: ", labels.size(), " and ", training_labels.size(), " labels for ",
              x.dim(0), " and ", training_x.dim(0), " images");
  const Evaluating mode(net);
  const NoGrad off;
  // The gradient of kernel and bias is [h, 1] times the residual: their product is that of both products.
  const Tensor features = matmul(layer_features(net, x), transpose(layer_features(net, training_x)));
  return (features + 1.0) *
         matmul(residuals(net, x, labels), transpose(residuals(net, training_x, training_labels)));
}

}  // namespace noyau::inline v0
