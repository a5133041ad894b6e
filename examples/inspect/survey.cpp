#include "inspect/survey.h"

#include <algorithm>
#include <numeric>

#include "inspect/pictures.h"

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

Filters filters_of(noyau::Sequential& net) {
  for (const noyau::NamedModule& inside : net.modules()) {
    const auto* conv = dynamic_cast<const noyau::Conv2d*>(inside.module);
    if (conv == nullptr) continue;
    const noyau::Tensor& kernel = conv->kernel;
    const bool sees_pixels = kernel.dim(2) == 1 || kernel.dim(2) == 3;
    return sees_pixels ? Filters{in::filter_types(kernel), filter_picture(in::filter_images(kernel))}
                       : Filters{};
  }
  return {};
}

}  // namespace

std::vector<LayerFacts> measure_layers(noyau::Sequential& net, const noyau::Dataset& images,
                                       const std::vector<Attribute>& attributes, const Effort& effort) {
  const auto outputs = in::measure_outputs(net, images, names_of(net, images.info()),
                                           {.features = 1024, .device = effort.device, .stop = effort.stop});
  return facts_of(outputs, images, attributes, effort);
}

Surveyor::Surveyor(noyau::SavedModel& model, noyau::Dataset images, Effort effort)
    : model_(model), images_(std::move(images)), effort_(std::move(effort)) {
  const std::vector<std::string> layers = names_of(model.net, images_.info());
  const in::OutputOptions options{.features = 1024, .device = effort_.device, .stop = effort_.stop};
  say(effort_, message("measuring ", layers.size() - 1, " layers on ", images_.size(), " images"));
  outputs_ = in::measure_outputs(model.net, images_, layers, options);
  noyau::seed(effort_.seed);
  fresh_ = noyau::from_json(noyau::to_json(model.net));
  fresh_.to(effort_.device);
  fresh_outputs_ = in::measure_outputs(fresh_, images_, layers, options);
  colours_ = in::colour_basis(images_.images());
}

Survey Surveyor::layers() {
  Survey result{.info = images_.info(), .images = images_.size(), .attributes = attributes_of(images_)};
  const noyau::Tensor logits =
      noyau::predict(model_.net, images_, {.device = effort_.device, .stop = effort_.stop});
  for (const noyau::Prediction& p : noyau::predictions(logits, images_.labels()))
    result.right += p.correct() ? 1 : 0;
  result.trained = facts_of(outputs_, images_, result.attributes, effort_);
  result.fresh = facts_of(fresh_outputs_, images_, result.attributes, effort_);
  say(effort_, "comparing layers");
  const std::vector<noyau::Tensor> features = features_of(outputs_);
  result.cka = in::cka(features, features);
  result.filters = filters_of(model_.net);
  result.fresh_filters = filters_of(fresh_);
  return result;
}

LayerCard Surveyor::card(std::size_t number) {
  const in::LayerOutputs& outputs = outputs_[number];
  const noyau::DataInfo& info = images_.info();
  LayerCard card;
  card.field = in::receptive_field(model_.net, {info.height, info.width, info.channels}, outputs.name);
  card.shown = sampled_units(outputs.units(), effort_, number);
  if (number + 1 < outputs_.size()) {  // the outputs themselves are not ablated
    say(effort_, message("layer ", outputs.name, ": ablating ", card.shown.size(), " units"));
    card.ablation = in::ablate(model_.net, images_.first(effort_.ablation), outputs.name,
                               {.units = card.shown, .device = effort_.device, .stop = effort_.stop});
    card.causal = in::causal_units(card.ablation);
  }
  say(effort_, message("layer ", outputs.name, ": maximising ", card.shown.size(), " units"));
  const in::Maximised maximised = in::maximise(model_.net, info, outputs.name, card.shown,
                                               {.steps = effort_.steps,
                                                .rate = 0.2,
                                                .seed = effort_.seed,
                                                .device = effort_.device,
                                                .stop = effort_.stop},
                                               colours_);
  card.maximised = maximised.value;
  const noyau::Size2 size(info.height, info.width);
  for (std::size_t i = 0; i < card.shown.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    const auto patches = [&](int count, in::Pick pick) {
      return in::cut(images_.images(), in::patches(outputs, card.shown[i], card.field, size, count, pick));
    };
    card.pictures.push_back(unit_picture(noyau::slice(maximised.images, 0, place, place + 1),
                                         patches(kAcross - 1, in::Pick::top),
                                         patches(kAcross, in::Pick::deciles)));
  }
  card.cka_fresh =
      in::cka(std::span(&outputs.features, 1), std::span(&fresh_outputs_[number].features, 1))[0];
  return card;
}

Map Surveyor::map() const {
  const in::LayerOutputs& layer = outputs_[outputs_.size() - std::min<std::size_t>(2, outputs_.size())];
  const std::int64_t count = std::min(effort_.mapped, images_.size());
  Map map{.layer = layer.name, .labels = images_.first(count).labels().to_vector<std::int32_t>()};
  if (count < 40) return map;
  say(effort_, message("layer ", layer.name, ": mapping ", count, " images"));
  const noyau::Tensor reduced = in::pca(noyau::slice(layer.features, 0, 0, count), 50).scores;
  const in::Tsne tsne = in::tsne(reduced, {.iterations = 500, .stop = effort_.stop});
  for (const float place : tsne.points.to_vector<float>()) map.points.push_back(static_cast<double>(place));
  map.kl = tsne.kl;
  map.quality = in::map_quality(reduced, tsne.points);
  return map;
}

Survey survey(noyau::SavedModel& model, const noyau::Dataset& images, const Effort& effort) {
  Surveyor surveyor(model, images, effort);
  Survey result = surveyor.layers();
  for (std::size_t i = 1; i <= surveyor.cards(); ++i) result.cards.push_back(surveyor.card(i));
  result.map = surveyor.map();
  return result;
}

}  // namespace inspection
