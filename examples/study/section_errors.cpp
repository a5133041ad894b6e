#include <algorithm>
#include <cmath>

#include "study/sections.h"

namespace study {
namespace {

using noyau::ConfusionMatrix;
using noyau::message;
using namespace noyau::plot;

constexpr std::size_t kTopConfusions = 10;
constexpr int kBins = 15;

void add_to(ConfusionMatrix& matrix, const Json& row) {
  const Json& confusion = row["test"]["confusion"];
  for (int r = 0; r < matrix.classes(); ++r) {
    for (int c = 0; c < matrix.classes(); ++c) {
      matrix.add(r, c,
                 confusion[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)].get<std::int64_t>());
    }
  }
}

std::string who(const Facts& facts, const Entry& entry) {
  return message(data_title(facts.data), " test set, ", entry.step->label, ", ",
                 counted(entry.rows.size(), "seed"));
}

struct Confusion {
  int label;
  int predicted;
  std::int64_t count;
};

Table confusion_table(const Facts& facts, const ConfusionMatrix& matrix, const std::string& runs) {
  std::vector<Confusion> pairs;
  for (int r = 0; r < matrix.classes(); ++r) {
    for (int c = 0; c < matrix.classes(); ++c) {
      if (r != c) pairs.push_back({r, c, matrix.at(r, c)});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Confusion& a, const Confusion& b) { return a.count > b.count; });
  pairs.resize(std::min(pairs.size(), kTopConfusions));
  Table table{.id = "confusions",
              .caption = "The most frequent confusions, all seeds together",
              .columns = {{"True class"},
                          {"Predicted as"},
                          {"Count", "images", true},
                          {"Share of the true class", "%", true},
                          {"Share of all errors", "%", true},
                          {"Runs", "", false, true}},
              .rows = {}};
  const auto classes = matrix.per_class();
  const double errors = static_cast<double>(matrix.total()) * (1 - matrix.accuracy());
  for (const Confusion& pair : pairs) {
    if (pair.count == 0) continue;
    const auto count = static_cast<double>(pair.count);
    const auto support = static_cast<double>(classes[static_cast<std::size_t>(pair.label)].support);
    table.rows.push_back({Cell(facts.classes[static_cast<std::size_t>(pair.label)]),
                          Cell(facts.classes[static_cast<std::size_t>(pair.predicted)]),
                          Cell(Text().traced(std::to_string(pair.count), runs), count),
                          Cell(Text().traced(fixed(100 * count / support, 1), runs), 100 * count / support),
                          Cell(Text().traced(fixed(100 * count / errors, 1), runs), 100 * count / errors),
                          Cell(runs)});
  }
  return table;
}

// Precision, recall and F1 of each class: mean over seeds, with the t interval where there are several.
Bars class_bars(const Facts& facts, const Entry& entry) {
  Bars figure;
  figure.title = "Which classes are hard?";
  figure.subtitle =
      who(facts, entry) + (entry.rows.size() > 1 ? "; error bars: 95 % t-interval over seeds" : "");
  figure.categories = facts.classes;
  figure.value = {.label = "Score", .percent = true, .high = 1.0};
  std::vector<std::vector<noyau::ClassMetrics>> seeds;
  for (const Json* row : entry.rows) {
    ConfusionMatrix matrix(static_cast<int>(facts.classes.size()));
    add_to(matrix, *row);
    seeds.push_back(matrix.per_class());
  }
  const std::vector<std::pair<std::string, double noyau::ClassMetrics::*>> scores = {
      {"precision", &noyau::ClassMetrics::precision},
      {"recall", &noyau::ClassMetrics::recall},
      {"F1", &noyau::ClassMetrics::f1}};
  for (const auto& [name, member] : scores) {
    BarSeries series{.name = name};
    for (std::size_t c = 0; c < facts.classes.size(); ++c) {
      std::vector<double> values;
      for (const auto& classes : seeds) values.push_back(classes[c].*member);
      series.values.push_back(noyau::stats::mean(values));
      if (values.size() < 2) continue;
      const noyau::stats::Interval interval = noyau::stats::mean_interval(values);
      series.low.push_back(std::max(0.0, interval.low));
      series.high.push_back(std::min(1.0, interval.high));
    }
    figure.series.push_back(std::move(series));
  }
  return figure;
}

Reliability reliability(const Facts& facts, const Entry& entry) {
  Reliability figure;
  figure.title = "Can the probabilities be believed?";
  const Estimate ece = estimate(entry, kCalibration);
  figure.subtitle =
      message(who(facts, entry), "; ", kBins, " bins; expected calibration error ", shown(ece, kCalibration));
  figure.bins.resize(kBins);
  for (int b = 0; b < kBins; ++b) {
    figure.bins[static_cast<std::size_t>(b)].lower = static_cast<double>(b) / kBins;
    figure.bins[static_cast<std::size_t>(b)].upper = static_cast<double>(b + 1) / kBins;
  }
  for (const Json* row : entry.rows) {
    for (const Json& bin : (*row)["test"].value("reliability", Json::array())) {
      const auto count = bin.value("count", std::int64_t{0});
      if (count == 0) continue;
      // The mean confidence of a bin lies within it.
      const double confidence = bin.value("confidence", 0.0);
      const int index = std::clamp(static_cast<int>(std::ceil(confidence * kBins - 1e-9)) - 1, 0, kBins - 1);
      noyau::ReliabilityBin& sum = figure.bins[static_cast<std::size_t>(index)];
      sum.count += count;
      const double weight = static_cast<double>(count) / static_cast<double>(sum.count);
      sum.confidence += (confidence - sum.confidence) * weight;
      sum.accuracy += (bin.value("accuracy", 0.0) - sum.accuracy) * weight;
    }
  }
  return figure;
}

Text reading(const Facts& facts, const ConfusionMatrix& matrix, const Bars& bars,
             const Reliability& calibration, const std::string& runs) {
  const std::vector<double>& recall = bars.series[1].values;
  const auto worst = std::min_element(recall.begin(), recall.end()) - recall.begin();
  const auto best = std::max_element(recall.begin(), recall.end()) - recall.begin();
  double signed_gap = 0;
  double images = 0;
  for (const noyau::ReliabilityBin& bin : calibration.bins) {
    signed_gap += static_cast<double>(bin.count) * (bin.confidence - bin.accuracy);
    images += static_cast<double>(bin.count);
  }
  Text text("Hardest class: ");
  text.strong(facts.classes[static_cast<std::size_t>(worst)]).add(", of whose images ");
  text.traced(shown(recall[static_cast<std::size_t>(worst)], kTestAccuracy), runs)
      .add(" are recognised; easiest: ");
  text.strong(facts.classes[static_cast<std::size_t>(best)]).add(" with ");
  text.traced(shown(recall[static_cast<std::size_t>(best)], kTestAccuracy), runs).add(".");
  if (images > 0) {
    text.add(signed_gap > 0 ? " The network is too sure: its mean confidence is "
                            : " The network is too modest: its mean confidence is ");
    text.traced(fixed(std::abs(100 * signed_gap / images), 1), runs);
    text.add(signed_gap > 0 ? " points above its accuracy." : " points below its accuracy.");
  }
  text.add(message(" All counts are of ", matrix.total(), " predictions."));
  return text;
}

}  // namespace

bool has_confusion(const Facts& facts, const Json& row) {
  return row.contains("test") && row["test"].contains("confusion") &&
         row["test"]["confusion"].size() == facts.classes.size();
}

void add_errors(Document& document, const Facts& facts, const Entry& entry) {
  if (entry.rows.empty() || facts.classes.empty()) return;
  ConfusionMatrix matrix(static_cast<int>(facts.classes.size()));
  for (const Json* row : entry.rows) {
    if (!has_confusion(facts, *row)) return;
    add_to(matrix, *row);
  }
  if (matrix.total() == 0) return;
  const std::string runs = run_ids(entry.rows);
  HeatMap map = confusion_map(matrix, facts.classes);
  map.title = "Which classes are mistaken for which?";
  map.subtitle = who(facts, entry) + "; cells: per cent of the true class";
  for (std::string& note : map.notes) note += ", " + runs;
  const Bars bars = class_bars(facts, entry);
  const Reliability calibration = reliability(facts, entry);
  document.add(Heading{3, "errors", message("What does ", entry.step->label, " get wrong?")});
  document.add(
      Text(message("Of all networks, ", entry.step->label,
                   " has the highest mean validation accuracy; the test set had no part in the choice.")));
  document.add(
      Gallery{{drawing("confusion", map), drawing("reliability", calibration), drawing("classes", bars)}});
  document.add(Note{Note::Kind::reading, reading(facts, matrix, bars, calibration, runs)});
  document.add(confusion_table(facts, matrix, runs));
}

}  // namespace study
