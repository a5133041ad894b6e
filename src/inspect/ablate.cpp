#include <algorithm>
#include <numeric>

#include "inspect/watch.h"
#include "nn/evaluation_mode.h"
#include "noyau/parallel.h"

namespace noyau::inline v0::inspect {
namespace {

std::vector<std::int64_t> chosen_units(const AblateOptions& options, std::int64_t units) {
  std::vector<std::int64_t> chosen = options.units;
  if (chosen.empty()) {
    chosen.resize(static_cast<std::size_t>(units));
    std::iota(chosen.begin(), chosen.end(), std::int64_t{0});
  }
  for (const std::int64_t unit : chosen)
    NOYAU_CHECK(unit >= 0 && unit < units, "ablate: unit ", unit, " is out of range for ", units, " units");
  return chosen;
}

std::vector<std::int32_t> classes_of(const Tensor& logits) {
  NOYAU_CHECK(logits.rank() == 2, "ablate: the network gives ", logits.shape(),
              " but must give [n, classes]");
  return argmax(logits).to_vector<std::int32_t>();
}

// A copy of y [.., units] with one unit constant; undefined where it is so already.
Tensor without(const Tensor& y, std::int64_t unit, float value) {
  const std::int64_t units = y.dim(-1), positions = y.size() / units;
  const float* const from = y.data<float>() + unit;
  bool changes = false;
  for (std::int64_t i = 0; i < positions && !changes; ++i) changes = from[i * units] != value;
  if (!changes) return {};
  const Tensor copy = y.clone();
  float* const to = copy.mutable_data<float>() + unit;
  for (std::int64_t i = 0; i < positions; ++i) to[i * units] = value;
  return copy;
}

class Surgeon {
 public:
  Surgeon(const Network& network, const std::string& layer, const AblateOptions& options, int classes)
      : network_(network), layer_(layer), options_(options) {
    result_.images.resize(static_cast<std::size_t>(classes));
    result_.right.resize(result_.images.size());
  }

  void operate(const Batch& batch, const Tensor& means) {
    std::vector<Tensor> outputs = watch(network_, batch.images, {layer_, "output"});
    const Device device = outputs[0].device();
    const Tensor y = outputs[0].to(Device()).to(Dtype::f32);
    if (result_.units.empty()) begin(y.dim(-1));
    const std::vector<std::int32_t> labels = batch.labels.to_vector<std::int32_t>();
    const std::vector<std::int32_t> before = classes_of(outputs[1]);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto label = static_cast<std::size_t>(labels[i]);
      result_.images[label] += 1;
      result_.right[label] += before[i] == labels[i] ? 1 : 0;
    }
    for (UnitEffect& effect : result_.units) {
      if (options_.stop && options_.stop()) throw Stopped();
      const float value = means ? means.data<float>()[effect.unit] : 0.0F;
      const Tensor changed = without(y, effect.unit, value);
      if (!changed) continue;
      const Tensor logits = detail::replace(
          network_.module(), [&] { return network_(batch.images); }, layer_,
          changed.to(outputs[0].dtype()).to(device));
      count(effect, labels, before, classes_of(logits));
    }
  }

  AblationResult result() && { return std::move(result_); }

 private:
  void begin(std::int64_t units) {
    const std::size_t classes = result_.images.size();
    for (const std::int64_t unit : chosen_units(options_, units))
      result_.units.push_back({unit, std::vector<std::int64_t>(classes), std::vector<std::int64_t>(classes)});
  }

  static void count(UnitEffect& effect, const std::vector<std::int32_t>& labels,
                    const std::vector<std::int32_t>& before, const std::vector<std::int32_t>& after) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const bool was = before[i] == labels[i], is = after[i] == labels[i];
      effect.lost[static_cast<std::size_t>(labels[i])] += was && !is ? 1 : 0;
      effect.gained[static_cast<std::size_t>(labels[i])] += is && !was ? 1 : 0;
    }
  }

  const Network& network_;
  const std::string& layer_;
  const AblateOptions& options_;
  AblationResult result_;
};

Tensor unit_means(const Network& network, const Dataset& images, const std::string& layer,
                  const AblateOptions& options) {
  const OutputOptions measured{.batch = options.batch, .device = options.device, .stop = options.stop};
  return mean(measure_outputs(network, images, {layer}, measured)[0].mean, {0});
}

}  // namespace

double UnitEffect::drop(std::int64_t images) const {
  const auto net = std::accumulate(lost.begin(), lost.end(), std::int64_t{0}) -
                   std::accumulate(gained.begin(), gained.end(), std::int64_t{0});
  return images > 0 ? static_cast<double>(net) / static_cast<double>(images) : 0;
}

AblationResult ablate(const Network& network, const Dataset& images, const std::string& layer,
                      const AblateOptions& options) {
  NOYAU_CHECK(!images.empty(), "inspect: the data set is empty");
  NOYAU_CHECK(!is_end(network, layer, "input") && !is_end(network, layer, "output"), "ablate: '", layer,
              "' is no layer; name one inside the network");
  const EvaluationMode mode(network.module());
  const NoGrad off;
  const Tensor means =
      options.ablation == Ablation::mean ? unit_means(network, images, layer, options) : Tensor();
  const Loader loader(images, {.batch = options.batch, .device = options.device, .prefetch = 0});
  Surgeon surgeon(network, layer, options, static_cast<int>(images.info().classes.size()));
  for (const Batch& batch : loader.epoch(0)) surgeon.operate(batch, means);
  return std::move(surgeon).result();
}

std::vector<CausalUnit> causal_units(const AblationResult& result, double level) {
  std::vector<CausalUnit> all;
  std::vector<double> p;
  for (const UnitEffect& effect : result.units) {
    for (std::size_t c = 0; c < effect.lost.size(); ++c) {
      if (result.images[c] == 0) continue;
      const double net = static_cast<double>(effect.lost[c] - effect.gained[c]);
      all.push_back({.unit = effect.unit,
                     .label = static_cast<int>(c),
                     .drop = net / static_cast<double>(result.images[c])});
      p.push_back(stats::mcnemar(effect.lost[c], effect.gained[c]).mid);
    }
  }
  const std::vector<double> adjusted = stats::holm(p);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].p = adjusted[i];
  std::erase_if(all, [&](const CausalUnit& u) { return u.p >= 1 - level || u.drop <= 0; });
  std::stable_sort(all.begin(), all.end(),
                   [](const CausalUnit& a, const CausalUnit& b) { return a.drop > b.drop; });
  return all;
}

}  // namespace noyau::inline v0::inspect
