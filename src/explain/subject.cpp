#include "explain/subject.h"

#include <algorithm>

#include "noyau/names.h"

namespace noyau::inline v0 {
namespace {

// Records from the output of one module on, which becomes a leaf; what runs before it leaves no tape.
class Cutter : public Observer {
 public:
  explicit Cutter(const Module* target) : target_(target) { off_.emplace(); }
  Tensor output(const Module& module, const Tensor& y) override {
    if (&module != target_) return y;
    off_.reset();
    leaf_ = y.detach();
    leaf_.set_requires_grad(true);
    return leaf_;
  }
  bool watches(const Module& module) const override { return &module == target_; }
  const Tensor& leaf() const { return leaf_; }

 private:
  const Module* target_;
  std::optional<NoGrad> off_;
  Tensor leaf_;
};

// Keeps every module's output from being fused away.
class Unfused : public Observer {
 public:
  Tensor output(const Module&, const Tensor& y) override { return y; }
  bool watches(const Module&) const override { return true; }
};

void check_recording() {
  NOYAU_CHECK(grad_enabled(), "explain: gradients are switched off; a NoGrad is alive on this thread");
}

// Gradient of the sum of scores with respect to `leaf`; zeros where it does not depend on it.
Tensor gradient_of(const Tensor& scores, const Tensor& leaf, const BackwardRules* rules) {
  if (!scores.requires_grad()) return zeros(leaf.shape(), {leaf.dtype(), leaf.device()});
  GradOptions options;
  options.seed = ones(scores.shape(), {scores.dtype(), scores.device()});
  options.rules = rules;
  const Tensor g = grad(scores, {leaf}, options)[0];
  return g.defined() ? g : zeros(leaf.shape(), {leaf.dtype(), leaf.device()});
}

struct OnTape {
  Tensor leaf, output;
};

// The network's output for `x` as a leaf; `readable`: for backward rules, which need every op by itself and its inputs.
OnTape run_on_tape(const NetworkView& net, const Tensor& x, bool readable) {
  check_recording();
  const Tensor leaf = x.detach();
  leaf.set_requires_grad(true);
  if (!readable) return {leaf, net(leaf)};
  Unfused unfused;
  const Observing scope(unfused);
  const KeepTape keep;
  return {leaf, net(leaf)};
}

Tensor ids_of(const std::vector<std::int32_t>& ids, const Tensor& output) {
  const std::int64_t n = output.dim(0);
  const std::int64_t classes = output.dim(1);
  if (ids.empty()) return argmax(output, -1);
  for (const std::int32_t id : ids) {
    NOYAU_CHECK(id >= 0 && id < classes, "explain: target ", id, " is no class; the network has ", classes,
                " (0 to ", classes - 1, ")");
  }
  std::vector<std::int32_t> all = ids;
  if (ids.size() == 1) all.assign(static_cast<std::size_t>(n), ids[0]);
  return from_vector(all, {n}).to(output.device());
}

void check_count(const std::vector<std::int32_t>& ids, std::int64_t images) {
  NOYAU_CHECK(ids.size() <= 1 || static_cast<std::int64_t>(ids.size()) == images, "explain: ", ids.size(),
              " targets for ", images, " images");
}

std::vector<std::int32_t> rows_of(const std::vector<std::int32_t>& ids, std::int64_t begin,
                                  std::int64_t end) {
  if (ids.size() <= 1) return ids;
  return {ids.begin() + begin, ids.begin() + end};
}

}  // namespace

Target Target::difference(const Target& of, const Target& against) {
  NOYAU_CHECK(!of.against_ && !against.against_, "explain: a difference of differences of classes");
  Target target(of.ids_);
  target.against_ = against.ids_;
  return target;
}

Target Target::rows(std::int64_t begin, std::int64_t end) const {
  Target target(rows_of(ids_, begin, end));
  if (against_) target.against_ = rows_of(*against_, begin, end);
  return target;
}

void append(std::string& text, Score score) { text += score == Score::logit ? "logit" : "probability"; }

Evaluating::Evaluating(const NetworkView& net) {
  before_.emplace_back(&net.module(), net.module().training());
  for (const NamedModule& inside : net.module().modules()) {
    before_.emplace_back(inside.module, inside.module->training());
  }
  const bool any = std::ranges::any_of(before_, [](const auto& module) { return module.second; });
  if (any) net.module().train(false);
  if (!any) before_.clear();
}

// Outer modules come first, so that inner ones have the last word.
Evaluating::~Evaluating() {
  for (const auto& [module, training] : before_) module->train(training);
}

void check_images(std::string_view caller, const Tensor& x, const Target& target) {
  NOYAU_CHECK(x.defined() && x.rank() == 4 && is_floating(x.dtype()) && x.size() > 0, caller,
              ": expected images [n, h, w, c] as the network takes them, not ",
              x.defined() ? message(x) : "an undefined tensor", "; see preprocess() and normalize()");
  check_count(target.ids(), x.dim(0));
  if (target.against()) check_count(*target.against(), x.dim(0));
}

std::vector<MapLayer> map_layers(const NetworkView& net, const Tensor& x) {
  check_images("map_layers", x);
  const Evaluating mode(net);
  const NoGrad off;
  std::vector<MapLayer> layers;
  detail::observe(
      net.module(), [&] { return net(slice(x, 0, 0, 1)); },
      [&](const std::string& name, const Tensor& y) {
        if (y.rank() != 4 || y.dim(1) < 2 || y.dim(2) < 2) return;
        layers.push_back({name, net.module().at(name).kind(), y.dim(1), y.dim(2), y.dim(3)});
      });
  return layers;
}

std::string default_map_layer(const NetworkView& net, const Tensor& x) {
  static const std::vector<std::string> skipped{"max_pool", "average_pool", "dropout",    "spatial_dropout",
                                                "zero_pad", "resize",       "up_sampling"};
  const std::vector<MapLayer> layers = map_layers(net, x);
  const auto last = std::find_if(layers.rbegin(), layers.rend(), [&](const MapLayer& layer) {
    const bool groups = dynamic_cast<const Sequential*>(&net.module().at(layer.name)) != nullptr;
    return !groups && std::ranges::find(skipped, layer.kind) == skipped.end();
  });
  NOYAU_CHECK(last != layers.rend(),
              "explain: no layer of this network has a map of at least 2 x 2 positions; use a method that "
              "explains pixels (saliency, integrated_gradients, occlusion)");
  return last->name;
}

std::string resolve_layer(const NetworkView& net, const Tensor& x, const std::string& layer) {
  if (layer.empty()) return default_map_layer(net, x);
  std::vector<std::string> names;
  for (const MapLayer& candidate : map_layers(net, x)) names.push_back(candidate.name);
  const std::int64_t runs = std::ranges::count(names, layer);
  NOYAU_CHECK(runs <= 1, "explain: layer '", layer, "' runs ", runs, " times; its map is not defined");
  if (runs == 1) return layer;
  for (const NamedModule& inside : net.module().modules()) {
    NOYAU_CHECK(inside.name != layer, "explain: layer '", layer,
                "' gives no map of at least 2 x 2 positions; those that do: ", [&] {
                  std::string list;
                  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
                  return list;
                }());
  }
  fail_unknown("explain", "layer", layer, names);
}

Tensor target_weights(const Target& target, const Tensor& output) {
  NOYAU_CHECK(output.rank() == 2, "explain: the network gives ", output.shape(), ", not [n, classes]");
  const Tensor weights = one_hot(ids_of(target.ids(), output), output.dim(1), output.dtype());
  if (!target.against()) return weights;
  return weights - one_hot(ids_of(*target.against(), output), output.dim(1), output.dtype());
}

Tensor scores_of(const Tensor& output, const Tensor& weights, Score score) {
  return sum((score == Score::logit ? output : softmax(output)) * weights, {1});
}

Tensor class_scores(const NetworkView& net, const Tensor& x, const Target& target, Score score) {
  check_images("class_scores", x, target);
  const Evaluating mode(net);
  const NoGrad off;
  return by_rows(x.dim(0), kRows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor output = net(slice(x, 0, begin, end));
    return scores_of(output, target_weights(target.rows(begin, end), output), score);
  });
}

Cut cut_at(const NetworkView& net, const Tensor& x, const std::string& layer, const Target& target,
           Score score) {
  check_recording();
  Cutter cutter(&net.module().at(layer));
  Tensor output;
  {
    const Observing scope(cutter);
    output = net(x.detach());
  }
  const Tensor weights = target_weights(target, output.detach());
  const Tensor scores = scores_of(output, weights, score);
  return {cutter.leaf().detach(), gradient_of(scores, cutter.leaf(), nullptr), scores.detach(), weights};
}

Tapped run_to(const NetworkView& net, const Tensor& x, const std::string& layer) {
  const NoGrad off;
  return detail::tap(net.module(), [&] { return net(x); }, {layer});
}

Tensor run_from(const NetworkView& net, const Tensor& x, const std::string& layer, const Tensor& activation) {
  const Tensor rows = repeat_rows(x, activation.dim(0) / x.dim(0));
  return detail::replace(
      net.module(), [&] { return net(rows); }, layer, activation);
}

InputGradient input_gradient(const NetworkView& net, const Tensor& x, const Target& target, Score score,
                             const BackwardRules* rules) {
  const auto [leaf, output] = run_on_tape(net, x, rules != nullptr);
  const Tensor scores = scores_of(output, target_weights(target, output.detach()), score);
  return {gradient_of(scores, leaf, rules), scores.detach()};
}

Tensor input_gradient(const NetworkView& net, const Tensor& x, const Tensor& weights, Score score,
                      const BackwardRules* rules) {
  const auto [leaf, output] = run_on_tape(net, x, rules != nullptr);
  return gradient_of(scores_of(output, weights, score), leaf, rules);
}

Tensor weights_at(const NetworkView& net, const Tensor& x, const Target& target) {
  const NoGrad off;
  return target_weights(target, net(x));
}

Tensor score_change(const NetworkView& net, const Tensor& x, const Tensor& baseline, const Tensor& weights,
                    Score score) {
  const NoGrad off;
  return scores_of(net(x), weights, score) - scores_of(net(baseline), weights, score);
}

Tensor baseline_like(const Tensor& x, const Tensor& baseline) {
  if (!baseline.defined()) return zeros(x.shape(), {x.dtype(), x.device()});
  NOYAU_CHECK(broadcast_shapes("explain: baseline", baseline.shape(), x.shape()) == x.shape(),
              "explain: a baseline ", baseline.shape(), " for images ", x.shape());
  return broadcast_to(baseline.detach().to(x.dtype()).to(x.device()), x.shape());
}

Tensor repeat_rows(const Tensor& x, std::int64_t times) {
  if (times == 1) return x;
  std::vector<std::int32_t> rows;
  for (std::int32_t i = 0; i < x.dim(0); ++i) rows.insert(rows.end(), static_cast<std::size_t>(times), i);
  return gather(x, from_vector(rows, {static_cast<std::int64_t>(rows.size())}).to(x.device()), 0);
}

}  // namespace noyau::inline v0
