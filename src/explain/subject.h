#pragma once
// What explainers share: runs of a network that leave it as it was, cut open at a layer.
#include "nn/observer.h"
#include "noyau/explain.h"

namespace noyau::inline v0 {

// Evaluation mode while it lives; nothing is written when the network is in it already.
class Evaluating {
 public:
  explicit Evaluating(const NetworkView& net);
  ~Evaluating();
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> before_;
};

// Throws unless `x` is a batch of images and `target` has a class for each.
void check_images(std::string_view caller, const Tensor& x, const Target& target = {});
// `layer`, or the default; throws on an unknown one, on one that gives no map, on one that runs more than once.
std::string resolve_layer(const NetworkView& net, const Tensor& x, const std::string& layer);

// [n, classes]: the factors of the outputs whose sum is the score.
Tensor target_weights(const Target& target, const Tensor& output);
// [n]: the scores.
Tensor scores_of(const Tensor& output, const Tensor& weights, Score score);

// An image batch seen at a layer.
struct Cut {
  Tensor activation;  // off the tape
  Tensor gradient;    // of the score; zeros where it does not depend on the layer
  Tensor scores;      // [n]
  Tensor weights;     // [n, classes], see target_weights()
};
Cut cut_at(const NetworkView& net, const Tensor& x, const std::string& layer, const Target& target,
           Score score);
// Activation of `layer` and output of the network, off the tape.
Tapped run_to(const NetworkView& net, const Tensor& x, const std::string& layer);
// Output of the network from activations of `layer` on; rows of x repeated as often as needed.
Tensor run_from(const NetworkView& net, const Tensor& x, const std::string& layer, const Tensor& activation);

// The gradient of the scores with respect to the images, all ops run unfused when `rules` replaces some.
struct InputGradient {
  Tensor gradient;
  Tensor scores;  // [n]
};
InputGradient input_gradient(const NetworkView& net, const Tensor& x, const Target& target, Score score,
                             const BackwardRules* rules = nullptr);
// The same for weights that are known; the gradient alone.
Tensor input_gradient(const NetworkView& net, const Tensor& x, const Tensor& weights, Score score,
                      const BackwardRules* rules = nullptr);
// target_weights() of the network's output for `x`.
Tensor weights_at(const NetworkView& net, const Tensor& x, const Target& target);
// [n]: scores of `x` less those of `baseline`.
Tensor score_change(const NetworkView& net, const Tensor& x, const Tensor& baseline, const Tensor& weights,
                    Score score);
// `baseline` repeated to the shape of `x`; zeros when undefined. Throws when it does not broadcast.
Tensor baseline_like(const Tensor& x, const Tensor& baseline);

// f(begin, end) for rows [begin, end), joined along the first axis.
template <class F>
Tensor by_rows(std::int64_t rows, std::int64_t step, F&& f) {
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    parts.push_back(f(begin, std::min(rows, begin + step)));
  }
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}
// Images run at a time.
inline constexpr std::int64_t kRows = 32;

// `x` [n, ...] with each row `times` times in a row.
Tensor repeat_rows(const Tensor& x, std::int64_t times);
// A rank-0 tensor like `x`.
inline Tensor constant(const Tensor& x, double value) { return full({}, value, {x.dtype(), x.device()}); }

}  // namespace noyau::inline v0
