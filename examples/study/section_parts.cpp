#include <algorithm>
#include <cmath>
#include <map>

#include "study/labels.h"
#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using noyau::plot::fixed;

constexpr double kLevel = 0.05;
constexpr std::size_t kMostBands = 4;

std::vector<std::string> labels_of(const Results& results, const std::vector<std::size_t>& which) {
  std::vector<std::string> labels;
  for (std::size_t i : which) labels.push_back(results.entries[i].step->label);
  return labels;
}

std::string all_runs(const Results& results) {
  std::vector<const Json*> rows;
  for (const Entry& entry : results.entries) rows.insert(rows.end(), entry.rows.begin(), entry.rows.end());
  return run_ids(rows);
}

std::vector<std::string> names_of(const Results& results, const std::vector<std::size_t>& which) {
  std::vector<std::string> names;
  for (std::size_t i : which) names.push_back(name_of(results, i));
  return names;
}

void add_beaten(Text& text, const Results& results, const Ranking& ranking) {
  std::vector<std::size_t> beaten;
  double largest = 0;
  for (std::size_t i = 0; i < ranking.p.size(); ++i) {
    if (i == ranking.best || !(ranking.p[i] < kLevel)) continue;
    beaten.push_back(i);
    largest = std::max(largest, ranking.p[i]);
  }
  if (beaten.empty()) return;
  const std::string bound =
      beaten.size() == 1 ? shown_p(largest)
                         : (largest < 0.001 ? "p < 0.001" : "p \u2264 " + noyau::plot::number(largest, 2));
  text.add(message(" It beats ", joined(names_of(results, beaten)), " (", bound, ", Welch's test, Holm)."));
}

void add_undecided(Text& text, const Results& results, const Ranking& ranking, const Metric& metric) {
  constexpr std::size_t kMostIntervals = 3;
  const std::vector<std::size_t> rivals = ranking.rivals();
  if (rivals.empty()) return;
  text.strong(" Undecided at this budget");
  if (rivals.size() > kMostIntervals) {
    text.add(message(" against ", joined(names_of(results, rivals)), "."));
    return;
  }
  text.add(": the advantage over ");
  for (std::size_t k = 0; k < rivals.size(); ++k) {
    const noyau::stats::Comparison& c = ranking.against[rivals[k]];
    text.add(message(k == 0 ? "" : (k + 1 == rivals.size() ? " and over " : ", over "),
                     name_of(results, rivals[k]), " is "));
    const std::string low = shown_change(c.interval.low, metric);
    text.traced(
        message(shown_size(c.difference, metric), " (95 % interval ", low.substr(0, low.find("\u00a0")),
                " to ", shown_change(c.interval.high, metric), ")"),
        run_ids(results.entries[rivals[k]].rows));
  }
  text.add(rivals.size() > 1 ? " (intervals before adjustment)." : ".");
}

void add_range(Text& text, const Results& results, const Metric& metric) {
  double low = INFINITY;
  double high = -INFINITY;
  std::size_t known = 0;
  for (const Entry& entry : results.entries) {
    const double mean = estimate(entry, metric).mean;
    if (std::isnan(mean)) continue;
    ++known;
    low = std::min(low, mean);
    high = std::max(high, mean);
  }
  if (known < 2) return;
  text.add(" From the lowest mean to the highest it is ")
      .traced(shown_size(high - low, metric), all_runs(results))
      .add(".");
}

// A best value at the end of a sweep says that the range was too narrow.
void add_edge(Text& text, const Results& results, std::size_t best) {
  const bool edge = best == 0 || best + 1 == results.entries.size();
  if (results.section->kind != Kind::sweep || !edge || results.entries.size() < 3) return;
  text.add(" The best value is at the end of those tried, so a better one may lie beyond.");
}

void add_losses(Text& text, const Results& results) {
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    const Entry& entry = results.entries[i];
    if (entry.diverged == 0) continue;
    const std::size_t runs = entry.rows.size() + static_cast<std::size_t>(entry.diverged + entry.failed);
    text.add(message(" With ", name_of(results, i), ", ", entry.diverged, " of ", counted(runs, "run"),
                     " diverged."));
  }
}

// What the tests over seeds say of the best entry.
void add_verdict(Text& text, const Results& results, const Ranking& ranking, const Metric& metric) {
  const std::size_t seeds = results.entries[ranking.best].rows.size();
  if (results.most_seeds() < 2) {
    text.strong(" Undecided at this budget:").add(" with one seed, chance between runs is not measured.");
    return;
  }
  if (seeds < 2) {
    text.strong(" Undecided at this budget:").add(" it has one seed, so how its runs differ is not known.");
    return;
  }
  add_beaten(text, results, ranking);
  add_undecided(text, results, ranking, metric);
  if (!ranking.tested) text.add(" Settings with fewer than two seeds are not compared.");
}

}  // namespace

std::string name_of(const Results& results, std::size_t i) {
  const Section& section = *results.section;
  const std::string& label = results.entries[i].step->label;
  return section.kind == Kind::sweep ? value_phrase(section.variables.front(), label) : label;
}

bool is_about_test_set(const Section& section) { return section.group.starts_with("r7_"); }

std::string data_title(const std::string& name) {
  static const std::map<std::string, std::string> kTitles = {{"cifar10", "CIFAR-10"},
                                                             {"cifar100", "CIFAR-100"},
                                                             {"cifar100-coarse", "CIFAR-100 (20 classes)"},
                                                             {"mnist", "MNIST"},
                                                             {"fashion-mnist", "Fashion-MNIST"}};
  const auto found = kTitles.find(name);
  return found == kTitles.end() ? name : found->second;
}

std::string subtitle_of(const Facts& facts, const Results& results, const std::string& range) {
  const std::size_t seeds = results.most_seeds();
  const std::string band =
      seeds < 2 || range.empty() ? "" : message("; ", range, ": 95 % t-interval over seeds");
  return message(data_title(facts.data), ", ", counted(seeds, "seed"), band);
}

Cell cell(const Entry& entry, const Metric& metric) {
  const Estimate value = estimate_or_wilson(entry, metric);
  if (std::isnan(value.mean)) return {Text("\u2013"), value.mean};
  return {Text().traced(without_unit(value, metric), value.runs),
          metric.share ? 100 * value.mean : value.mean};
}

Cell p_cell(const Ranking& ranking, std::size_t i) {
  if (i == ranking.best && ranking.p[i] == 1) return "best";
  return {shown_p_value(ranking.p[i]), ranking.p[i]};
}

std::string setting_name(const Section& section) {
  if (section.variables.empty()) return "Setting";
  std::vector<std::string> names;
  for (const std::string& variable : section.variables)
    names.emplace_back(programs::option(variable, "report").label);
  std::string name = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) name += " \u00d7 " + names[i];
  return capitalised(name);
}

Table values_table(const Results& results) {
  const Metric& metric = deciding_metric(results);
  const Ranking ranking = rank(results.entries, metric);
  Table table{.id = results.section->group,
              .caption = Text(message("All settings; bold only where the mean ", metric.name,
                                      " differs from every other")),
              .columns = {{setting_name(*results.section)},
                          {"Seeds", "", true},
                          {"Validation accuracy", "%", true},
                          {"Test accuracy", "%", true},
                          {"Test loss", "nats", true},
                          {"Training accuracy", "%", true},
                          {"Training time", "s", true},
                          {"p against the best", "", true},
                          {"Diverged", "runs", true},
                          {"Runs", "", false, true}},
              .rows = {}};
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    const Entry& entry = results.entries[i];
    const bool best = i == ranking.best && ranking.clear();
    std::vector<Cell> row = {Cell(entry.step->label),
                             Cell(std::to_string(entry.rows.size()), static_cast<double>(entry.rows.size())),
                             cell(entry, kValidationAccuracy),
                             cell(entry, kTestAccuracy),
                             cell(entry, kTestLoss),
                             cell(entry, kTrainAccuracy),
                             cell(entry, kTrainSeconds),
                             p_cell(ranking, i),
                             Cell(std::to_string(entry.diverged), entry.diverged),
                             Cell(run_ids(entry.rows))};
    if (best) row[metric.at == kTestAccuracy.at ? 3 : 2].marked = true;
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string verdict_of(const Results& results, const Metric& metric) {
  const Ranking ranking = rank(results.entries, metric);
  if (results.entries[ranking.best].rows.size() < 2) return "undecided: one seed";
  const std::vector<std::size_t> rivals = ranking.rivals();
  constexpr std::size_t kMostNames = 3;
  if (rivals.size() > kMostNames) return message("undecided against ", rivals.size(), " others");
  if (!rivals.empty()) return message("undecided against ", joined(labels_of(results, rivals)));
  if (ranking.tested) return "better than all others (p < 0.05)";
  std::vector<std::size_t> beaten, single;
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    if (std::isnan(ranking.p[i]) && !results.entries[i].rows.empty()) single.push_back(i);
    if (ranking.p[i] < 0.05) beaten.push_back(i);
  }
  if (beaten.empty()) return "undecided: others have one seed";
  return message("better than ", joined(labels_of(results, beaten)), " (p < 0.05); only one run of ",
                 joined(labels_of(results, single)));
}

Text reading_of(const Results& results, const Metric& metric) {
  const Ranking ranking = rank(results.entries, metric);
  const Entry& best = results.entries[ranking.best];
  const Estimate value = estimate_or_wilson(best, metric);
  Text text(message("Highest mean ", metric.name, ": "));
  text.strong(name_of(results, ranking.best)).add(" with ");
  text.traced(shown(value, metric), value.runs).add(message(" (", counted(best.rows.size(), "seed"), ")."));
  if (metric.at == kValidationAccuracy.at) {
    const Estimate test = estimate_or_wilson(best, kTestAccuracy);
    text.add(" The test accuracy of that choice is ").traced(shown(test, kTestAccuracy), test.runs).add(".");
  }
  add_verdict(text, results, ranking, metric);
  add_range(text, results, metric);
  add_edge(text, results, ranking.best);
  add_losses(text, results);
  const double smallest = detectable(results.entries, metric);
  if (!std::isnan(smallest)) {
    text.add(" With runs that spread like these, a comparison of two settings finds a difference of ");
    text.traced(shown_size(smallest, metric), all_runs(results)).add(" four times in five.");
  }
  return text;
}

std::string set_up_of(const Section& section) {
  std::vector<std::string> varied;
  for (const programs::Option& option : programs::options()) {
    const Json first = value_of(option, section.steps.front().settings);
    for (const Step& step : section.steps) {
      if (value_of(option, step.settings) == first) continue;
      varied.emplace_back(option.name);
      break;
    }
  }
  return set_up(section.steps.front().settings, varied);
}

void add_head(Document& document, const Results& results, int level) {
  const Section& section = *results.section;
  document.add(Heading{level, section.group, section.question});
  Text text;
  if (section.variables.size() == 1) {
    const programs::Option& option = programs::option(section.variables.front(), "report");
    text.code(std::string(option.name)).add(message(": ", option.definition, " "));
  }
  const std::string common = set_up_of(section);
  if (!common.empty())
    text.strong(section.kind == Kind::ladder ? "In all steps: " : "In all runs: ").add(common + ".");
  document.add(text);
  if (!section.note.empty()) document.add(Text(section.note));
}

noyau::plot::Line epoch_line(const Entry& entry, const std::string& key, const std::string& name) {
  std::map<double, std::vector<double>> by_epoch;
  for (const Json* row : entry.rows) {
    if (!row->contains("epochs")) continue;
    for (const Json& epoch : (*row)["epochs"]) {
      const double value = value_of(epoch, {"", {key}});
      if (!std::isnan(value)) by_epoch[value_of(epoch, {"", {"epoch"}})].push_back(value);
    }
  }
  noyau::plot::Line line{.name = name};
  for (const auto& [epoch, values] : by_epoch) {
    if (values.size() < entry.rows.size()) continue;  // a mean over fewer seeds would jump
    line.x.push_back(epoch);
    line.y.push_back(noyau::stats::mean(values));
    line.notes.push_back(message(name, ", epoch ", epoch, ": ", noyau::plot::number(line.y.back(), 4), ", ",
                                 run_ids(entry.rows)));
    if (values.size() < 2) continue;
    const noyau::stats::Interval interval = noyau::stats::mean_interval(values);
    line.low.push_back(std::max(0.0, interval.low));  // neither a loss nor a share is below 0
    line.high.push_back(interval.high);
  }
  return line;
}

noyau::plot::Figure epoch_figure(const Facts& facts, const Results& results, const std::string& key) {
  const bool accuracy = key.ends_with("accuracy");
  noyau::plot::Figure figure;
  for (const Entry& entry : results.entries) {
    noyau::plot::Line line = epoch_line(entry, key, entry.step->label);
    if (!line.x.empty()) figure.lines.push_back(std::move(line));
  }
  const bool bands = figure.lines.size() <= kMostBands;
  if (!bands) {
    for (noyau::plot::Line& line : figure.lines) line.low = line.high = {};
  }
  figure.subtitle = subtitle_of(facts, results, bands ? "bands" : "") + (bands ? "" : "; means");
  figure.x = {.label = "Epoch", .whole = true};
  figure.y.label = (key.starts_with("validation") ? "Validation " : "Training ") +
                   std::string(accuracy ? "accuracy" : "loss");
  figure.y.percent = accuracy;
  if (!accuracy) figure.y.unit = "nats";
  return figure;
}

}  // namespace study
