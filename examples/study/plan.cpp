#include "study/plan.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "common/nearest.h"
#include "study/labels.h"

namespace study {
namespace {

using programs::Exit;
using programs::stop;

constexpr std::string_view kKinds[] = {"compare", "sweep", "grid", "ladder"};

/// An object of a plan whose keys are all read, with the place that errors name.
class Object {
 public:
  Object(const Json& json, std::string where, std::vector<std::string> keys)
      : json_(json), where_(std::move(where)) {
    if (!json.is_object()) stop(Exit::usage, where_, ": expected an object, found ", json.dump());
    for (const auto& [key, value] : json.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        stop(Exit::usage, where_, ": unknown key '", key, "'", programs::did_you_mean(key, keys),
             " (known: ", programs::joined(keys), ")");
  }

  const std::string& where() const { return where_; }
  bool has(const char* key) const { return json_.contains(key); }

  const Json& at(const char* key) const {
    if (!has(key)) stop(Exit::usage, where_, ": '", key, "' is missing");
    return json_.at(key);
  }

  std::string text(const char* key) const {
    if (!at(key).is_string())
      stop(Exit::usage, where_, ": '", key, "' must be a text, found ", at(key).dump());
    return at(key).get<std::string>();
  }
  std::string text_or(const char* key, std::string fallback) const { return has(key) ? text(key) : fallback; }

  const Json& list(const char* key) const {
    if (!at(key).is_array() || at(key).empty())
      stop(Exit::usage, where_, ": '", key, "' must be a list that is not empty, found ", at(key).dump());
    return at(key);
  }

 private:
  const Json& json_;
  std::string where_;
};

std::vector<std::int64_t> seeds_of(const Object& object) {
  std::vector<std::int64_t> seeds;
  for (const Json& seed : object.list("seeds")) {
    Settings checked;
    assign(checked, programs::option("seed", object.where()), seed, object.where());
    if (std::find(seeds.begin(), seeds.end(), checked.seed) != seeds.end())
      stop(Exit::usage, object.where(), ": seed ", checked.seed, " is given twice");
    seeds.push_back(checked.seed);
  }
  return seeds;
}

std::vector<std::string> texts(const Object& object, const char* key) {
  if (object.at(key).is_string()) return {object.text(key)};
  std::vector<std::string> all;
  for (const Json& each : object.list(key)) {
    if (!each.is_string()) stop(Exit::usage, object.where(), ": '", key, "' must be one or more texts");
    all.push_back(each.get<std::string>());
  }
  return all;
}

std::string label_of(const std::vector<std::string>& variables, const std::vector<Json>& values) {
  std::string label;
  for (std::size_t i = 0; i < values.size(); ++i)
    label += (label.empty() ? "" : " \u00d7 ") + value_label(variables[i], values[i]);
  return label;
}

void add_step(Section& section, const Settings& base, const std::vector<Json>& values, const Json& extra,
              const Json& overrides, const std::string& where) {
  Step step{.label = label_of(section.variables, values), .source = "", .settings = base, .at = values};
  for (std::size_t i = 0; i < values.size(); ++i)
    assign(step.settings, programs::option(section.variables[i], where), values[i], where);
  assign_all(step.settings, extra, where);
  assign_all(step.settings, overrides, where);
  section.steps.push_back(std::move(step));
}

/// "values" of one variable: plain values, or objects {"value", "label", "settings"}.
void read_values(Section& section, const Object& object, const Settings& base, const Json& overrides) {
  const std::string& where = object.where();
  for (const Json& entry : object.list("values")) {
    if (!entry.is_object()) {
      add_step(section, base, {entry}, Json::object(), overrides, where);
      continue;
    }
    const Object value(entry, where + ", values", {"value", "label", "settings"});
    add_step(section, base, {value.at("value")}, entry.value("settings", Json::object()), overrides,
             value.where());
    section.steps.back().label = value.text_or("label", section.steps.back().label);
  }
}

/// "values" of two variables: a list for each.
void read_grid(Section& section, const Object& object, const Settings& base, const Json& overrides) {
  const Json& lists = object.list("values");
  if (section.variables.size() != 2 || lists.size() != 2 || !lists[0].is_array() || !lists[1].is_array())
    stop(Exit::usage, object.where(), ": a grid needs two variables and a list of values for each");
  for (const Json& a : lists[0])
    for (const Json& b : lists[1]) add_step(section, base, {a, b}, Json::object(), overrides, object.where());
}

/// "steps": each begins with the settings of the one before.
void read_ladder(Section& section, const Object& object, const Settings& base, const Json& overrides) {
  Settings settings = base;
  for (const Json& entry : object.list("steps")) {
    const std::string where = object.where() + ", step " + std::to_string(section.steps.size() + 1);
    const Object step(entry, where, {"label", "settings", "source"});
    assign_all(settings, step.at("settings"), where);
    assign_all(settings, overrides, where);
    section.steps.push_back(
        {.label = step.text("label"), .source = step.text_or("source", ""), .settings = settings, .at = {}});
  }
}

Kind kind_of(const Object& object) {
  const std::string name = object.text("kind");
  const auto found = std::find(std::begin(kKinds), std::end(kKinds), name);
  if (found != std::end(kKinds)) return static_cast<Kind>(found - std::begin(kKinds));
  const std::vector<std::string> known(std::begin(kKinds), std::end(kKinds));
  stop(Exit::usage, object.where(), ": unknown kind '", name, "'", programs::did_you_mean(name, known),
       " (known: ", programs::joined(known), ")");
}

Section read_section(const Json& json, const std::string& where, const Plan& plan,
                     const std::vector<std::int64_t>& seeds, const Json& overrides) {
  const Object object(
      json, where, {"group", "question", "kind", "variable", "values", "steps", "seeds", "settings", "note"});
  Section section;
  section.group = object.text("group");
  section.question = object.text("question");
  section.kind = kind_of(object);
  section.note = object.text_or("note", "");
  section.seeds = object.has("seeds") ? seeds_of(object) : seeds;
  Settings base = plan.base;
  if (object.has("settings")) assign_all(base, object.at("settings"), where + ", settings");
  if (section.kind == Kind::ladder) {
    read_ladder(section, object, base, overrides);
    return section;
  }
  section.variables = texts(object, "variable");
  for (const std::string& variable : section.variables) programs::option(variable, where);
  if (section.kind == Kind::grid) {
    read_grid(section, object, base, overrides);
  } else if (section.variables.size() == 1) {
    read_values(section, object, base, overrides);
  } else {
    stop(Exit::usage, where, ": a ", kind_name(section.kind), " needs exactly one variable");
  }
  return section;
}

template <class Sizes>
struct Size {
  const char* key;
  std::int64_t Sizes::*member;
  std::int64_t low, high;
};
constexpr Size<ExplainSizes> kExplain[] = {{"images", &ExplainSizes::images, 2, 10000},
                                           {"few", &ExplainSizes::few, 2, 1000},
                                           {"mosaics", &ExplainSizes::mosaics, 2, 1000},
                                           {"shown", &ExplainSizes::shown, 1, 20}};
constexpr Size<LayerSizes> kLayers[] = {{"images", &LayerSizes::images, 40, 10000},
                                        {"ablation", &LayerSizes::ablation, 10, 10000},
                                        {"units", &LayerSizes::units, 1, 256},
                                        {"steps", &LayerSizes::steps, 1, 1000},
                                        {"mapped", &LayerSizes::mapped, 40, 2000}};

/// `true`, `false` or an object of sizes; the defaults where the plan has no such key.
template <class Sizes, std::size_t count>
std::optional<Sizes> read_sizes(const Object& plan, const char* key, const Size<Sizes> (&known)[count]) {
  if (!plan.has(key)) return Sizes();
  const Json& json = plan.at(key);
  if (json.is_boolean()) return json.get<bool>() ? std::optional(Sizes()) : std::nullopt;
  const std::string where = plan.where() + ": " + key;
  std::vector<std::string> keys;
  for (const Size<Sizes>& size : known) keys.emplace_back(size.key);
  const Object object(json, where, keys);
  Sizes sizes;
  for (const Size<Sizes>& size : known) {
    if (!object.has(size.key)) continue;
    const Json& value = object.at(size.key);
    const bool fits = value.is_number_integer() && value >= size.low && value <= size.high;
    if (!fits)
      stop(Exit::usage, where, ": '", size.key, "' must be a whole number from ", size.low, " to ", size.high,
           ", found ", value.dump());
    sizes.*size.member = value.get<std::int64_t>();
  }
  return sizes;
}

}  // namespace

std::string_view kind_name(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

Plan read_plan(const std::string& path, const Json& overrides) {
  const Json json = programs::read_json(path, Exit::usage);
  const Object object(json, path, {"title", "budget", "seeds", "settings", "sections", "explain", "layers"});
  Plan plan;
  plan.name = std::filesystem::path(path).stem().string();
  plan.path = path;
  plan.title = object.text("title");
  Settings budget;
  if (object.has("budget")) assign(budget, programs::option("budget", path), object.at("budget"), path);
  plan.budget = budget.budget;
  if (object.has("settings")) assign_all(plan.base, object.at("settings"), path + ": settings");
  assign_all(plan.base, overrides, path);
  plan.explain = read_sizes(object, "explain", kExplain);
  plan.layers = read_sizes(object, "layers", kLayers);
  const std::vector<std::int64_t> seeds =
      object.has("seeds") ? seeds_of(object) : std::vector<std::int64_t>{1};
  for (const Json& section : object.list("sections")) {
    const std::string where = path + ": section " + std::to_string(plan.sections.size() + 1);
    plan.sections.push_back(read_section(section, where, plan, seeds, overrides));
  }
  return plan;
}

std::vector<Run> runs_of(const Plan& plan) {
  std::vector<Run> runs;
  const auto add = [&](const Section& section, std::int64_t seed) {
    for (const Step& step : section.steps) {
      Run run{.hash = "", .group = section.group, .label = step.label, .settings = step.settings};
      run.settings.seed = seed;
      run.hash = programs::hash8(identity(run.settings).dump());
      runs.push_back(std::move(run));
    }
  };
  for (const Section& section : plan.sections) add(section, section.seeds.front());
  for (const Section& section : plan.sections)
    for (std::size_t i = 1; i < section.seeds.size(); ++i) add(section, section.seeds[i]);
  return runs;
}

}  // namespace study
