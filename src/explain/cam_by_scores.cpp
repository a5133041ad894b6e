// Class activation maps whose weights are found by running the network, without gradients.
#include <algorithm>
#include <cmath>

#include "explain/subject.h"

namespace noyau::inline v0 {
namespace {

// Channels run at a time.
constexpr std::int64_t kChannels = 64;

// Channels [begin, end) of one image's activation [1, h, w, c] as masks [end - begin, h, w, 1].
Tensor channel_maps(const Tensor& activation, std::int64_t begin, std::int64_t end) {
  return transpose(slice(activation, 3, begin, end), {3, 1, 2, 0});
}

// Masks in [0, 1] of the size of the images; `epsilon` keeps constant maps from a division by zero.
Tensor masks_of(const Tensor& maps, const Tensor& x, const ScoreCamOptions& options) {
  const bool paper = options.variant == ScoreCam::paper;
  const ResizeMode mode = paper ? ResizeMode::bilinear : ResizeMode::bilinear_align_corners;
  const double epsilon = options.variant == ScoreCam::tf_keras_vis ? 1e-7 : 1e-8;
  const Tensor large = resize(maps, {x.dim(1), x.dim(2)}, mode);
  const Tensor low = min(large, {1, 2, 3}, true);
  return (large - low) / (max(large, {1, 2, 3}, true) - low + epsilon);
}

// [channels] of one image: the score of the image seen through each channel.
Tensor masked_scores(const NetworkView& net, const Tensor& x, const Tensor& baseline,
                     const Tensor& activation, const Tensor& weights, const ScoreCamOptions& options) {
  const Score score = options.variant == ScoreCam::pytorch_grad_cam ? Score::logit : Score::probability;
  return by_rows(activation.dim(3), kChannels, [&](std::int64_t begin, std::int64_t end) {
    const Tensor masks = masks_of(channel_maps(activation, begin, end), x, options);
    const Tensor output = net(baseline + masks * (x - baseline));
    return scores_of(output, broadcast_to(weights, output.shape()), score);
  });
}

// Weights [channels] of one image.
Tensor score_weights(const NetworkView& net, const Tensor& x, const Tensor& baseline,
                     const Tensor& activation, const Tensor& weights, const ScoreCamOptions& options) {
  const Tensor scores = masked_scores(net, x, baseline, activation, weights, options);
  if (options.variant == ScoreCam::tf_keras_vis) return scores;
  return softmax(scores - (options.variant == ScoreCam::paper
                               ? scores_of(net(baseline), weights, Score::probability)
                               : constant(scores, 0)));
}

Tensor weighted_sum(const Tensor& activation, const Tensor& weights, bool positive) {
  const Tensor map = sum(activation * weights, {3});
  return positive ? relu(map) : map;
}

// Scores [channels] of one image without each channel of its activation in turn.
Tensor ablated_scores(const NetworkView& net, const Tensor& x, const std::string& layer,
                      const Tensor& activation, const Tensor& weights, Score score) {
  const std::int64_t channels = activation.dim(3);
  const Tensor floor = minimum(min(activation), constant(activation, 0));
  return by_rows(channels, kChannels, [&](std::int64_t begin, std::int64_t end) {
    const Tensor ids = slice(arange(channels, {Dtype::i32, x.device()}), 0, begin, end);
    const Tensor out = reshape(one_hot(ids, channels, x.dtype()), {end - begin, 1, 1, channels});
    const Tensor output = run_from(net, x, layer, activation * (1.0 - out) + out * floor);
    return scores_of(output, broadcast_to(weights, output.shape()), score);
  });
}

}  // namespace

Tensor score_cam(const NetworkView& net, const Tensor& x, const ScoreCamOptions& options) {
  check_images("score_cam", x, options.target);
  const std::string layer = resolve_layer(net, x, options.layer);
  const Evaluating mode(net);
  const NoGrad off;
  return by_rows(x.dim(0), 1, [&](std::int64_t n, std::int64_t end) {
    const Tensor one = slice(x, 0, n, end);
    const Tapped run = run_to(net, one, layer);
    const Tensor weights = target_weights(options.target.rows(n, end), run.output);
    const Tensor baseline = baseline_like(one, options.baseline);
    return weighted_sum(run.taps[0], score_weights(net, one, baseline, run.taps[0], weights, options),
                        options.positive);
  });
}

Tensor ablation_cam(const NetworkView& net, const Tensor& x, const CamOptions& options) {
  check_images("ablation_cam", x, options.target);
  const std::string layer = resolve_layer(net, x, options.layer);
  const Evaluating mode(net);
  const NoGrad off;
  return by_rows(x.dim(0), 1, [&](std::int64_t n, std::int64_t end) {
    const Tensor one = slice(x, 0, n, end);
    const Tapped run = run_to(net, one, layer);
    const Tensor weights = target_weights(options.target.rows(n, end), run.output);
    const Tensor whole = scores_of(run.output, weights, options.score);
    const Tensor without = ablated_scores(net, one, layer, run.taps[0], weights, options.score);
    const double size = std::max(std::abs(whole.item<double>()), 1e-12);
    return weighted_sum(run.taps[0], (whole - without) / size, options.positive);
  });
}

}  // namespace noyau::inline v0
