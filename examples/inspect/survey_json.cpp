#include "inspect/survey_json.h"

#include <cmath>

namespace inspection {
namespace {

namespace in = noyau::inspect;
using Integers = std::vector<std::int64_t>;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

double number_of(const Json& json) { return json.is_number() ? json.get<double>() : std::nan(""); }

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

std::vector<double> numbers_of(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json) values.push_back(number_of(value));
  return values;
}

Json probe_json(const in::ProbeResult& p) {
  return {p.accuracy, p.interval.low, p.interval.high, p.chance, p.fitted, p.tested, p.penalty};
}

in::ProbeResult probe_of(const Json& j) {
  in::ProbeResult p;
  p.accuracy = j[0].get<double>();
  p.interval = {j[1].get<double>(), j[2].get<double>()};
  p.chance = j[3].get<double>();
  p.fitted = j[4].get<std::int64_t>();
  p.tested = j[5].get<std::int64_t>();
  p.penalty = j[6].get<double>();
  return p;
}

Json health_json(const in::Health& h) {
  return {{"dead", h.dead},
          {"duplicates", h.duplicates},
          {"explained", numbers(h.explained)},
          {"redundant", h.redundant},
          {"participation", number(h.participation)},
          {"entropy_rank", number(h.entropy_rank)}};
}

in::Health health_of(const Json& j) {
  in::Health h;
  h.dead = j["dead"].get<Integers>();
  h.duplicates = j["duplicates"].get<std::vector<Integers>>();
  h.explained = numbers_of(j["explained"]);
  h.redundant = j["redundant"].get<std::int64_t>();
  h.participation = number_of(j["participation"]);
  h.entropy_rank = number_of(j["entropy_rank"]);
  return h;
}

Json facts_json(const LayerFacts& facts) {
  Json probes = Json::array(), units = Json::array();
  for (const in::ProbeResult& probe : facts.probes) probes.push_back(probe_json(probe));
  for (const in::Selectivity& unit : facts.units)
    units.push_back({number(unit.index), unit.best_class, number(unit.information)});
  return {{"name", facts.name},
          {"shape", Integers(facts.shape.begin(), facts.shape.end())},
          {"probes", probes},
          {"units", units},
          {"health", health_json(facts.health)}};
}

LayerFacts facts_of(const Json& j) {
  const auto shape = j["shape"].get<Integers>();
  LayerFacts facts{.name = j["name"].get<std::string>(), .shape = noyau::Shape(std::span(shape))};
  for (const Json& probe : j["probes"]) facts.probes.push_back(probe_of(probe));
  for (const Json& unit : j["units"])
    facts.units.push_back({number_of(unit[0]), unit[1].get<int>(), number_of(unit[2])});
  facts.health = health_of(j["health"]);
  return facts;
}

Json layers_json(const std::vector<LayerFacts>& layers) {
  Json list = Json::array();
  for (const LayerFacts& layer : layers) list.push_back(facts_json(layer));
  return list;
}

std::vector<LayerFacts> layers_of(const Json& j) {
  std::vector<LayerFacts> layers;
  for (const Json& layer : j) layers.push_back(facts_of(layer));
  return layers;
}

Json filters_json(const Filters& filters) {
  Json list = Json::array();
  for (const in::FilterType& f : filters.types)
    list.push_back(numbers({f.separable, f.opponency, f.frequency, f.orientation, f.directed}));
  return list;
}

Filters filters_of(const Json& j) {
  Filters filters;
  for (const Json& f : j) {
    const std::vector<double> v = numbers_of(f);
    filters.types.push_back({v[0], v[1], v[2], v[3], v[4]});
  }
  return filters;
}

Json ablation_json(const in::AblationResult& ablation) {
  Json units = Json::array();
  for (const in::UnitEffect& u : ablation.units) units.push_back({u.unit, u.lost, u.gained});
  return {{"images", ablation.images}, {"right", ablation.right}, {"units", units}};
}

in::AblationResult ablation_of(const Json& j) {
  in::AblationResult ablation{j["images"].get<Integers>(), j["right"].get<Integers>(), {}};
  for (const Json& u : j["units"])
    ablation.units.push_back({u[0].get<std::int64_t>(), u[1].get<Integers>(), u[2].get<Integers>()});
  return ablation;
}

}  // namespace

Json to_json(const Survey& survey) {
  Json attributes = Json::array();
  for (const Attribute& a : survey.attributes)
    attributes.push_back({{"name", a.name}, {"missing", a.missing}});
  return {{"data", survey.info.name},
          {"classes", survey.info.classes},
          {"channels", survey.info.channels},
          {"images", survey.images},
          {"right", survey.right},
          {"attributes", attributes},
          {"trained", layers_json(survey.trained)},
          {"fresh", layers_json(survey.fresh)},
          {"cka", numbers(survey.cka)},
          {"filters", filters_json(survey.filters)},
          {"fresh_filters", filters_json(survey.fresh_filters)}};
}

Json to_json(const LayerCard& card) {
  Json causal = Json::array();
  for (const in::CausalUnit& c : card.causal) causal.push_back({c.unit, c.label, c.drop, c.p});
  return {{"field", {card.field.size, card.field.step, card.field.centre}},
          {"shown", card.shown},
          {"ablation", ablation_json(card.ablation)},
          {"causal", causal},
          {"maximised", numbers(card.maximised)},
          {"cka_fresh", number(card.cka_fresh)}};
}

Json to_json(const Map& map) {
  return {{"layer", map.layer},
          {"points", numbers(map.points)},
          {"kl", number(map.kl)},
          {"quality", numbers({map.quality.trustworthiness, map.quality.continuity, map.quality.preserved})},
          {"labels", map.labels}};
}

Survey survey_of(const Json& j) {
  Survey survey;
  survey.info.name = j["data"].get<std::string>();
  survey.info.classes = j["classes"].get<std::vector<std::string>>();
  survey.info.channels = j["channels"].get<std::int64_t>();
  survey.images = j["images"].get<std::int64_t>();
  survey.right = j["right"].get<std::int64_t>();
  for (const Json& a : j["attributes"])
    survey.attributes.push_back(
        {.name = a["name"].get<std::string>(), .targets = {}, .missing = a["missing"].get<std::string>()});
  survey.trained = layers_of(j["trained"]);
  survey.fresh = layers_of(j["fresh"]);
  survey.cka = numbers_of(j["cka"]);
  survey.filters = filters_of(j["filters"]);
  survey.fresh_filters = filters_of(j["fresh_filters"]);
  return survey;
}

LayerCard card_of(const Json& j) {
  using Pair = std::array<double, 2>;
  LayerCard card;
  card.field = {j["field"][0].get<Pair>(), j["field"][1].get<Pair>(), j["field"][2].get<Pair>()};
  card.shown = j["shown"].get<Integers>();
  card.ablation = ablation_of(j["ablation"]);
  for (const Json& c : j["causal"])
    card.causal.push_back(
        {c[0].get<std::int64_t>(), c[1].get<int>(), c[2].get<double>(), c[3].get<double>()});
  card.maximised = numbers_of(j["maximised"]);
  card.cka_fresh = number_of(j["cka_fresh"]);
  return card;
}

Map map_of(const Json& j) {
  const std::vector<double> quality = numbers_of(j["quality"]);
  Map map{
      .layer = j["layer"].get<std::string>(), .points = numbers_of(j["points"]), .kl = number_of(j["kl"])};
  map.quality = {quality[0], quality[1], quality[2]};
  map.labels = j["labels"].get<std::vector<std::int32_t>>();
  return map;
}

}  // namespace inspection
