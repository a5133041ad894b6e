#include <algorithm>
#include <set>

#include "study/sections.h"

namespace study {
namespace {

using noyau::message;

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// Values of an option over all rows, few enough to read.
std::string tried(const Facts& facts, std::string_view option) {
  constexpr std::size_t kMost = 12;
  std::vector<std::string> values;
  for (const Row& row : facts.rows) {
    if (!row.row.is_object() || !row.row.contains("config") || !row.row["config"].contains(option)) continue;
    std::string value = text_of(row.row["config"][std::string(option)]);
    if (value.empty()) value = "(empty)";
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(std::move(value));
  }
  if (values.size() > kMost) return message(values.size(), " values");
  std::string text;
  for (const std::string& value : values) text += message(text.empty() ? "" : ", ", value);
  return text;
}

// Where the option is varied.
Text section_for(const Facts& facts, std::string_view option) {
  Text text;
  for (const Results& results : facts.results) {
    const std::vector<std::string>& variables = results.section->variables;
    if (!results.any() || std::find(variables.begin(), variables.end(), option) == variables.end()) continue;
    if (!text.empty()) text.add(", ");
    text.link(results.section->group, message("#", results.section->group));
  }
  return text;
}

Text effect_of(const programs::Option& option) {
  if (option.tenth == "-") return Text("Changed: ").add(std::string(option.times_ten));
  return Text()
      .strong("\u00d7 10: ")
      .add(std::string(option.times_ten))
      .strong(" / 10: ")
      .add(std::string(option.tenth));
}

Text values_of(const programs::Option& option, const Facts& facts) {
  const std::string fallback = text_of(default_of(option));
  Text text;
  text.strong("Unit: ").add(std::string(option.unit)).add(". ");
  text.strong("Default: ").add(fallback.empty() ? "(empty)" : fallback).add(". ");
  text.strong("Allowed: ").add(allowed(option)).add(". ");
  text.strong("Typical: ").add(std::string(option.typical)).add(". ");
  const std::string used = tried(facts, option.name);
  if (!used.empty()) text.strong("Here: ").add(used).add(". ");
  const Text where = section_for(facts, option.name);
  if (!where.empty()) text.strong("Varied in: ").append(where).add(".");
  return text;
}

void add_entry(Text& text, const Facts& facts, const std::string& group, const std::string& name) {
  if (facts.find(group) == nullptr) return;
  text.add(text.empty() ? "" : ", ").link(name, message("#", group));
}

}  // namespace

void add_glossary(Document& document, const Facts& facts) {
  document.add(Heading{2, "glossary", "What does each option mean?"});
  document.add(
      "Every option of the programs, by the names used on the command line, in plans and in the rows of "
      "results.");
  Table table{.id = "glossary",
              .caption = "Options",
              .columns = {{"Option"}, {"Definition"}, {"Effect"}, {"Values"}},
              .rows = {}};
  for (const programs::Option& option : programs::options()) {
    table.rows.push_back({Cell(Text().code(std::string(option.name))), Cell(std::string(option.definition)),
                          Cell(effect_of(option)), Cell(values_of(option, facts))});
  }
  document.add(table);
}

void add_limits(Document& document, const Facts& facts) {
  document.add(Heading{2, "limits", "What can this study not say?"});
  Points points;
  std::size_t fewest = SIZE_MAX;
  std::size_t diverged = 0;
  std::size_t failed = 0;
  for (const Results& results : facts.results) {
    for (const Entry& entry : results.entries) {
      if (!entry.rows.empty()) fewest = std::min(fewest, entry.rows.size());
      diverged += static_cast<std::size_t>(entry.diverged);
      failed += static_cast<std::size_t>(entry.failed);
    }
  }
  if (fewest != SIZE_MAX) {
    points.items.push_back(Text(message("The fewest seeds of a setting are ", fewest,
                                        ". Intervals over two or three seeds are wide, and the t-test behind "
                                        "them assumes that runs spread normally.")));
  }
  if (facts.summary != nullptr) {
    points.items.push_back(
        Text(message("The main settings train on ", facts.summary->value("train", std::int64_t{0}),
                     " images and test on ", facts.summary->value("test", std::int64_t{0}),
                     ". What is best for more images or longer training may differ.")));
  }
  points.items.push_back(
      "One option is varied at a time, from one base setting; where two interact, only their grid shows it.");
  points.items.push_back(
      "Choosing the best of several settings by their mean favours luck a little, also on validation "
      "images.");
  points.items.push_back(
      "The split of the images is the same for all seeds: how results depend on it is not measured.");
  points.items.push_back("Times are of one machine, possibly shared with other work.");
  if (diverged + failed > 0) {
    points.items.push_back(
        Text(message(counted(diverged, "run"), " diverged and ", failed,
                     " failed; means are over the others, which flatters settings that sometimes diverge.")));
  }
  document.add(points);
}

void add_runs(Document& document, const Facts& facts) {
  Table table{.id = "runs",
              .caption = "Every row of results this page is written from",
              .columns = {{"Run"},
                          {"Section"},
                          {"Setting"},
                          {"Seed", "", true},
                          {"Status"},
                          {"Validation accuracy", "%", true},
                          {"Test accuracy", "%", true},
                          {"Test loss", "nats", true},
                          {"Training accuracy", "%", true},
                          {"Training time", "s", true}},
              .rows = {}};
  for (const Row& row : facts.rows) {
    if (!row.row.is_object()) continue;
    const auto field = [&](const Metric& metric) {
      const double value = value_of(row.row, metric);
      return Cell(shown(value, metric), metric.share ? 100 * value : value);
    };
    const auto seed = row.row.value("seed", std::int64_t{0});
    table.rows.push_back({Cell(Text().code(row.run.hash)), Cell(row.run.group), Cell(row.run.label),
                          Cell(std::to_string(seed), static_cast<double>(seed)),
                          Cell(row.row.value("status", "")), field(kValidationAccuracy), field(kTestAccuracy),
                          field(kTestLoss), field(kTrainAccuracy), field(kTrainSeconds)});
  }
  if (table.rows.empty()) return;
  document.add(Heading{2, "runs", "Which runs is this page made of?"});
  document.add(Text()
                   .add("The same id stands for the same settings and seed; ")
                   .code("results.jsonl")
                   .add(" has each run's whole configuration and course, and repeating the study's command "
                        "gives the same rows."));
  document.add(table);
}

void add_index(Document& document, const Facts& facts) {
  document.add(Heading{2, "index", "Where is each question of the task answered?"});
  Table table{
      .id = "index", .caption = "Questions of the task", .columns = {{"Question"}, {"Section"}}, .rows = {}};
  const auto row = [&](const std::string& question, Text where) {
    table.rows.push_back(
        {Cell(question), Cell(where.empty() ? Text("not part of this plan") : std::move(where))});
  };
  Text options;
  for (const Results& results : facts.results) {
    const std::string& group = results.section->group;
    const bool other = group != "models" && group != "lr" && group != "epochs" && group != "batch";
    if (other && !is_about_test_set(*results.section) && results.section->kind != Kind::ladder)
      add_entry(options, facts, group, group);
  }
  const auto section = [&](const std::string& group, const std::string& name) {
    Text text;
    add_entry(text, facts, group, name);
    return text;
  };
  const bool about_test_set = std::any_of(facts.results.begin(), facts.results.end(), [](const Results& r) {
    return is_about_test_set(*r.section) && r.any();
  });
  row("Use CIFAR-10", Text().link("the images", "#data"));
  row("Test several networks", section("models", "networks"));
  row("Influence of the learning rate", section("lr", "learning rate"));
  row("Influence of the number of epochs", section("epochs", "epochs"));
  row("Influence of the batch size", section("batch", "batch size"));
  row("Influence of other variables", options);
  row("Loss and accuracy functions", Text().link("criteria", "#criteria"));
  row("Explain every training parameter", Text().link("glossary", "#glossary"));
  row("Define the performance criteria", Text().link("criteria", "#criteria"));
  row("Why the most important ones belong to the test set",
      about_test_set ? Text().link("the test set", "#test-set") : Text());
  row("Improve the score, citing sources", section("ladder", "improvements"));
  row("Tables that sum up all networks", section("models", "master table"));
  row("Curves that show the influence of each choice",
      Text().add("a figure in each section, and all tables as CSV files"));
  row("Grad-CAM++, justified or criticised; what else",
      facts.explain.empty() ? Text() : Text().link("Explain", "#explain"));
  row("How the layers specialised",
      facts.survey ? Text().link("What the layers learned", "#layers") : Text());
  row("What was assumed, and what stays open",
      Text().link("how to read", "#how-to-read").add(", ").link("limits", "#limits"));
  document.add(table);
}

}  // namespace study
