#include "study/facts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "noyau/plot.h"
#include "study/parts.h"

namespace study {
namespace {

using noyau::message;
using noyau::plot::fixed;
using noyau::plot::number;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool is_done(const Json& row) { return row.is_object() && row.value("status", "") == "done"; }

std::string data_of(const Json& row) {
  return row.is_object() && row.contains("data") ? row["data"].value("name", "") : "";
}

// The data set of most rows: a table never mixes several.
std::string main_data(const std::vector<Row>& rows) {
  std::map<std::string, int> counts;
  for (const Row& row : rows) {
    if (is_done(row.row)) ++counts[data_of(row.row)];
  }
  const auto more = [](const auto& a, const auto& b) { return a.second < b.second; };
  return counts.empty() ? "" : std::max_element(counts.begin(), counts.end(), more)->first;
}

std::vector<std::string> class_names(const Json& row) {
  std::vector<std::string> names;
  if (row["data"].contains("classes")) return row["data"]["classes"].get<std::vector<std::string>>();
  const std::size_t count =
      row.contains("test") && row["test"].contains("confusion") ? row["test"]["confusion"].size() : 0;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

void add_row(Entry& entry, const Row& row, const std::string& data, std::size_t& other_data) {
  if (row.row.is_null()) {
    ++entry.missing;
  } else if (data_of(row.row) != data && !data_of(row.row).empty()) {
    ++entry.missing;
    ++other_data;
  } else if (is_done(row.row)) {
    entry.rows.push_back(&row.row);
  } else {
    ++(row.row.value("status", "") == "diverged" ? entry.diverged : entry.failed);
  }
}

}  // namespace

const Metric kTestAccuracy{"test accuracy", {"test", "accuracy"}, true};
const Metric kValidationAccuracy{"validation accuracy", {"validation", "accuracy"}, true};
const Metric kTrainAccuracy{"training accuracy", {"train", "accuracy"}, true};
const Metric kTestLoss{"test loss", {"test", "loss"}, false, "nats"};
const Metric kCalibration{"calibration error", {"test", "ece"}, true};
const Metric kTrainSeconds{"training time", {"seconds", "train"}, false, "s"};
const Metric kParameters{"parameters", {"parameters"}};
const Metric kMultiplyAdds{"multiply-adds", {"multiply_adds"}};

bool Results::any() const {
  return std::any_of(entries.begin(), entries.end(), [](const Entry& e) { return !e.rows.empty(); });
}

std::size_t Results::most_seeds() const {
  std::size_t most = 0;
  for (const Entry& entry : entries) most = std::max(most, entry.rows.size());
  return most;
}

Facts::Facts(const Plan& the_plan, std::vector<Row> all_rows)
    : plan(&the_plan), rows(std::move(all_rows)), data(main_data(rows)) {
  for (const Section& section : plan->sections) {
    Results result{.section = &section, .entries = {}};
    for (const Step& step : section.steps) {
      Entry entry{.step = &step, .rows = {}};
      for (const Row& row : rows) {
        if (row.run.group == section.group && row.run.label == step.label)
          add_row(entry, row, data, other_data);
      }
      result.entries.push_back(std::move(entry));
    }
    results.push_back(std::move(result));
  }
  best = best_row(*plan, rows);
  for (const Row& row : rows) {
    if (summary != nullptr || !is_done(row.row) || data_of(row.row) != data) continue;
    summary = &row.row["data"];
    classes = class_names(row.row);
  }
}

const Results* Facts::find(std::string_view group) const {
  for (const Results& result : results) {
    if (result.section->group == group && result.any()) return &result;
  }
  return nullptr;
}

double value_of(const Json& row, const Metric& metric) {
  const Json* place = &row;
  for (const std::string& key : metric.at) {
    if (!place->is_object() || !place->contains(key)) return kNaN;
    place = &(*place)[key];
  }
  return place->is_number() ? place->get<double>() : kNaN;
}

std::vector<double> values_of(const Entry& entry, const Metric& metric) {
  std::vector<double> values;
  for (const Json* row : entry.rows) {
    const double value = value_of(*row, metric);
    if (!std::isnan(value)) values.push_back(value);
  }
  return values;
}

std::string run_ids(const std::vector<const Json*>& rows) {
  std::string ids;
  for (const Json* row : rows)
    ids += message(ids.empty() ? (rows.size() > 1 ? "runs " : "run ") : ", ", row->value("run", ""));
  return ids;
}

static void set_range(Estimate& estimate, const noyau::stats::Interval& interval) {
  estimate.low = interval.low;
  estimate.high = interval.high;
}

Estimate estimate(const Entry& entry, const Metric& metric) {
  const std::vector<double> values = values_of(entry, metric);
  Estimate result{kNaN, kNaN, kNaN, static_cast<int>(values.size()), run_ids(entry.rows)};
  if (values.empty()) return result;
  result.mean = noyau::stats::mean(values);
  if (values.size() >= 2) set_range(result, noyau::stats::mean_interval(values));
  return result;
}

Estimate estimate_or_wilson(const Entry& entry, const Metric& metric) {
  Estimate result = estimate(entry, metric);
  if (result.seeds != 1) return result;
  const std::int64_t images = images_of(*entry.rows.front(), metric);
  if (images > 0) {
    const auto right = std::llround(result.mean * static_cast<double>(images));
    set_range(result, noyau::stats::wilson(right, images));
  }
  return result;
}

std::int64_t images_of(const Json& row, const Metric& metric) {
  constexpr std::int64_t kTrainMeasured =
      10000;  // a trained network is measured on so many training images at most
  if (!metric.share || metric.at.back() != "accuracy" || !row.contains("data")) return 0;
  const std::int64_t images = row["data"].value(metric.at.front(), std::int64_t{0});
  return metric.at.front() == "train" ? std::min(images, kTrainMeasured) : images;
}

// Digits in groups of three, for counts.
static std::string grouped(double count) {
  std::string digits = fixed(count, 0);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, "\u202f");
  return digits;
}

static std::string without_unit(double value, const Metric& metric) {
  if (std::isnan(value)) return "\u2013";
  if (metric.share) return fixed(100 * value, 1);
  if (metric.unit == "nats") return fixed(value, 3);
  return metric.unit.empty() && value >= 1000 ? grouped(value) : number(value, 3);
}

std::string without_unit(const Estimate& estimate, const Metric& metric) {
  const std::string mean = without_unit(estimate.mean, metric);
  const bool measured = metric.share || metric.unit == "nats";
  const double half = (estimate.high - estimate.low) / 2;
  // Counts are the same in every run; seconds of a few runs on a machine that does other work have no useful interval.
  if (metric.unit == "s" || std::isnan(half) || (half == 0 && !measured)) return mean;
  return message(mean, "\u00a0\u00b1\u00a0", measured ? without_unit(half, metric) : number(half, 2));
}

std::string shown(double value, const Metric& metric) {
  return without_unit(value, metric) + (metric.share && !std::isnan(value) ? "\u00a0%" : "");
}

std::string shown(const Estimate& estimate, const Metric& metric) {
  return without_unit(estimate, metric) + (metric.share && !std::isnan(estimate.mean) ? "\u00a0%" : "");
}

std::string shown_size(double change, const Metric& metric) {
  const double size = std::abs(change);
  return metric.share ? message(fixed(100 * size, 1), "\u00a0points") : number(size, 2);
}

std::string shown_change(double change, const Metric& metric) {
  return message(change < 0 ? "\u2212" : "+", shown_size(change, metric));
}

std::string shown_p_value(double p) {
  if (std::isnan(p)) return "\u2013";
  return p < 0.001 ? "< 0.001" : number(p, 2);
}

std::string shown_p(double p) { return message(p < 0.001 ? "p " : "p = ", shown_p_value(p)); }

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string counted(std::size_t count, const std::string& noun) {
  return message(count, " ", noun, count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += message(i == 0 ? "" : (i + 1 == names.size() ? " and " : ", "), names[i]);
  }
  return text;
}

bool Ranking::clear(double level) const { return tested && rivals(level).empty(); }

std::vector<std::size_t> Ranking::rivals(double level) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (i != best && !(p[i] < level) && (!std::isnan(p[i]))) found.push_back(i);
  }
  return found;
}

Ranking rank(const std::vector<Entry>& entries, const Metric& metric) {
  std::vector<std::vector<double>> values;
  for (const Entry& entry : entries) values.push_back(values_of(entry, metric));
  Ranking ranking;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].empty() || noyau::stats::mean(values[i]) <= highest) continue;
    highest = noyau::stats::mean(values[i]);
    ranking.best = i;
  }
  ranking.against.resize(values.size());
  ranking.p.assign(values.size(), kNaN);
  if (values.empty() || values[ranking.best].empty()) return ranking;
  ranking.p[ranking.best] = 1;
  ranking.tested = true;
  std::vector<std::size_t> which;
  std::vector<double> p;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == ranking.best || values[i].empty()) continue;
    if (values[i].size() < 2 || values[ranking.best].size() < 2) {
      ranking.tested = false;
      continue;
    }
    ranking.against[i] = noyau::stats::welch_t(values[ranking.best], values[i]);
    which.push_back(i);
    p.push_back(ranking.against[i].p);
  }
  const std::vector<double> adjusted = noyau::stats::holm(p);
  for (std::size_t k = 0; k < which.size(); ++k) ranking.p[which[k]] = adjusted[k];
  ranking.tested = ranking.tested && !which.empty();
  return ranking;
}

double detectable(const std::vector<Entry>& entries, const Metric& metric) {
  double squares = 0;
  double freedom = 0;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const Entry& entry : entries) {
    const std::vector<double> values = values_of(entry, metric);
    if (values.size() < 2) continue;
    const double sd = noyau::stats::deviation(values);
    squares += sd * sd * static_cast<double>(values.size() - 1);
    freedom += static_cast<double>(values.size() - 1);
    fewest = std::min(fewest, values.size());
  }
  return freedom == 0
             ? kNaN
             : noyau::stats::detectable_by_seeds(static_cast<int>(fewest), std::sqrt(squares / freedom));
}

const Metric& deciding_metric(const Results& results) {
  for (const Entry& entry : results.entries) {
    if (values_of(entry, kValidationAccuracy).size() < entry.rows.size()) return kTestAccuracy;
  }
  return kValidationAccuracy;
}

}  // namespace study
