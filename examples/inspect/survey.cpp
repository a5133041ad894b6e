#include "inspect/survey.h"

#include <algorithm>
#include <numeric>

namespace inspection {
namespace {

namespace in = noyau::inspect;
using noyau::message;

void say(const Effort& effort, const std::string& text) {
  if (effort.stop && effort.stop()) throw noyau::Stopped();
  if (effort.said) effort.said(text);
}

std::vector<std::string> names_of(noyau::Sequential& net, const noyau::DataInfo& info) {
  std::vector<std::string> layers = in::unit_layers(net, {info.height, info.width, info.channels});
  layers.insert(layers.begin(), "input");
  return layers;
}

Attribute attribute(const noyau::Dataset& images, const char* name, in::Attribute which) {
  Attribute result{name, in::attribute_ranges(images.images(), which)};
  const auto defined =
      std::count_if(result.targets.begin(), result.targets.end(), [](int t) { return t >= 0; });
  if (defined < 100) result.missing = message("only ", static_cast<long>(defined), " of the images have one");
  return result;
}

std::vector<Attribute> attributes_of(const noyau::Dataset& images) {
  Attribute classes{"class", images.labels().to_vector<std::int32_t>()};
  if (images.info().classes.size() < 2) classes.missing = "there is one class only";
  return {classes, attribute(images, "hue", in::Attribute::hue),
          attribute(images, "orientation", in::Attribute::orientation)};
}

LayerFacts facts_of(const in::LayerOutputs& outputs, const noyau::Dataset& images,
                    const std::vector<Attribute>& attributes, const Effort& effort) {
  LayerFacts facts{.name = outputs.name, .shape = outputs.shape};
  for (const Attribute& attribute : attributes) {
    say(effort, message("layer ", outputs.name, ": probing ", attribute.name));
    facts.probes.push_back(attribute.missing.empty()
                               ? in::linear_probe(outputs.features, attribute.targets, {.seed = effort.seed})
                               : in::ProbeResult());
  }
  facts.units =
      in::selectivity(outputs.mean, images.labels(), static_cast<int>(images.info().classes.size()));
  facts.health = in::health(outputs);
  return facts;
}

std::vector<LayerFacts> facts_of(const std::vector<in::LayerOutputs>& outputs, const noyau::Dataset& images,
                                 const std::vector<Attribute>& attributes, const Effort& effort) {
  std::vector<LayerFacts> facts;
  for (const in::LayerOutputs& layer : outputs) facts.push_back(facts_of(layer, images, attributes, effort));
  return facts;
}

std::vector<noyau::Tensor> features_of(const std::vector<in::LayerOutputs>& outputs) {
  std::vector<noyau::Tensor> features;
  for (const in::LayerOutputs& layer : outputs) features.push_back(layer.features);
  return features;
}

std::vector<std::int64_t> sampled_units(std::int64_t units, const Effort& effort, std::uint64_t layer) {
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(units));
  std::iota(chosen.begin(), chosen.end(), std::int64_t{0});
  if (effort.units == 0 || units <= effort.units) return chosen;
  noyau::Generator generator = noyau::stream(effort.seed, layer);
  chosen = noyau::permutation(units, generator);
  chosen.resize(static_cast<std::size_t>(effort.units));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

LayerCard card_of(noyau::SavedModel& model, const Survey& survey, const in::LayerOutputs& outputs,
                  std::size_t number, bool last, const noyau::Tensor& colours, const Effort& effort) {
  LayerCard card;
  const noyau::DataInfo& info = survey.info;
  card.field = in::receptive_field(model.net, {info.height, info.width, info.channels}, outputs.name);
  card.shown = sampled_units(outputs.units(), effort, number);
  for (const std::int64_t unit : card.shown) {
    const noyau::Size2 size(info.height, info.width);
    card.top.push_back(in::patches(outputs, unit, card.field, size, 9));
    card.deciles.push_back(in::patches(outputs, unit, card.field, size, 5, in::Pick::deciles));
  }
  if (!last) {
    say(effort, message("layer ", outputs.name, ": ablating ", card.shown.size(), " units"));
    const noyau::Dataset some = survey.images.first(effort.ablation);
    card.ablation = in::ablate(model.net, some, outputs.name, {.units = card.shown, .stop = effort.stop});
    card.causal = in::causal_units(card.ablation);
  }
  say(effort, message("layer ", outputs.name, ": maximising ", card.shown.size(), " units"));
  card.maximised =
      in::maximise(model.net, info, outputs.name, card.shown,
                   {.steps = effort.steps, .rate = 0.2, .seed = effort.seed, .stop = effort.stop}, colours);
  return card;
}

Filters filters_of(noyau::Sequential& net) {
  for (const noyau::NamedModule& inside : net.modules()) {
    const auto* conv = dynamic_cast<const noyau::Conv2d*>(inside.module);
    if (conv == nullptr) continue;
    const noyau::Tensor& kernel = conv->kernel;
    const bool sees_pixels = kernel.dim(2) == 1 || kernel.dim(2) == 3;
    return sees_pixels ? Filters{in::filter_types(kernel), in::filter_images(kernel)} : Filters{};
  }
  return {};
}

Map map_of(const std::vector<in::LayerOutputs>& outputs, const noyau::Dataset& images, const Effort& effort) {
  const in::LayerOutputs& layer = outputs[outputs.size() - std::min<std::size_t>(2, outputs.size())];
  const std::int64_t count = std::min(effort.mapped, images.size());
  Map map{.layer = layer.name, .labels = images.first(count).labels().to_vector<std::int32_t>()};
  if (count < 40) return map;
  say(effort, message("layer ", layer.name, ": mapping ", count, " images"));
  const noyau::Tensor reduced = in::pca(noyau::slice(layer.features, 0, 0, count), 50).scores;
  map.tsne = in::tsne(reduced, {.iterations = 500, .stop = effort.stop});
  map.quality = in::map_quality(reduced, map.tsne.points);
  return map;
}

}  // namespace

std::vector<LayerFacts> measure_layers(noyau::Sequential& net, const noyau::Dataset& images,
                                       const std::vector<Attribute>& attributes, const Effort& effort) {
  const auto outputs =
      in::measure_outputs(net, images, names_of(net, images.info()), {.features = 1024, .stop = effort.stop});
  return facts_of(outputs, images, attributes, effort);
}

Survey survey(noyau::SavedModel& model, const noyau::Dataset& images, const Effort& effort) {
  Survey result{.info = images.info(), .images = images, .attributes = attributes_of(images)};
  const std::vector<std::string> layers = names_of(model.net, result.info);
  const in::OutputOptions options{.features = 1024, .stop = effort.stop};
  say(effort, message("measuring ", layers.size() - 1, " layers on ", images.size(), " images"));
  const auto outputs = in::measure_outputs(model.net, images, layers, options);
  for (const noyau::Prediction& p :
       noyau::predictions(noyau::predict(model.net, images, {.stop = effort.stop}), images.labels()))
    result.right += p.correct() ? 1 : 0;
  noyau::seed(effort.seed);
  noyau::Sequential fresh = noyau::from_json(noyau::to_json(model.net));
  const auto control = in::measure_outputs(fresh, images, layers, options);
  result.trained = facts_of(outputs, images, result.attributes, effort);
  result.fresh = facts_of(control, images, result.attributes, effort);
  say(effort, "comparing layers");
  const std::vector<noyau::Tensor> features = features_of(outputs);
  result.cka = in::cka(features, features);
  result.filters = filters_of(model.net);
  result.fresh_filters = filters_of(fresh);
  const noyau::Tensor colours = in::colour_basis(images.images());
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    result.cards.push_back(card_of(model, result, outputs[i], i, i + 1 == outputs.size(), colours, effort));
    result.cards.back().cka_fresh =
        in::cka(std::span(&outputs[i].features, 1), std::span(&control[i].features, 1))[0];
  }
  result.map = map_of(outputs, images, effort);
  return result;
}

}  // namespace inspection
