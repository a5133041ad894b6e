#include <algorithm>
#include <cmath>

#include "inspect/parts.h"
#include "noyau/plot.h"

namespace inspection {
namespace {

namespace in = noyau::inspect;
using noyau::message;
using namespace noyau::plot;
using study::Cell;
using study::Document;
using study::Drawing;
using study::Gallery;
using study::Heading;
using study::Note;
using study::Table;
using study::Text;

Line probe_line(const std::vector<LayerFacts>& layers, std::size_t a, const std::string& name) {
  Line line{.name = name, .markers = true};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const in::ProbeResult& probe = layers[i].probes[a];
    line.x.push_back(static_cast<double>(i));
    line.y.push_back(probe.accuracy);
    line.low.push_back(probe.interval.low);
    line.high.push_back(probe.interval.high);
    line.notes.push_back(message(layers[i].name, ": ", percent(probe.accuracy)));
  }
  return line;
}

Axis layer_axis(std::size_t layers) {
  Axis axis{.label = "Layer (0 is the image)"};
  const std::size_t step = layers > 12 ? 2 : 1;
  for (std::size_t i = 0; i < layers; i += step) {
    axis.ticks.push_back(static_cast<double>(i));
    axis.names.push_back(std::to_string(i));
  }
  return axis;
}

Drawing probe_figure(const Survey& survey, std::size_t a, const Place& place) {
  const Attribute& attribute = survey.attributes[a];
  Figure figure;
  figure.title = message("Where can the ", attribute.name, " be read?");
  figure.subtitle = message("linear probe on ", survey.trained[0].probes[a].tested,
                            " held-out images; bands: Wilson's 95 % interval");
  figure.x = layer_axis(survey.trained.size());
  figure.y = {.label = "Accuracy of the probe", .percent = true};
  figure.lines = {probe_line(survey.trained, a, "trained"), probe_line(survey.fresh, a, "fresh weights")};
  figure.rules = {{.value = survey.trained[0].probes[a].chance, .label = "chance"}};
  return drawing(place.prefix + "probe-" + attribute.name, figure);
}

Drawing cka_figure(const Survey& survey, const Place& place) {
  HeatMap map;
  map.title = "Which layers are alike?";
  map.subtitle = "debiased linear CKA; layers by number, 0 is the image";
  map.row_label = map.column_label = "Layer";
  for (std::size_t i = 0; i < survey.trained.size(); ++i) map.rows.push_back(std::to_string(i));
  map.columns = map.rows;
  map.values = survey.cka;
  map.digits = 2;
  if (survey.trained.size() > 10) map.texts.assign(map.values.size(), "");
  map.value = {.label = "CKA", .low = 0, .high = 1};
  return drawing(place.prefix + "cka", map);
}

Drawing map_figure(const Survey& survey, const Place& place) {
  Figure figure;
  figure.title = "Do classes form groups before the last layer?";
  figure.subtitle = message("exact t-SNE of ", survey.map.labels.size(), " images at ", survey.map.layer);
  figure.x = {.label = "t-SNE 1"};
  figure.y = {.label = "t-SNE 2"};
  figure.height = 340;
  for (std::size_t c = 0; c < survey.info.classes.size(); ++c) {
    Line line{.name = survey.info.classes[c], .markers = true, .connected = false};
    for (std::size_t i = 0; i < survey.map.labels.size(); ++i) {
      if (survey.map.labels[i] != static_cast<int>(c)) continue;
      line.x.push_back(survey.map.points[2 * i]);
      line.y.push_back(survey.map.points[2 * i + 1]);
    }
    if (!line.x.empty()) figure.lines.push_back(std::move(line));
  }
  return drawing(place.prefix + "map", figure);
}

Cell of_both(double trained, double fresh) {
  return {message(std::isnan(trained) ? "\u2013" : fixed(trained, 2), " / ",
                  std::isnan(fresh) ? "\u2013" : fixed(fresh, 2)),
          trained};
}

Cell probe_cell(const in::ProbeResult& trained, const in::ProbeResult& fresh) {
  if (trained.tested == 0) return "\u2013";
  return {message(fixed(100 * trained.accuracy, 1), " / ", fixed(100 * fresh.accuracy, 1)),
          100 * trained.accuracy};
}

Cell count_cell(std::int64_t trained, std::int64_t fresh) {
  return {message(trained, " / ", fresh), static_cast<double>(trained)};
}

Table layer_table(const Survey& survey, const Place& place) {
  Table table{.id = place.prefix + "layers",
              .caption = "Every layer, trained / with fresh weights",
              .columns = {{"#", "", true},
                          {"Layer"},
                          {"Output"},
                          {"Class probe", "%", true},
                          {"Hue probe", "%", true},
                          {"Orientation probe", "%", true},
                          {"Median selectivity", "", true},
                          {"Median information", "", true},
                          {"Dead", "units", true},
                          {"Duplicate", "units", true},
                          {"Redundant", "units", true},
                          {"Participation ratio", "", true},
                          {"Entropy rank", "", true},
                          {"CKA with fresh", "", true},
                          {"Causal pairs", "", true}},
              .rows = {}};
  for (std::size_t i = 0; i < survey.trained.size(); ++i) {
    const LayerFacts& t = survey.trained[i];
    const LayerFacts& f = survey.fresh[i];
    std::vector<Cell> row{{std::to_string(i), static_cast<double>(i)}, Text().code(t.name), message(t.shape)};
    for (std::size_t a = 0; a < survey.attributes.size(); ++a)
      row.push_back(probe_cell(t.probes[a], f.probes[a]));
    row.push_back(of_both(median(indices(t)), median(indices(f))));
    row.push_back(of_both(median(informations(t)), median(informations(f))));
    row.push_back(count_cell(static_cast<std::int64_t>(t.health.dead.size()),
                             static_cast<std::int64_t>(f.health.dead.size())));
    row.push_back(count_cell(t.health.spare(), f.health.spare()));
    row.push_back(count_cell(t.health.redundant, f.health.redundant));
    row.push_back(of_both(t.health.participation, f.health.participation));
    row.push_back(of_both(t.health.entropy_rank, f.health.entropy_rank));
    row.push_back(i == 0 ? Cell("\u2013") : value(survey.cards[i - 1].cka_fresh));
    row.push_back(i == 0 ? Cell("\u2013")
                         : Cell(std::to_string(survey.cards[i - 1].causal.size()),
                                static_cast<double>(survey.cards[i - 1].causal.size())));
    table.rows.push_back(std::move(row));
  }
  return table;
}

void add_filters(Document& document, const Survey& survey, const Place& place) {
  if (survey.filters.types.empty()) return;
  document.add(Heading{place.level, place.prefix + "filters", "What do the first filters respond to?"});
  document.add(Note{Note::Kind::reading, filter_reading(survey)});
  Gallery gallery;
  for (const bool trained : {true, false}) {
    ImageGrid grid;
    grid.title = trained ? "Filters of the first layer" : "The same with fresh weights";
    grid.subtitle = "each scaled by its largest weight; mid-grey is 0";
    grid.columns = 1;
    grid.pictures = {{(trained ? survey.filters : survey.fresh_filters).picture, ""}};
    gallery.drawings.push_back(drawing(place.prefix + (trained ? "filters" : "filters-fresh"), grid));
  }
  document.add(std::move(gallery));
}

void add_map(Document& document, const Survey& survey, const Place& place) {
  if (survey.map.points.empty()) return;
  const in::MapQuality& q = survey.map.quality;
  document.add(Heading{place.level, place.prefix + "map", "Do images of one class lie together?"});
  document.add(Text(message("How far to believe the map: trustworthiness ", fixed(q.trustworthiness, 3),
                            ", continuity ", fixed(q.continuity, 3), ", ", percent(q.preserved),
                            " of the 10 nearest neighbours kept, divergence ", fixed(survey.map.kl, 2),
                            " nats. Sizes of groups and distances between them mean nothing.")));
  document.add(Gallery{{map_figure(survey, place)}});
}

void add_snapshots(Document& document, const Survey& survey, const std::vector<Snapshot>& snapshots) {
  if (snapshots.empty()) return;
  document.add(Heading{2, "training", "How did the layers specialise during training?"});
  Figure selective, readable;
  selective.title = "How does selectivity grow?";
  selective.y = {.label = "Median information on the class"};
  readable.title = "When does the class become readable?";
  readable.y = {.label = "Accuracy of the class probe", .percent = true};
  for (Figure* figure : {&selective, &readable}) {
    figure->x = {.label = "Snapshot (0 has fresh weights)"};
    figure->subtitle = "one line a layer, by number";
  }
  for (std::size_t i = 1; i < survey.trained.size(); ++i) {
    Line information{.name = std::to_string(i), .markers = true}, accuracy = information;
    const auto add = [&](double x, const LayerFacts& facts) {
      information.x.push_back(x);
      information.y.push_back(median(informations(facts)));
      accuracy.x.push_back(x);
      accuracy.y.push_back(facts.probes[0].accuracy);
    };
    add(0, survey.fresh[i]);
    for (std::size_t s = 0; s < snapshots.size(); ++s)
      add(static_cast<double>(s + 1), snapshots[s].layers[i]);
    selective.lines.push_back(std::move(information));
    readable.lines.push_back(std::move(accuracy));
  }
  document.add(Gallery{{drawing("training-information", selective), drawing("training-class", readable)}});
}

void add_method(Document& document, const Survey& survey, const Place& place) {
  document.add(Heading{place.level, place.prefix + "method", "How was this measured?"});
  document.add(study::Points{{
      message("Images: ", survey.images, " of ", survey.info.name,
              ", none of them used for training where the data set has a test split. A unit is a channel, or "
              "an element of a vector."),
      "Fresh weights: the same architecture, initialised anew. What it shows too was not learned.",
      "Probe: ridge regression on means over a grid of at most 4\u00d74 cells, half of the images held out. "
      "Hue and orientation are cut in eight ranges with equally many images.",
      "Selectivity: (largest class mean \u2212 mean of the others) / sum (Morcos et al., 2018). Information: "
      "of a unit's mean and the class, over the entropy of the class. A selective unit need not matter, so "
      "each is ablated too.",
      "Ablation: the unit gives 0. Causal: McNemar's mid-p test on the images of a class, adjusted by Holm "
      "over all units and classes of the layer, at 5 %.",
      "Dead: constant over all images. Duplicate: correlation of at least 0.95 with another. Redundant: 95 % "
      "of its variance is linear in the others.",
      "Pictures: the image that maximises the unit (Fourier parametrisation, a super-stimulus rather than an "
      "image the network has seen), its four strongest patches, then five patches at equal distances of rank "
      "from the strongest to the weakest. Units stand in the order of the accuracy lost without them.",
  }});
}

}  // namespace

void add_findings(Document& document, const Survey& survey, const Place& place,
                  const std::vector<Snapshot>& snapshots) {
  Gallery probes;
  for (std::size_t a = 0; a < survey.attributes.size(); ++a) {
    document.add(Note{Note::Kind::reading, reading_of(survey, a)});
    if (survey.attributes[a].missing.empty()) probes.drawings.push_back(probe_figure(survey, a, place));
  }
  document.add(Note{Note::Kind::reading, causal_reading(survey)});
  probes.drawings.push_back(cka_figure(survey, place));
  document.add(std::move(probes));
  document.add(layer_table(survey, place));
  if (place.prefix.empty())
    document.add(Text("All units: ").link("tables/units.csv", "tables/units.csv").add("."));
  add_snapshots(document, survey, snapshots);
  add_filters(document, survey, place);
  document.add(Heading{place.level, place.prefix + "units", "What does each unit look for?"});
  for (std::size_t i = 1; i < survey.trained.size(); ++i) add_layer(document, survey, i, place);
  add_map(document, survey, place);
  add_method(document, survey, place);
}

Document page_of(const Survey& survey, const std::string& title, const std::string& sampled,
                 const std::vector<Snapshot>& snapshots) {
  const auto count = static_cast<double>(survey.images);
  Document document{.title = title,
                    .subtitle = message(survey.info.name, ", ", survey.images, " images, ",
                                        percent(static_cast<double>(survey.right) / count),
                                        " predicted right; ", survey.cards.size(), " layers"),
                    .blocks = {}};
  if (!sampled.empty()) document.add(Note{Note::Kind::banner, sampled});
  document.add(Heading{2, "summary", "What did the network learn, and where?"});
  add_findings(document, survey, {}, snapshots);
  return document;
}

}  // namespace inspection
