#include <algorithm>
#include <cmath>

#include "study/labels.h"
#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using namespace noyau::plot;

// The values of one variable in the order in which they first appear.
std::vector<Json> values_at(const Results& results, std::size_t variable) {
  std::vector<Json> values;
  for (const Entry& entry : results.entries) {
    const Json& value = entry.step->at[variable];
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

std::vector<std::string> names_of(const std::string& variable, const std::vector<Json>& values) {
  std::vector<std::string> names;
  for (const Json& value : values) names.push_back(value_label(variable, value));
  return names;
}

const Entry* entry_at(const Results& results, const Json& first, const Json& second) {
  for (const Entry& entry : results.entries) {
    if (entry.step->at[0] == first && entry.step->at[1] == second) return &entry;
  }
  return nullptr;
}

std::string cell_text(const Entry& entry, const Metric& metric) {
  const Estimate value = estimate(entry, metric);
  std::string text = std::isnan(value.mean) ? "\u2013" : fixed(100 * value.mean, 1);
  if (!std::isnan(value.low)) text += message("\n\u00b1 ", fixed(50 * (value.high - value.low), 1));
  if (entry.diverged > 0) text += message("\n", entry.diverged, " div.");
  return text;
}

std::string axis_of(const std::string& variable) {
  return std::string(programs::option(variable, "report").label);
}

// Where the first variable is best, for each value of the second.
Text ridge(const Results& results, const Metric& metric) {
  const std::vector<std::string>& variables = results.section->variables;
  Text text(message("Best ", axis_of(variables[0]), " for each ", axis_of(variables[1]), ": "));
  bool first = true;
  for (const Json& row : values_at(results, 1)) {
    const Entry* best = nullptr;
    for (const Json& column : values_at(results, 0)) {
      const Entry* entry = entry_at(results, column, row);
      if (entry == nullptr || entry->rows.empty()) continue;
      if (best == nullptr || estimate(*entry, metric).mean > estimate(*best, metric).mean) best = entry;
    }
    if (best == nullptr) continue;
    text.add(message(first ? "" : "; ", value_label(variables[0], best->step->at[0]), " at ",
                     value_label(variables[1], row), " ("));
    text.traced(shown(estimate(*best, metric).mean, metric), run_ids(best->rows)).add(")");
    first = false;
  }
  return text.add(".");
}

}  // namespace

void add_grid(Document& document, const Facts& facts, const Results& results) {
  const Section& section = *results.section;
  const Metric& metric = deciding_metric(results);
  const std::vector<Json> columns = values_at(results, 0);
  const std::vector<Json> rows = values_at(results, 1);
  HeatMap figure;
  figure.title = section.question;
  figure.subtitle = subtitle_of(facts, results, "") + "; cells: mean" +
                    (results.most_seeds() < 2 ? "" : " and half width of the 95 % t-interval over seeds") +
                    ", number of diverged runs (div.)";
  figure.column_label = capitalised(axis_of(section.variables[0]));
  figure.row_label = capitalised(axis_of(section.variables[1]));
  figure.columns = names_of(section.variables[0], columns);
  figure.rows = names_of(section.variables[1], rows);
  figure.value = {.label = capitalised(metric.name), .percent = true};
  for (const Json& row : rows) {
    for (const Json& column : columns) {
      const Entry* entry = entry_at(results, column, row);
      const Estimate value = entry == nullptr ? Estimate{NAN, NAN, NAN, 0, ""} : estimate(*entry, metric);
      figure.values.push_back(value.mean);
      figure.texts.push_back(entry == nullptr ? "\u2013" : cell_text(*entry, metric));
      figure.notes.push_back(
          entry == nullptr ? "" : message(entry->step->label, ": ", shown(value, metric), ", ", value.runs));
    }
  }
  add_head(document, results);
  document.add(Gallery{{drawing(section.group, figure)}});
  document.add(
      Note{Note::Kind::reading, reading_of(results, metric).add(" ").append(ridge(results, metric))});
  document.add(values_table(results));
}

}  // namespace study
