#include <algorithm>
#include <cmath>

#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using namespace noyau::plot;

// Where the values of a sweep stand on the axis: in proportion, by logarithm, or side by side when that shows nothing.
struct Positions {
  std::vector<double> x;
  Axis axis;
};

std::string axis_unit(const programs::Option& option) {
  static const std::vector<std::string> kNone = {"name",  "path",   "yes or no", "none",
                                                 "share", "factor", "number",    "steps"};
  const std::string unit(option.unit);
  const bool said = option.label.find(unit) != std::string_view::npos;  // "training images"
  return said || std::find(kNone.begin(), kNone.end(), unit) != kNone.end() ? "" : unit;
}

Positions positions_of(const Results& results) {
  constexpr double kWide = 8;
  const programs::Option& option = programs::option(results.section->variables.front(), "report");
  Positions positions;
  positions.axis = {.label = capitalised(std::string(option.label)), .unit = axis_unit(option)};
  std::vector<double> values;
  for (const Entry& entry : results.entries) {
    const Json& at = entry.step->at.front();
    values.push_back(at.is_number() ? at.get<double>() : NAN);
  }
  const bool numeric = std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const bool wide = numeric && *high > kWide * std::abs(*low);
  if (numeric && (!wide || *low > 0)) {
    positions.x = values;
    positions.axis.log = wide;
    positions.axis.ticks = values;
    return positions;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    positions.x.push_back(static_cast<double>(i));
    positions.axis.names.push_back(results.entries[i].step->label);
  }
  positions.axis.ticks = positions.x;
  return positions;
}

Line sweep_line(const Results& results, const Positions& positions, const Metric& metric, int style) {
  Line line{.name = metric.name.substr(0, metric.name.find(' ')),
            .range = Range::whiskers,
            .markers = true,
            .style = style};
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    const Estimate value = estimate(results.entries[i], metric);
    line.x.push_back(positions.x[i]);
    line.y.push_back(value.mean);
    line.low.push_back(value.low);
    line.high.push_back(value.high);
    line.notes.push_back(
        message(results.entries[i].step->label, ": ", shown(value, metric), ", ", value.runs));
  }
  return line;
}

// Every run as a grey mark: an interval over two or three seeds hides how few they are.
Line single_runs(const Results& results, const Positions& positions, const Metric& metric) {
  Line line{.markers = true, .connected = false, .muted = true, .style = 3};
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    for (double value : values_of(results.entries[i], metric)) {
      line.x.push_back(positions.x[i]);
      line.y.push_back(value);
    }
  }
  return line;
}

Drawing sweep_figure(const Facts& facts, const Results& results) {
  const Positions positions = positions_of(results);
  Figure figure;
  figure.title = results.section->question;
  figure.subtitle = subtitle_of(facts, results, "whiskers");
  figure.x = positions.axis;
  figure.y = {.label = "Accuracy", .percent = true};
  const Metric& metric = deciding_metric(results);
  if (results.most_seeds() > 1) {
    figure.lines.push_back(single_runs(results, positions, metric));
    figure.subtitle += "; grey: single runs";
  }
  figure.lines.push_back(sweep_line(results, positions, metric, 0));
  figure.lines.push_back(sweep_line(results, positions, kTrainAccuracy, 1));
  return drawing(results.section->group, figure);
}

Drawing compare_figure(const Facts& facts, const Results& results) {
  const Metric& metric = deciding_metric(results);
  Bars figure;
  figure.title = results.section->question;
  figure.subtitle = subtitle_of(facts, results, "whiskers");
  figure.dots = true;
  figure.value = {.label = capitalised(metric.name), .percent = true};
  figure.series.emplace_back();
  for (const Entry& entry : results.entries) {
    const Estimate value = estimate(entry, metric);
    figure.categories.push_back(entry.step->label);
    figure.series[0].values.push_back(value.mean);
    figure.series[0].low.push_back(value.low);
    figure.series[0].high.push_back(value.high);
    figure.series[0].notes.push_back(
        message(entry.step->label, ": ", shown(value, metric), ", ", value.runs));
  }
  return drawing(results.section->group, figure);
}

bool has_number(const Results& results) {
  return !results.section->variables.empty() && !results.entries.front().step->at.empty();
}

}  // namespace

void add_values(Document& document, const Facts& facts, const Results& results) {
  const Section& section = *results.section;
  add_head(document, results);
  Gallery gallery;
  const bool curve = section.kind == Kind::sweep && has_number(results);
  gallery.drawings.push_back(curve ? sweep_figure(facts, results) : compare_figure(facts, results));
  Figure course = epoch_figure(facts, results, "validation_loss");
  if (course.lines.empty()) course = epoch_figure(facts, results, "train_loss");
  if (!course.lines.empty()) {
    course.title = "How does it change the course of training?";
    gallery.drawings.push_back(drawing(section.group + "-course", course));
  }
  document.add(gallery);
  document.add(Note{Note::Kind::reading, reading_of(results, deciding_metric(results))});
  document.add(values_table(results));
}

}  // namespace study
