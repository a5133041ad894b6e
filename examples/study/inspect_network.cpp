#include "study/inspect_network.h"

#include <algorithm>
#include <filesystem>

#include "inspect/survey_json.h"

namespace study {
namespace {

using inspection::Survey;
using noyau::message;

constexpr std::int64_t kFewest = 40;         // images that probes and maps need
constexpr std::uint64_t kSeed = 0x6c617965;  // of samples and fresh weights

std::string card_name(std::size_t number) { return message("card/", number); }

std::string picture_path(const std::string& folder, const std::string& id, const std::string& name) {
  return message(folder, "/layers/", id, "-", name, ".png");
}

// Equally many images of each class in a random order; nothing where there are too few.
noyau::Dataset sample_of(const noyau::Dataset& test, const noyau::DataInfo& info, std::int64_t count) {
  std::int64_t per_class = count / static_cast<std::int64_t>(info.classes.size());
  for (const std::int64_t there : test.counts()) per_class = std::min(per_class, there);
  if (per_class * static_cast<std::int64_t>(info.classes.size()) < kFewest) return {};
  const noyau::Dataset images = test.subset(per_class, kSeed);
  noyau::Generator generator = noyau::stream(kSeed, 0);
  return images.select(noyau::permutation(images.size(), generator)).with_info(info);
}

bool complete(const PartMap& parts) {
  const auto layers = parts.find("layers");
  if (layers == parts.end()) return false;
  if (layers->second.contains("missing")) return true;
  for (std::size_t i = 1; i < layers->second["trained"].size(); ++i)
    if (!parts.contains(card_name(i))) return false;
  return parts.contains("map");
}

std::string picture(const std::string& folder, const std::string& id, const std::string& name) {
  const std::string path = picture_path(folder, id, name);
  return std::filesystem::exists(path) ? programs::read_file(path, programs::Exit::data) : std::string();
}

}  // namespace

void inspect_network(noyau::SavedModel& model, const noyau::Dataset& test, const LayerSizes& sizes,
                     Parts& parts, const std::string& folder, const Said& said) {
  if (complete(parts.all())) return;
  const noyau::Dataset images = sample_of(test, model.info, sizes.images);
  if (images.empty())
    return parts.add("layers",
                     {{"missing", message("fewer than ", kFewest, " images, evenly of all classes")}});
  inspection::Surveyor surveyor(model, images,
                                {.images = sizes.images,
                                 .ablation = sizes.ablation,
                                 .units = sizes.units,
                                 .steps = static_cast<int>(sizes.steps),
                                 .mapped = sizes.mapped,
                                 .seed = kSeed,
                                 .said = said});
  programs::make_folder(folder + "/layers");
  const auto draw = [&](const std::string& name, const std::string& png) {
    if (!png.empty()) programs::write_file(picture_path(folder, parts.id(), name), png);
  };
  if (!parts.has("layers")) {
    const Survey survey = surveyor.layers();
    draw("filters", survey.filters.picture);
    draw("filters-fresh", survey.fresh_filters.picture);
    parts.add("layers", to_json(survey));
  }
  for (std::size_t i = 1; i <= surveyor.cards(); ++i) {
    if (parts.has(card_name(i))) continue;
    const inspection::LayerCard card = surveyor.card(i);
    for (std::size_t k = 0; k < card.pictures.size(); ++k) draw(message(i, "-", k), card.pictures[k]);
    parts.add(card_name(i), to_json(card));
  }
  if (!parts.has("map")) parts.add("map", to_json(surveyor.map()));
}

Passes inspect_passes(const LayerSizes& sizes, std::size_t layers) {
  const auto count = static_cast<double>(layers), units = static_cast<double>(sizes.units);
  constexpr double kLayerSeconds = 0.15;  // an image of a thousand: probes, selectivity, redundancy
  const double images = static_cast<double>(sizes.images);
  return {.parts = layers + 2,
          .forward = 4 * images + count * units * static_cast<double>(sizes.ablation),
          .backward = count * units * static_cast<double>(sizes.steps),
          .seconds = count * kLayerSeconds * images / 250 + static_cast<double>(sizes.mapped) / 150};
}

std::optional<Survey> read_survey(const PartMap& parts, const std::string& folder, const std::string& id) {
  if (!complete(parts) || parts.at("layers").contains("missing")) return std::nullopt;
  Survey survey = inspection::survey_of(parts.at("layers"));
  survey.filters.picture = picture(folder, id, "filters");
  survey.fresh_filters.picture = picture(folder, id, "filters-fresh");
  for (std::size_t i = 1; i < survey.trained.size(); ++i) {
    survey.cards.push_back(inspection::card_of(parts.at(card_name(i))));
    inspection::LayerCard& card = survey.cards.back();
    for (std::size_t k = 0; k < card.shown.size(); ++k)
      card.pictures.push_back(picture(folder, id, message(i, "-", k)));
  }
  survey.map = inspection::map_of(parts.at("map"));
  return survey;
}

}  // namespace study
