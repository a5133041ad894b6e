#include "noyau/loss.h"

#include "backend.h"
#include "ops/cross_entropy.h"

namespace noyau::inline v0 {
namespace {

Tensor joined(const Tensor& rows, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean:
      return mean(rows);
    case Reduction::sum:
      return sum(rows);
    case Reduction::none:
      break;
  }
  return rows;
}

void check_pair(const char* name, const Tensor& x, const Tensor& target) {
  check_operands(name, {{"x", x}, {"target", target}});
  NOYAU_CHECK(target.defined(), name, ": target is undefined");
  NOYAU_CHECK(x.shape() == target.shape(), name, ": x ", x.shape(), " and target ", target.shape(),
              " differ in shape");
}

void check_cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options) {
  check_operands("cross_entropy", {{"logits", logits}, {"class_weights", options.class_weights}});
  NOYAU_CHECK(targets.defined(), "cross_entropy: targets are undefined");
  NOYAU_CHECK(logits.rank() == 2 && logits.dim(1) > 0, "cross_entropy: logits ", logits.shape(),
              " are not [n, classes]");
  const bool ids = targets.dtype() == Dtype::i32 && targets.shape() == Shape{logits.dim(0)};
  const bool probabilities = targets.dtype() == logits.dtype() && targets.shape() == logits.shape();
  NOYAU_CHECK((ids || probabilities) && targets.device() == logits.device(), "cross_entropy: targets are ",
              targets, " for logits ", logits, "; give class ids, i32 [n], or probabilities like the logits");
  NOYAU_CHECK(options.label_smoothing >= 0 && options.label_smoothing < 1, "cross_entropy: label_smoothing ",
              options.label_smoothing, " is not in [0, 1)");
  NOYAU_CHECK(!options.class_weights.defined() || options.class_weights.shape() == Shape{logits.dim(1)},
              "cross_entropy: class_weights ", options.class_weights.shape(), " for ", logits.dim(1),
              " classes");
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options) {
  if (is_widened(logits))
    return cross_entropy(logits.to(Dtype::f32), is_widened(targets) ? targets.to(Dtype::f32) : targets,
                         options);
  check_cross_entropy(logits, targets, options);
  const Tensor rows = cross_entropy_rows(logits, targets, options.label_smoothing, options.class_weights);
  const bool weighted = options.class_weights.defined() && targets.dtype() == Dtype::i32;
  if (options.reduction != Reduction::mean || !weighted) return joined(rows, options.reduction);
  const Tensor chosen = one_hot(targets, logits.dim(1), logits.dtype());
  return div(sum(rows), sum(chosen * options.class_weights.detach()));
}

Tensor mean_squared_error(const Tensor& x, const Tensor& target, Reduction reduction) {
  check_pair("mean_squared_error", x, target);
  return joined(pow(sub(x, target), 2), reduction);
}

// c * (d - c / 2) with d = x - target and c = d limited to [-delta, delta].
Tensor huber(const Tensor& x, const Tensor& target, double delta, Reduction reduction) {
  check_pair("huber", x, target);
  NOYAU_CHECK(delta > 0, "huber: delta ", delta, " is not above 0");
  const Tensor distance = sub(x, target);
  const Tensor limited = clamp(distance, -delta, delta);
  return joined(mul(limited, sub(distance, mul(limited, 0.5))), reduction);
}

// target * -log(sigmoid(x)) + (1 - target) * -log(1 - sigmoid(x)): both terms are exact where they are small.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target, Reduction reduction) {
  check_pair("binary_cross_entropy", logits, target);
  return joined(target * softplus(neg(logits)) + (1.0 - target) * softplus(logits), reduction);
}

}  // namespace noyau::inline v0
