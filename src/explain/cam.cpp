// Class activation maps from the activation and gradient of a layer.
#include <algorithm>

#include "explain/subject.h"
#include "symmetric_eigen.h"

namespace noyau::inline v0 {
namespace {

const Axes kPositions{1, 2};

// a / b where b is not 0, else 0.
Tensor ratio(const Tensor& a, const Tensor& b) {
  const Tensor zero = constant(b, 0);
  const Tensor none = equal_to(b, zero);
  return where(none, zero, a / where(none, constant(b, 1), b));
}

Tensor exp_scores(const Tensor& scores, const Tensor& like) {
  NOYAU_CHECK(scores.defined() && scores.rank() == 1 && scores.dim(0) == like.dim(0),
              "cam_from: times_exp_score needs one score an image");
  return reshape(exp(clamp(scores.to(like.dtype()), -80, 80)), {like.dim(0), 1, 1, 1});
}

// Weights [n, 1, 1, c]. exp(S) multiplies every derivative of exp(S) alike: alpha does not depend on it.
Tensor plus_plus_weights(const Tensor& a, const Tensor& g, const Tensor& scores, const CamOptions& options) {
  const Tensor zero = constant(g, 0);
  const Tensor positive = relu(g);
  const Tensor total = sum(a, kPositions, true);
  if (options.variant == GradCamPp::pytorch_grad_cam) {
    const Tensor square = g * g;
    const Tensor alpha = ratio(square, 2.0 * square + total * square * g + 1e-6);
    return sum(alpha * positive, kPositions, true);
  }
  Tensor alpha = where(equal_to(g, zero), zero, ratio(constant(g, 1), 2.0 + g * total));
  if (options.variant == GradCamPp::tf_keras_vis) alpha = ratio(alpha, sum(alpha, kPositions, true));
  if (options.variant == GradCamPp::authors) {
    const Tensor counted = where(less(zero, g), alpha, zero);
    alpha = ratio(alpha, sum(counted, kPositions, true));
  }
  const Tensor weights = sum(alpha * positive, kPositions, true);
  return options.times_exp_score ? weights * exp_scores(scores, weights) : weights;
}

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Projections of the rows of x (positions by channels) on their first principal axis, columns centred; its sign is such
// that positions with more activation in all get more.
Eigen::VectorXd first_component(const Matrix& x) {
  const Matrix centred = x.rowwise() - x.colwise().mean();
  Eigen::VectorXd projection;
  if (x.rows() <= x.cols()) {
    const SymmetricEigen eigen = symmetric_eigen(centred * centred.transpose());
    const Eigen::VectorXd axis = centred.transpose() * eigen.vectors.col(x.rows() - 1);
    projection = centred * axis / std::max(axis.norm(), 1e-300);
  } else {
    projection = centred * symmetric_eigen(centred.transpose() * centred).vectors.col(x.cols() - 1);
  }
  return projection.dot(centred.rowwise().sum()) < 0 ? Eigen::VectorXd(-projection) : projection;
}

Tensor principal_map(const Tensor& values) {
  const Tensor host = values.to(Device()).to(Dtype::f64);
  const std::int64_t positions = host.dim(1) * host.dim(2);
  const Tensor map = empty({host.dim(0), host.dim(1), host.dim(2)}, {Dtype::f64});
  for (std::int64_t n = 0; n < host.dim(0); ++n) {
    const Eigen::Map<const Matrix> x(host[n].data<double>(), positions, host.dim(3));
    Eigen::Map<Eigen::VectorXd>(map[n].mutable_data<double>(), positions) = first_component(x);
  }
  return map.to(values.device());
}

Tensor signed_map(CamMethod method, const Tensor& a, const Tensor& g, const Tensor& scores,
                  const CamOptions& options) {
  const auto weighted = [&](const Tensor& weights) { return sum(a * weights, {3}); };
  switch (method) {
    case CamMethod::cam:
      return weighted(sum(g, kPositions, true));
    case CamMethod::grad_cam:
      return weighted(mean(g, kPositions, true));
    case CamMethod::grad_cam_plus:
      return weighted(mean(relu(g), kPositions, true));
    case CamMethod::grad_cam_pp:
      return weighted(plus_plus_weights(a, g, scores, options));
    case CamMethod::hires_cam:
      return sum(a * g, {3});
    case CamMethod::layer_cam:
      return sum(a * relu(g), {3});
    case CamMethod::element_wise_cam:
      return sum(relu(a * g), {3});
    case CamMethod::xgrad_cam:
      return weighted(ratio(sum(a * g, kPositions, true), sum(a, kPositions, true)));
    case CamMethod::eigen_cam:
      return principal_map(a);
    case CamMethod::eigen_grad_cam:
      return principal_map(a * g);
  }
  fail("cam: no such method");
}

// CAM is defined where the score is w . mean(A): the gradient is then the same everywhere and for every A.
void check_linear_head(const NetworkView& net, const Tensor& x, const std::string& layer, const Cut& cut,
                       Score score) {
  const Tensor first = slice(slice(cut.gradient, 1, 0, 1), 2, 0, 1);
  const Tensor scale = max(abs(cut.gradient)) * 1e-4;
  const auto far = [&](const Tensor& g) { return max(abs(g - first) - scale).item<double>() > 0; };
  bool linear = score == Score::logit && !far(cut.gradient);
  if (linear) {
    const Tensor other = mul(cut.activation, -1.5);
    other.set_requires_grad(true);
    const Tensor scores = scores_of(run_from(net, x, layer, other), cut.weights, score);
    linear = !far(grad(scores, {other}, {.seed = ones(scores.shape(), {x.dtype(), x.device()})})[0]);
  }
  NOYAU_CHECK(linear, "cam: behind layer '", layer,
              "' there is more than global average pooling and one dense layer, or the score is no logit; "
              "Grad-CAM and HiResCAM need neither");
}

}  // namespace

void append(std::string& text, GradCamPp variant) {
  constexpr const char* kNames[] = {"tf_keras_vis", "pytorch_grad_cam", "paper", "authors"};
  text += kNames[static_cast<int>(variant)];
}

Tensor cam_from(CamMethod method, const Tensor& activation, const Tensor& gradient, const Tensor& scores,
                const CamOptions& options) {
  check_images("cam_from", activation);
  NOYAU_CHECK(gradient.defined() && gradient.shape() == activation.shape(), "cam_from: activation is ",
              activation.shape(), " but its gradient is ",
              gradient.defined() ? message(gradient.shape()) : "undefined");
  const NoGrad off;
  // The quotients of Grad-CAM++ are ill-conditioned near their poles.
  const bool exact = method == CamMethod::grad_cam_pp || method == CamMethod::xgrad_cam;
  const Dtype dtype = exact ? Dtype::f64 : activation.dtype();
  const Tensor map =
      signed_map(method, activation.detach().to(dtype), gradient.detach().to(dtype), scores, options);
  return (options.positive ? relu(map) : map).to(activation.dtype());
}

Tensor cam(CamMethod method, const NetworkView& net, const Tensor& x, const CamOptions& options) {
  check_images("cam", x, options.target);
  const std::string layer = resolve_layer(net, x, options.layer);
  const Evaluating mode(net);
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor images = slice(x, 0, begin, end);
    const Cut cut = cut_at(net, images, layer, options.target.rows(begin, end), options.score);
    if (method == CamMethod::cam) check_linear_head(net, images, layer, cut, options.score);
    return cam_from(method, cut.activation, cut.gradient, cut.scores, options);
  });
}

Tensor fused_layer_cam(const NetworkView& net, const Tensor& x, const std::vector<std::string>& layers,
                       const CamOptions& options) {
  NOYAU_CHECK(!layers.empty(), "fused_layer_cam: no layers");
  Tensor fused;
  for (const std::string& layer : layers) {
    CamOptions at_layer = options;
    at_layer.layer = layer;
    const Tensor map = layer_cam(net, x, at_layer);
    const Tensor scaled = tanh(2.0 * ratio(map, max(map, kPositions, true)));
    const Tensor large = resize(reshape(scaled, {map.dim(0), map.dim(1), map.dim(2), 1}),
                                {x.dim(1), x.dim(2)}, ResizeMode::bilinear);
    fused = fused.defined() ? maximum(fused, large) : large;
  }
  return reshape(fused, {x.dim(0), x.dim(1), x.dim(2)});
}

PlusPlusDiagnosis diagnose_plus_plus(const NetworkView& net, const Tensor& x, const CamOptions& options) {
  check_images("diagnose_plus_plus", x, options.target);
  const std::string layer = resolve_layer(net, x, options.layer);
  const Evaluating mode(net);
  const Cut cut = cut_at(net, x, layer, options.target, options.score);
  const Tensor g = cut.gradient;
  const Tensor product = g * sum(cut.activation, kPositions, true);
  const Tensor spread = max(g, kPositions) - min(g, kPositions);
  const Tensor largest = max(abs(g), kPositions);
  const auto share = [](const Tensor& condition) { return mean(condition.to(Dtype::f64)).item<double>(); };
  return {share(less(product, constant(g, -2))), min(abs(product + 2.0)).item<double>(),
          1 - share(less(largest * 1e-5, spread)), max(largest).item<double>()};
}

}  // namespace noyau::inline v0
