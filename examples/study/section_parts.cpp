#include <algorithm>
#include <cmath>
#include <map>

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
  text.add(message(" It beats ", joined(labels_of(results, beaten)), " (", bound, ", Welch's test, Holm)."));
}

void add_undecided(Text& text, const Results& results, const Ranking& ranking, const Metric& metric) {
  constexpr std::size_t kMostIntervals = 3;
  const std::vector<std::size_t> rivals = ranking.rivals();
  if (rivals.empty()) return;
  text.strong(" Undecided at this budget").add(" against ");
  if (rivals.size() > kMostIntervals) {
    text.add(joined(labels_of(results, rivals))).add(".");
    return;
  }
  for (std::size_t k = 0; k < rivals.size(); ++k) {
    const noyau::stats::Comparison& c = ranking.against[rivals[k]];
    const Entry& rival = results.entries[rivals[k]];
    text.add(message(k == 0 ? "" : "; ", rival.step->label, ": "));
    const std::string low = shown_change(c.interval.low, metric);
    text.traced(message(shown_change(c.difference, metric), ", 95 % interval ",
                        low.substr(0, low.find("\u00a0")), " to ", shown_change(c.interval.high, metric)),
                run_ids(rival.rows));
  }
  text.add(rivals.size() > 1 ? " (intervals before adjustment)." : ".");
}

void add_range(Text& text, const Results& results, const Metric& metric) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const Entry& entry : results.entries) {
    const double mean = estimate(entry, metric).mean;
    if (std::isnan(mean)) continue;
    low = std::min(low, mean);
    high = std::max(high, mean);
  }
  text.add(" Lowest to highest mean: ").traced(shown_change(high - low, metric), all_runs(results)).add(".");
}

// A best value at the end of a sweep says that the range was too narrow.
void add_edge(Text& text, const Results& results, std::size_t best) {
  const bool edge = best == 0 || best + 1 == results.entries.size();
  if (results.section->kind != Kind::sweep || !edge || results.entries.size() < 3) return;
  text.add(" The best value is at the end of those tried, so a better one may lie beyond.");
}

void add_losses(Text& text, const Results& results) {
  for (const Entry& entry : results.entries) {
    if (entry.diverged == 0) continue;
    const std::size_t runs = entry.rows.size() + static_cast<std::size_t>(entry.diverged + entry.failed);
    text.add(
        message(" ", entry.diverged, " of ", counted(runs, "run"), " diverged at ", entry.step->label, "."));
  }
}

}  // namespace

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

Cell cell(const Facts& facts, const Entry& entry, const Metric& metric) {
  const Estimate value = estimate(entry, metric, images_of(facts, metric));
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
  for (std::size_t i = 1; i < names.size(); ++i) name += " x " + names[i];
  return capitalised(name);
}

Table values_table(const Facts& facts, const Results& results) {
  const Metric& metric = deciding_metric(results);
  const Ranking ranking = rank(results.entries, metric);
  Table table{.id = results.section->group,
              .caption = Text(message("All settings; bold: a mean ", metric.name, " above all others")),
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
                             cell(facts, entry, kValidationAccuracy),
                             cell(facts, entry, kTestAccuracy),
                             cell(facts, entry, kTestLoss),
                             cell(facts, entry, kTrainAccuracy),
                             cell(facts, entry, kTrainSeconds),
                             p_cell(ranking, i),
                             Cell(std::to_string(entry.diverged), entry.diverged),
                             Cell(run_ids(entry.rows))};
    if (best) row[metric.at == kTestAccuracy.at ? 3 : 2].marked = true;
    table.rows.push_back(std::move(row));
  }
  return table;
}

Text reading_of(const Facts& facts, const Results& results, const Metric& metric) {
  const Ranking ranking = rank(results.entries, metric);
  const Entry& best = results.entries[ranking.best];
  const Estimate value = estimate(best, metric, images_of(facts, metric));
  Text text;
  const bool one_option = results.section->variables.size() == 1 && results.section->kind == Kind::sweep;
  const std::string option =
      one_option ? message(programs::option(results.section->variables[0], "report").label, " ") : "";
  text.add(message("Highest mean ", metric.name, ": ", option)).strong(best.step->label).add(" with ");
  text.traced(shown(value, metric), value.runs).add(message(" (", counted(best.rows.size(), "seed"), ")."));
  if (metric.at == kValidationAccuracy.at) {
    const Estimate test = estimate(best, kTestAccuracy, images_of(facts, kTestAccuracy));
    text.add(" The test accuracy of that choice is ").traced(shown(test, kTestAccuracy), test.runs).add(".");
  }
  if (results.most_seeds() < 2) {
    text.strong(" Undecided at this budget:").add(" with one seed, chance between runs is not measured.");
  } else {
    add_beaten(text, results, ranking);
    add_undecided(text, results, ranking, metric);
    if (!ranking.tested) text.add(" Settings with fewer than two seeds are not compared.");
  }
  add_range(text, results, metric);
  add_edge(text, results, ranking.best);
  add_losses(text, results);
  const double smallest = detectable(results.entries, metric);
  if (!std::isnan(smallest)) {
    text.add(" Runs that spread like these show differences from ");
    text.traced(shown_change(smallest, metric).substr(1), all_runs(results))
        .add(" up (80 % power, one comparison).");
  }
  return text;
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
    line.low.push_back(interval.low);
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
  figure.x.label = "Epoch";
  figure.y.label = (key.starts_with("validation") ? "Validation " : "Training ") +
                   std::string(accuracy ? "accuracy" : "loss");
  figure.y.percent = accuracy;
  if (!accuracy) figure.y.unit = "nats";
  return figure;
}

}  // namespace study
