#pragma once
/// \file
/// A study's plan: the questions it asks and the runs that answer them.

#include <optional>

#include "common/options.h"

namespace study {

using programs::Json;
using programs::Settings;

/// How the runs of a section relate, and so how the report shows them.
enum class Kind {
  compare,  ///< Values without order: bars and a table.
  sweep,    ///< Values of one option in order: a curve.
  grid,     ///< Two options together: a heat map.
  ladder,   ///< Each step adds to the one before: a waterfall.
};
/// "compare", "sweep", "grid" or "ladder".
std::string_view kind_name(Kind kind);

/// One choice of settings within a section, run once for each seed.
struct Step {
  std::string label;     ///< What the report calls it: "0.05", "+ batch norm".
  std::string source;    ///< Where the idea comes from, for ladder steps; may be empty.
  Settings settings;     ///< Complete, but for the seed.
  std::vector<Json> at;  ///< Its values of the section's variables, in their order; empty for a ladder.
};

/// One question of the study.
struct Section {
  std::string group;                   ///< Name in result rows: "models", "lr", "r7_capacity", ...
  std::string question;                ///< Title of its figure.
  Kind kind = Kind::compare;           ///< How its steps relate.
  std::vector<std::string> variables;  ///< Options that its steps change; empty for a ladder.
  std::string note;                    ///< What a reader should know of the set-up; may be empty.
  std::vector<std::int64_t> seeds;     ///< Seeds of each step.
  std::vector<Step> steps;             ///< In the order of the report.
};

/// Sizes of the section that explains the best network: key "explain" of a plan.
struct ExplainSizes {
  std::int64_t images = 60;   ///< Test images that every method is measured on.
  std::int64_t few = 8;       ///< Of these, images of the slow measures: sensitivity, randomisation.
  std::int64_t mosaics = 40;  ///< 2 x 2 mosaics of test images that maps must point into.
  std::int64_t shown = 2;     ///< Images shown of each kind: right and wrong, confident and unsure.
};
/// Sizes of the section on what the layers of the best network learned: key "layers" of a plan.
struct LayerSizes {
  std::int64_t images = 1000;    ///< Test images that all layers are measured on.
  std::int64_t ablation = 1000;  ///< Of these, images that units are ablated on.
  std::int64_t units = 16;       ///< Units of a layer that are ablated and pictured.
  std::int64_t steps = 48;       ///< Steps of activation maximisation.
  std::int64_t mapped = 300;     ///< Images on the map.
};

/// A whole study.
struct Plan {
  std::string name;               ///< File name without extension; names the folder of results.
  std::string path;               ///< The file.
  std::string title;              ///< Title of the report.
  double budget = 0;              ///< Seconds that all runs may take together; 0: no limit.
  Settings base;                  ///< Settings that all sections start from.
  std::vector<Section> sections;  ///< In the order of the report.
  std::optional<ExplainSizes> explain = ExplainSizes();  ///< Absent where the plan says `"explain": false`.
  std::optional<LayerSizes> layers = LayerSizes();       ///< Absent where the plan says `"layers": false`.
  bool fell_back = false;  ///< CIFAR-10 could not be had, and another data set takes its place.
};

/// Reads a plan; stops with Exit::usage, naming file and place, on anything unknown, missing or out of range.
/// `overrides` replace the plan's own settings in every run.
Plan read_plan(const std::string& path, const Json& overrides);

/// A run that the plan asks for; several sections may ask for the same one.
struct Run {
  std::string hash;   ///< Of settings and seed: programs::hash8.
  std::string group;  ///< Section::group.
  std::string label;  ///< Step::label.
  Settings settings;  ///< Complete, with the seed.
};
/// All runs: the first seed of every section, then the others section by section, so that what a budget cuts off is
/// further seeds of the last sections.
std::vector<Run> runs_of(const Plan& plan);

}  // namespace study
