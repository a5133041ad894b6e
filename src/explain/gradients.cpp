// Attributions from the gradient of the score with respect to the image.
#include <cmath>
#include <numbers>

#include "explain/subject.h"
#include "nn/exact_convolution.h"

namespace noyau::inline v0 {
namespace {

// One gradient: on even regions rounding would decide where max pools send it, so that convolutions are exact.
Tensor in_batches(std::string_view caller, const NetworkView& net, const Tensor& x, const Target& target,
                  Score score, const BackwardRules* rules = nullptr) {
  check_images(caller, x, target);
  const Evaluating mode(net);
  const ExactConvolutions exact;
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    return input_gradient(net, slice(x, 0, begin, end), target.rows(begin, end), score, rules).gradient;
  });
}

// Nodes and weights on [0, 1]. Newton's method from the usual first guess of the roots of Legendre's polynomial.
struct Nodes {
  std::vector<double> at, weight;
};

Nodes gauss_legendre(int count) {
  Nodes nodes;
  for (int i = 0; i < count; ++i) {
    double root = std::cos(std::numbers::pi * (i + 0.75) / (count + 0.5));
    double slope = 1;
    for (int iteration = 0; iteration < 100; ++iteration) {
      double before = 1;
      double value = root;
      for (int k = 2; k <= count; ++k) {
        const double next = ((2 * k - 1) * root * value - (k - 1) * before) / k;
        before = value;
        value = next;
      }
      slope = count * (root * value - before) / (root * root - 1);
      const double step = value / slope;
      root -= step;
      if (std::abs(step) < 1e-15) break;
    }
    nodes.at.push_back((1 - root) / 2);
    nodes.weight.push_back(1 / ((1 - root * root) * slope * slope));
  }
  return nodes;
}

Nodes midpoints(int count) {
  Nodes nodes;
  for (int i = 0; i < count; ++i) {
    nodes.at.push_back((i + 0.5) / count);
    nodes.weight.push_back(1.0 / count);
  }
  return nodes;
}

// Mean gradient between baseline and x, several nodes at a time when there are few images.
Tensor mean_gradient(const NetworkView& net, const Tensor& x, const Tensor& baseline, const Tensor& weights,
                     Score score, const Nodes& nodes) {
  const std::int64_t n = x.dim(0);
  const auto count = static_cast<std::int64_t>(nodes.at.size());
  const std::int64_t together = std::max<std::int64_t>(1, kRows / n);
  const Tensor way = x - baseline;
  Tensor total;
  for (std::int64_t begin = 0; begin < count; begin += together) {
    std::vector<Tensor> images;
    std::vector<Tensor> targets;
    for (std::int64_t i = begin; i < std::min(count, begin + together); ++i) {
      images.push_back(baseline + way * nodes.at[static_cast<std::size_t>(i)]);
      targets.push_back(weights);
    }
    const Tensor g = input_gradient(net, concat(images, 0), concat(targets, 0), score);
    for (std::int64_t i = begin; i < std::min(count, begin + together); ++i) {
      const Tensor part =
          slice(g, 0, (i - begin) * n, (i - begin + 1) * n) * nodes.weight[static_cast<std::size_t>(i)];
      total = total.defined() ? total + part : part;
    }
  }
  return total;
}

// Noise [1, h, w, c] times noise * (max - min) of each image.
Tensor noisy(const Tensor& x, double noise, std::uint64_t seed, int sample) {
  Generator generator = stream(seed, static_cast<std::uint64_t>(sample));
  const Tensor normals = normal({1, x.dim(1), x.dim(2), x.dim(3)}, 0, 1, {x.dtype(), x.device()}, generator);
  const Axes all{1, 2, 3};
  return x + normals * ((max(x, all, true) - min(x, all, true)) * noise);
}

}  // namespace

Tensor saliency(const NetworkView& net, const Tensor& x, const AttributionOptions& options) {
  return in_batches("saliency", net, x, options.target, options.score);
}

Tensor input_times_gradient(const NetworkView& net, const Tensor& x, const AttributionOptions& options) {
  return x.detach() * in_batches("input_times_gradient", net, x, options.target, options.score);
}

Tensor guided_backpropagation(const NetworkView& net, const Tensor& x, const AttributionOptions& options) {
  const BackwardRules rules{{"relu", [](const TapeEntry& entry, const Tensor& dy) -> Grads {
                               return {entry.backward(relu(dy), entry.output)};
                             }}};
  return in_batches("guided_backpropagation", net, x, options.target, options.score, &rules);
}

Tensor deconvolution(const NetworkView& net, const Tensor& x, const AttributionOptions& options) {
  const BackwardRules rules{{"relu", [](const TapeEntry&, const Tensor& dy) -> Grads { return {relu(dy)}; }}};
  return in_batches("deconvolution", net, x, options.target, options.score, &rules);
}

Tensor smooth_grad(const NetworkView& net, const Tensor& x, const SmoothOptions& options) {
  check_images("smooth_grad", x, options.target);
  NOYAU_CHECK(options.samples > 0 && options.noise >= 0, "smooth_grad: ", options.samples,
              " samples with noise ", options.noise, "; at least 1 and 0");
  const Evaluating mode(net);
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor images = slice(x.detach(), 0, begin, end);
    const Tensor weights = weights_at(net, images, options.target.rows(begin, end));
    Tensor first = zeros(images.shape(), {x.dtype(), x.device()});
    Tensor second = first;
    for (int sample = 0; sample < options.samples; ++sample) {
      const Tensor g =
          input_gradient(net, noisy(images, options.noise, options.seed, sample), weights, options.score);
      first = first + (options.kind == SmoothKind::magnitude ? abs(g) : g);
      second = second + g * g;
    }
    const double share = 1.0 / options.samples;
    if (options.kind == SmoothKind::square) return second * share;
    if (options.kind == SmoothKind::variance) return relu(second * share - first * first * (share * share));
    return first * share;
  });
}

Attribution integrated_gradients(const NetworkView& net, const Tensor& x, const IntegratedOptions& options) {
  check_images("integrated_gradients", x, options.target);
  NOYAU_CHECK(options.steps > 0, "integrated_gradients: ", options.steps, " steps");
  const Evaluating mode(net);
  const Nodes nodes =
      options.rule == IntegralRule::midpoint ? midpoints(options.steps) : gauss_legendre(options.steps);
  std::vector<Tensor> differences;
  const Tensor values = by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor images = slice(x.detach(), 0, begin, end);
    const Tensor baseline = baseline_like(images, options.baseline);
    const Tensor weights = weights_at(net, images, options.target.rows(begin, end));
    differences.push_back(score_change(net, images, baseline, weights, options.score));
    return (images - baseline) * mean_gradient(net, images, baseline, weights, options.score, nodes);
  });
  return {values, sum(values, {1, 2, 3}), concat(differences, 0)};
}

Tensor pixel_map(const Tensor& attribution, PixelSum how) {
  check_images("pixel_map", attribution);
  const NoGrad off;
  if (how == PixelSum::sum) return sum(attribution, {3});
  return how == PixelSum::magnitude ? sum(abs(attribution), {3}) : max(abs(attribution), {3});
}

}  // namespace noyau::inline v0
