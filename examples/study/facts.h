#pragma once
/// \file
/// What rows of results say: values over seeds, their intervals, comparisons, and how these are written.

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inspect/survey.h"
#include "noyau/stats.h"
#include "study/document.h"
#include "study/plan.h"
#include "study/rows.h"

namespace study {

/// All runs of one step of a section.
struct Entry {
  const Step* step = nullptr;     ///< What was run.
  std::vector<const Json*> rows;  ///< Rows of runs that ended well, by seed.
  int diverged = 0;               ///< Runs whose loss became infinite or not a number.
  int failed = 0;                 ///< Runs that ended with another error.
  int missing = 0;                ///< Runs that have not been done.
};

/// A section and its runs.
struct Results {
  const Section* section = nullptr;  ///< What was asked.
  std::vector<Entry> entries;        ///< One a step.

  /// True when at least one run ended well.
  bool any() const;
  /// Most seeds of any entry.
  std::size_t most_seeds() const;
};

/// Everything that the report is written from.
struct Facts {
  const Plan* plan = nullptr;           ///< The plan.
  std::vector<Row> rows;                ///< Its runs, with the rows of those that were done.
  std::vector<Results> results;         ///< By section, in the plan's order.
  std::string data;                     ///< Name of the data set of all rows used.
  const Json* summary = nullptr;        ///< A row's "data"; null without rows.
  std::vector<std::string> classes;     ///< Class names; numbers where rows have none.
  std::vector<std::string> samples;     ///< PNG strips of sample images, by class; may be empty.
  const Row* best = nullptr;            ///< Row of the network that is looked into; null when there is none.
  std::map<std::string, Json> explain;  ///< What was measured of its explanations, by part.
  std::map<std::string, Json> layers;   ///< The same of its layers.
  std::optional<inspection::Survey> survey;     ///< What `layers` say together, once all are there.
  std::map<std::string, std::string> drawings;  ///< Pictures measured before, by file.
  std::size_t other_data = 0;                   ///< Rows left out because they are of another data set.

  /// Groups the rows of a plan by section and step; only rows of the data set that most rows have are used.
  Facts(const Plan& plan, std::vector<Row> rows);
  /// The section called `group`; null when the plan has none or none of its runs ended well.
  const Results* find(std::string_view group) const;
};

/// A number that a row has.
struct Metric {
  std::string name;             ///< "test accuracy".
  std::vector<std::string> at;  ///< Keys that lead to it.
  bool share = false;           ///< Shown as per cent.
  std::string unit = {};        ///< Its unit.
};
extern const Metric kTestAccuracy;        ///< Share of test images.
extern const Metric kValidationAccuracy;  ///< Share of validation images.
extern const Metric kTrainAccuracy;       ///< Share of training images, measured after training.
extern const Metric kTestLoss;            ///< Cross-entropy.
extern const Metric kCalibration;         ///< Expected calibration error.
extern const Metric kTrainSeconds;        ///< Time spent on training.
extern const Metric kParameters;          ///< Trainable numbers.
extern const Metric kMultiplyAdds;        ///< Per image, forward.

/// The row's number; NaN where it has none.
double value_of(const Json& row, const Metric& metric);
/// The numbers of an entry's rows that have one, by seed.
std::vector<double> values_of(const Entry& entry, const Metric& metric);
/// Ids of the runs of `rows`: "run 0a1b2c3d, 4e5f6a7b".
std::string run_ids(const std::vector<const Json*>& rows);

/// A mean with its 95 % interval.
struct Estimate {
  double mean = 0;   ///< NaN without values.
  double low = 0;    ///< Lower end; NaN when there is no interval.
  double high = 0;   ///< Upper end.
  int seeds = 0;     ///< Number of values.
  std::string runs;  ///< Where they come from.
};
/// Mean and t interval over seeds.
Estimate estimate(const Entry& entry, const Metric& metric);
/// The same; of one seed, the Wilson interval over images where the metric is an accuracy.
Estimate estimate_or_wilson(const Entry& entry, const Metric& metric);
/// Number of images behind an accuracy of the row; 0 for other metrics.
std::int64_t images_of(const Json& row, const Metric& metric);

/// "71.2 %" or "1.234": a value of that metric.
std::string shown(double value, const Metric& metric);
/// "71.2 \u00b1 0.8 %": mean and half width.
std::string shown(const Estimate& estimate, const Metric& metric);
/// The same for a table whose heading has the unit: "71.2 \u00b1 0.8".
std::string without_unit(const Estimate& estimate, const Metric& metric);
/// "1.2 points": the size of a difference of that metric.
std::string shown_size(double change, const Metric& metric);
/// "+1.2 points": a difference of that metric.
std::string shown_change(double change, const Metric& metric);
/// "p = 0.012" or "p < 0.001".
std::string shown_p(double p);
/// "0.012", "< 0.001" or a dash.
std::string shown_p_value(double p);
/// "Learning rate" for "learning rate".
std::string capitalised(std::string text);
/// "3 seeds", "1 seed": a number and its noun.
std::string counted(std::size_t count, const std::string& noun);
/// "a, b and c".
std::string joined(const std::vector<std::string>& names);

/// How the best of several entries stands to the others.
struct Ranking {
  std::size_t best = 0;  ///< Index of the highest mean.
  std::vector<noyau::stats::Comparison>
      against;            ///< Best less each entry; empty of those with one value or none.
  std::vector<double> p;  ///< Of those, adjusted by Holm; NaN where there is no test; 1 of the best.
  bool tested = false;    ///< True when every other entry with a value was tested.

  /// True when the best differs from every other entry.
  bool clear(double level = 0.05) const;
  /// Entries that the best was not shown to differ from, itself left out.
  std::vector<std::size_t> rivals(double level = 0.05) const;
};
/// Compares the entry of the highest mean with the others by Welch's test and Holm's adjustment.
Ranking rank(const std::vector<Entry>& entries, const Metric& metric);
/// Smallest difference that such a comparison sees at 80 % power, from the pooled deviation; NaN with one seed.
double detectable(const std::vector<Entry>& entries, const Metric& metric);

/// What choices are made on: validation accuracy, or test accuracy where rows have no validation.
const Metric& deciding_metric(const Results& results);

}  // namespace study
