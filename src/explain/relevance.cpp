// Attributions that replace the gradient of single ops: LRP and DeepLIFT. What travels down is relevance per unit of
// activation, so that ops without a rule pass it by their gradient and R_x = x times what arrives.
#include "explain/subject.h"
#include "nn/exact_convolution.h"

namespace noyau::inline v0 {
namespace {

// x / y where |y| is not below `smallest`, else `other`.
Tensor quotient(const Tensor& x, const Tensor& y, double smallest, const Tensor& other) {
  const Tensor tiny = less(abs(y), constant(y, smallest));
  return where(tiny, other, x / where(tiny, constant(y, 1), y));
}

// R / (z + epsilon sign z)
Tensor stabilised(const Tensor& relevance, const Tensor& z, double epsilon) {
  const Tensor sign = where(less(z, constant(z, 0)), constant(z, -1), constant(z, 1));
  return relevance / (z + sign * epsilon);
}

// --- one linear op with other weights, forward and its adjoint
Tensor linear(const TapeEntry& entry, const Tensor& x, const Tensor& kernel, const Tensor& bias) {
  if (entry.name == "dense") return dense(x, kernel, bias);
  return conv2d(x, kernel, bias, std::any_cast<const Conv2dOptions&>(entry.options));
}

struct Sides {
  std::int64_t before, after, extra;  // padding, and rows that no window reaches
};

Sides sides_of(std::int64_t in, std::int64_t out, std::int64_t window, std::int64_t stride,
               std::int64_t dilation, const Padding& padding, std::int64_t before, std::int64_t after) {
  const std::int64_t covered = (out - 1) * stride + dilation * (window - 1) + 1;
  if (padding.kind == Padding::Kind::same) {
    const std::int64_t total = std::max<std::int64_t>(0, covered - in);
    before = total / 2;
    after = total - before;
  }
  return {before, after, in + before + after - covered};
}

Tensor adjoint(const TapeEntry& entry, const Tensor& x, const Tensor& kernel, const Tensor& dy) {
  if (entry.name == "dense") return matmul(dy, transpose(kernel));
  const auto& o = std::any_cast<const Conv2dOptions&>(entry.options);
  const Sides h = sides_of(x.dim(1), dy.dim(1), kernel.dim(0), o.stride.h, o.dilation.h, o.padding,
                           o.padding.top, o.padding.bottom);
  const Sides w = sides_of(x.dim(2), dy.dim(2), kernel.dim(1), o.stride.w, o.dilation.w, o.padding,
                           o.padding.left, o.padding.right);
  return conv2d_transpose(dy, kernel, {},
                          {.stride = o.stride,
                           .padding = Padding(h.before, h.after, w.before, w.after),
                           .dilation = o.dilation,
                           .groups = o.groups,
                           .output_padding = {h.extra, w.extra}});
}

Tensor positive(const Tensor& t) { return t.defined() ? relu(t) : t; }
Tensor negative(const Tensor& t) { return t.defined() ? neg(relu(neg(t))) : t; }

// Relevance per unit of x, from that per unit of the op's output.
Tensor gamma_message(const TapeEntry& entry, const Tensor& dy, const LrpOptions& options) {
  const auto raised = [&](const Tensor& t) { return t.defined() ? t + relu(t) * options.gamma : t; };
  const Tensor x = entry.inputs[0].detach();
  const Tensor kernel = raised(entry.inputs[1].detach());
  const Tensor bias = entry.inputs[2].defined() ? raised(entry.inputs[2].detach()) : Tensor();
  const Tensor z = linear(entry, x, kernel, bias);
  return adjoint(entry, x, kernel, stabilised(entry.output * dy, z, options.epsilon));
}

Tensor alpha_beta_message(const TapeEntry& entry, const Tensor& dy, const LrpOptions& options) {
  const Tensor x = entry.inputs[0].detach();
  const Tensor kernel = entry.inputs[1].detach();
  const Tensor bias = entry.inputs[2].defined() ? entry.inputs[2].detach() : Tensor();
  const Tensor up = positive(kernel);
  const Tensor down = negative(kernel);
  const Tensor relevance = entry.output * dy;
  const Tensor raising =
      linear(entry, positive(x), up, positive(bias)) + linear(entry, negative(x), down, {});
  const Tensor lowering =
      linear(entry, positive(x), down, negative(bias)) + linear(entry, negative(x), up, {});
  const Tensor for_it = stabilised(relevance, raising, options.epsilon) * options.alpha;
  const Tensor against = stabilised(relevance, lowering, options.epsilon) * (options.alpha - 1);
  const auto of = [&](const Tensor& same, const Tensor& other) {
    return adjoint(entry, x, same, for_it) - adjoint(entry, x, other, against);
  };
  return where(less(x, constant(x, 0)), of(down, up), of(up, down));
}

BackwardRules lrp_rules(const LrpOptions& options) {
  const BackwardRule rule = [options](const TapeEntry& entry, const Tensor& dy) -> Grads {
    Grads messages(entry.inputs.size());
    if (options.rule == LrpRule::gamma) {
      messages[0] = gamma_message(entry, dy, options);
    } else if (options.rule == LrpRule::alpha_beta) {
      messages[0] = alpha_beta_message(entry, dy, options);
    } else {
      messages[0] =
          entry.backward(stabilised(entry.output * dy, entry.output, options.epsilon), entry.output)[0];
    }
    return messages;
  };
  // f(x) = x times f(x) / x: the relevance of an element-wise function goes to its argument.
  const BackwardRule pass = [](const TapeEntry& entry, const Tensor& dy) -> Grads {
    return {dy * quotient(entry.output, entry.inputs[0].detach(), 1e-12, constant(dy, 0))};
  };
  BackwardRules rules{{"conv2d", rule}, {"dense", rule}};
  for (const char* name : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh"}) rules.emplace(name, pass);
  return rules;
}

// --- DeepLIFT: the first half of the rows are the images, the second their baselines
Tensor half_of(const Tensor& t, int which) {
  const std::int64_t n = t.dim(0) / 2;
  return slice(t, 0, which * n, (which + 1) * n);
}
Tensor twice(const Tensor& t) { return concat({t, t}, 0); }
Tensor change(const Tensor& t) { return twice(half_of(t, 0) - half_of(t, 1)); }
constexpr double kNoChange = 1e-10;

Grads rescale(const TapeEntry& entry, const Tensor& dy) {
  const Tensor dx = change(entry.inputs[0].detach());
  const Tensor gradient = entry.backward(dy, entry.output)[0];
  return {quotient(dy * change(entry.output), dx, kNoChange, gradient)};
}

// A maximum moves from the baseline's place to the image's: each is given the part of the change that it makes.
Grads rescale_max(const TapeEntry& entry, const Tensor& dy) {
  const Tensor y = half_of(entry.output, 0);
  const Tensor y0 = half_of(entry.output, 1);
  const Tensor largest = maximum(y, y0);
  const Tensor parts = entry.backward(dy * concat({largest - y0, y - largest}, 0), entry.output)[0];
  const Tensor gradient = entry.backward(dy, entry.output)[0];
  return {quotient(twice(half_of(parts, 0) + half_of(parts, 1)), change(entry.inputs[0].detach()), kNoChange,
                   gradient)};
}

BackwardRules deep_lift_rules(const DeepLiftOptions& options) {
  BackwardRules rules;
  if (options.rescale_max) rules.emplace("max_pool2d", rescale_max);
  for (const char* name : {"relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"})
    rules.emplace(name, rescale);
  return rules;
}

}  // namespace

Tensor lrp(const NetworkView& net, const Tensor& x, const LrpOptions& options) {
  check_images("lrp", x, options.target);
  NOYAU_CHECK(options.epsilon > 0 && options.gamma >= 0 && options.alpha >= 1, "lrp: epsilon ",
              options.epsilon, ", gamma ", options.gamma, ", alpha ", options.alpha,
              " must be > 0, >= 0, >= 1");
  const auto* const sequential = dynamic_cast<const Sequential*>(&net.module());
  const Sequential folded = sequential == nullptr ? Sequential() : fold(*sequential);
  const NetworkView view = sequential == nullptr ? net : NetworkView(folded);
  const BackwardRules rules = lrp_rules(options);
  const Evaluating mode(view);
  const ExactConvolutions exact;
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor images = slice(x.detach(), 0, begin, end);
    const Target target = options.target.rows(begin, end);
    return images * input_gradient(view, images, target, Score::logit, &rules).gradient;
  });
}

Attribution deep_lift(const NetworkView& net, const Tensor& x, const DeepLiftOptions& options) {
  check_images("deep_lift", x, options.target);
  const BackwardRules rules = deep_lift_rules(options);
  const Evaluating mode(net);
  const ExactConvolutions exact;
  std::vector<Tensor> differences;
  const Tensor values = by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor images = slice(x.detach(), 0, begin, end);
    const Tensor baseline = baseline_like(images, options.baseline);
    const Tensor weights = weights_at(net, images, options.target.rows(begin, end));
    differences.push_back(score_change(net, images, baseline, weights, Score::logit));
    const Tensor multipliers =
        input_gradient(net, concat({images, baseline}, 0), twice(weights), Score::logit, &rules);
    return (images - baseline) * half_of(multipliers, 0);
  });
  return {values, sum(values, {1, 2, 3}), concat(differences, 0)};
}

}  // namespace noyau::inline v0
