#include <algorithm>
#include <cmath>

#include "inspect/parts.h"

namespace inspection {
namespace {

namespace in = noyau::inspect;
using noyau::message;
using namespace noyau::plot;
using study::Document;
using study::Drawing;
using study::Gallery;
using study::Heading;
using study::Table;
using study::Text;

constexpr std::size_t kUnitsPerFigure = 8;

bool is_dead(const LayerFacts& facts, std::int64_t unit) {
  return std::binary_search(facts.health.dead.begin(), facts.health.dead.end(), unit);
}

Line distribution(std::vector<double> values, const std::string& name) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  std::sort(values.begin(), values.end());
  Line line{.name = name};
  for (std::size_t i = 0; i < values.size(); ++i) {
    line.x.push_back(values[i]);
    line.y.push_back(static_cast<double>(i + 1) / static_cast<double>(values.size()));
  }
  return line;
}

Drawing selectivity_figure(const LayerFacts& trained, const LayerFacts& fresh, const std::string& id) {
  const bool by_index = std::isfinite(median(indices(trained))) && std::isfinite(median(indices(fresh)));
  Figure figure;
  figure.title = message("How selective are the units of ", trained.name, "?");
  figure.subtitle = by_index
                        ? "class selectivity index; share of units at or below"
                        : "information on the class, as outputs may be negative; share of units at or below";
  figure.x = {.label = by_index ? "Class selectivity" : "Information / entropy of the class", .low = 0};
  figure.y = {.label = "Share of units", .percent = true, .low = 0, .high = 1};
  figure.lines = {distribution(by_index ? indices(trained) : informations(trained), "trained"),
                  distribution(by_index ? indices(fresh) : informations(fresh), "fresh weights")};
  figure.height = 160;
  return drawing(id, figure);
}

double drop_of(const LayerCard& card, std::size_t i) {
  std::int64_t images = 0;
  for (const std::int64_t count : card.ablation.images) images += count;
  return i < card.ablation.units.size() ? card.ablation.units[i].drop(images) : std::nan("");
}

std::string unit_caption(const Survey& survey, const LayerFacts& facts, const LayerCard& card,
                         std::size_t i) {
  const auto unit = static_cast<std::size_t>(card.shown[i]);
  const in::Selectivity& s = facts.units[unit];
  std::string text = message("unit ", card.shown[i]);
  if (is_dead(facts, card.shown[i])) return text + ": dead";
  text += message(", ", survey.info.classes[static_cast<std::size_t>(s.best_class)], " ",
                  std::isnan(s.index) ? message("MI ", fixed(s.information, 2)) : fixed(s.index, 2));
  const double drop = drop_of(card, i);
  if (std::isnan(drop)) return text;
  const std::string points = fixed(std::abs(100 * drop), 1);
  const char* const sign = points == "0.0" ? "" : drop < 0 ? "+" : "\u2212";
  text += message("; ablated ", sign, points, " pt");
  return text;
}

std::vector<std::size_t> by_importance(const LayerCard& card) {
  std::vector<std::size_t> order(card.shown.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (!card.ablation.units.empty())
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return drop_of(card, a) > drop_of(card, b); });
  return order;
}

Gallery unit_gallery(const Survey& survey, std::size_t number, const Place& place) {
  const LayerCard& card = survey.cards[number - 1];
  const LayerFacts& facts = survey.trained[number];
  const std::vector<std::size_t> order = by_importance(card);
  Gallery gallery;
  for (std::size_t first = 0; first < order.size(); first += kUnitsPerFigure) {
    const std::size_t end = std::min(order.size(), first + kUnitsPerFigure);
    ImageGrid grid;
    grid.title = message("Units ", first + 1, " to ", end, " of ", order.size(), " of ", facts.name);
    grid.columns = 2;
    for (std::size_t i = first; i < end; ++i)
      grid.pictures.push_back({card.pictures[order[i]], unit_caption(survey, facts, card, order[i])});
    gallery.drawings.push_back(drawing(message(place.prefix, "units-", number, "-", first), grid));
  }
  return gallery;
}

}  // namespace

study::Cell value(double number, int digits) {
  return {std::isnan(number) ? "\u2013" : fixed(number, digits), number};
}

std::vector<double> indices(const LayerFacts& facts) {
  std::vector<double> values;
  for (std::size_t u = 0; u < facts.units.size(); ++u)
    if (!is_dead(facts, static_cast<std::int64_t>(u))) values.push_back(facts.units[u].index);
  return values;
}

std::vector<double> informations(const LayerFacts& facts) {
  std::vector<double> values;
  for (std::size_t u = 0; u < facts.units.size(); ++u)
    if (!is_dead(facts, static_cast<std::int64_t>(u))) values.push_back(facts.units[u].information);
  return values;
}

void add_layer(Document& document, const Survey& survey, std::size_t number, const Place& place) {
  const LayerFacts& facts = survey.trained[number];
  const LayerCard& card = survey.cards[number - 1];
  document.add(
      Heading{place.level + 1, message(place.prefix, "layer-", number), message(number, ". ", facts.name)});
  Text text(message("Output ", facts.shape, "; a cell sees ", card.field.size[0], "\u00d7",
                    card.field.size[1], " pixels. ", facts.health.dead.size(), " dead, ",
                    facts.health.spare(), " duplicate, ", facts.health.redundant, " redundant of ",
                    facts.units.size(), " units. "));
  if (card.ablation.units.empty()) {
    text.add("These are the outputs; they are not ablated.");
  } else if (card.causal.empty()) {
    text.add("No unit is shown to be causal for a class.");
  } else {
    text.add("Causal: ");
    for (std::size_t i = 0; i < std::min<std::size_t>(5, card.causal.size()); ++i)
      text.add(message(i == 0 ? "" : ", ", "unit ", card.causal[i].unit, " for ",
                       survey.info.classes[static_cast<std::size_t>(card.causal[i].label)], " (",
                       percent(card.causal[i].drop), " lost)"));
    text.add(card.causal.size() > 5 ? message(" and ", card.causal.size() - 5, " more.") : ".");
  }
  document.add(std::move(text));
  Gallery gallery = unit_gallery(survey, number, place);
  gallery.drawings.push_back(
      selectivity_figure(facts, survey.fresh[number], message(place.prefix, "selectivity-", number)));
  document.add(std::move(gallery));
}

Table unit_table(const Survey& survey) {
  Table table{.id = "units",
              .caption = "Every unit",
              .columns = {{"layer"},
                          {"unit", "", true},
                          {"best class"},
                          {"selectivity", "", true},
                          {"information", "", true},
                          {"dead", "", true},
                          {"explained by others", "", true},
                          {"accuracy lost when ablated", "", true},
                          {"maximised to", "", true}},
              .rows = {}};
  for (std::size_t i = 1; i < survey.trained.size(); ++i) {
    const LayerFacts& facts = survey.trained[i];
    const LayerCard& card = survey.cards[i - 1];
    for (std::size_t k = 0; k < card.shown.size(); ++k) {
      const auto unit = static_cast<std::size_t>(card.shown[k]);
      const bool dead = is_dead(facts, card.shown[k]);
      table.rows.push_back({facts.name, value(static_cast<double>(unit), 0),
                            survey.info.classes[static_cast<std::size_t>(facts.units[unit].best_class)],
                            value(facts.units[unit].index), value(facts.units[unit].information),
                            value(dead ? 1 : 0, 0), value(facts.health.explained[unit]),
                            value(drop_of(card, k), 4), value(card.maximised[k])});
    }
  }
  return table;
}

}  // namespace inspection
