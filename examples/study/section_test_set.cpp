#include <algorithm>
#include <cmath>

#include "study/labels.h"
#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using namespace noyau::plot;

double share_of(const Entry& entry) {
  return entry.step->at.empty() || !entry.step->at[0].is_number() ? entry.step->settings.random_labels
                                                                  : entry.step->at[0].get<double>();
}

Bars bars_of(const Facts& facts, const Results& results, const std::vector<const Metric*>& metrics) {
  Bars figure;
  figure.subtitle = subtitle_of(facts, results, "error bars");
  figure.value = {.label = "Accuracy", .percent = true};
  for (const Entry& entry : results.entries) figure.categories.push_back(entry.step->label);
  for (const Metric* metric : metrics) {
    BarSeries series{.name = metric->name};
    for (const Entry& entry : results.entries) {
      const Estimate value = estimate(entry, *metric);
      series.values.push_back(value.mean);
      series.low.push_back(value.low);
      series.high.push_back(value.high);
      series.notes.push_back(
          message(entry.step->label, ", ", metric->name, ": ", shown(value, *metric), ", ", value.runs));
    }
    figure.series.push_back(std::move(series));
  }
  return figure;
}

Text traced_value(const Entry& entry, const Metric& metric) {
  const Estimate value = estimate_or_wilson(entry, metric);
  return Text().traced(shown(value, metric), value.runs);
}

void add_random_labels(Document& document, const Facts& facts, const Results& results) {
  const auto by_share = [](const Entry& a, const Entry& b) { return share_of(a) < share_of(b); };
  const Entry& random = *std::max_element(results.entries.begin(), results.entries.end(), by_share);
  const double chance = facts.classes.empty() ? NAN : 1 / static_cast<double>(facts.classes.size());
  Bars final_bars = bars_of(facts, results, {&kTrainAccuracy, &kTestAccuracy});
  final_bars.title = results.section->question;
  if (!std::isnan(chance)) final_bars.reference = chance;
  final_bars.subtitle += "; dashed: chance";
  Figure course;
  course.title = "How does a network learn labels that mean nothing?";
  course.subtitle = subtitle_of(facts, results, "bands");
  course.x = {.label = "Epoch", .whole = true};
  course.y = {.label = "Accuracy", .percent = true};
  course.lines = {epoch_line(random, "train_accuracy", "training"),
                  epoch_line(random, "validation_accuracy", "validation")};
  if (!std::isnan(chance)) course.rules.push_back({.value = chance, .label = "chance"});
  add_head(document, results, 3);
  document.add(Gallery{
      {drawing(results.section->group, final_bars), drawing(results.section->group + "-course", course)}});
  if (random.rows.empty()) return;
  const std::string share =
      share_of(random) == 1 ? "all" : message(fixed(100 * share_of(random), 0), " % of the");
  Text text(message("With ", share, " training labels drawn at random, training accuracy is "));
  text.append(traced_value(random, kTrainAccuracy))
      .add(" and test accuracy ")
      .append(traced_value(random, kTestAccuracy));
  if (!std::isnan(chance)) text.add(message(" (chance: ", fixed(100 * chance, 1), " %)"));
  text.add(
      ". What a network gets right on the images it was trained on says how much it can store; only images "
      "it has never seen say what it has learnt.");
  document.add(Note{Note::Kind::reading, text});
  document.add(values_table(results));
}

void add_capacity(Document& document, const Facts& facts, const Results& results) {
  Figure figure;
  figure.title = results.section->question;
  figure.subtitle = subtitle_of(facts, results, "whiskers");
  figure.x = {.label = "Parameters", .log = true};
  figure.y = {.label = "Accuracy", .percent = true};
  for (const Metric* metric : {&kTrainAccuracy, &kTestAccuracy}) {
    Line line{
        .name = metric == &kTrainAccuracy ? "training" : "test", .range = Range::whiskers, .markers = true};
    for (const Entry& entry : results.entries) {
      const Estimate value = estimate(entry, *metric);
      line.x.push_back(estimate(entry, kParameters).mean);
      line.y.push_back(value.mean);
      line.low.push_back(value.low);
      line.high.push_back(value.high);
      line.notes.push_back(message(entry.step->label, ": ", shown(value, *metric), ", ", value.runs));
    }
    figure.lines.push_back(std::move(line));
  }
  add_head(document, results, 3);
  document.add(Gallery{{drawing(results.section->group, figure)}});
  std::vector<const Entry*> known;
  for (const Entry& entry : results.entries) {
    if (!entry.rows.empty() && !std::isnan(estimate(entry, kTrainAccuracy).mean)) known.push_back(&entry);
  }
  if (known.size() >= 2) {
    const auto gap = [](const Entry& e) {
      return estimate(e, kTrainAccuracy).mean - estimate(e, kTestAccuracy).mean;
    };
    const auto setting = [&](const Entry& e) {
      return value_phrase(results.section->variables.front(), e.step->label);
    };
    Text text("The gap between training and test accuracy is ");
    text.traced(shown_change(gap(*known.front()), kTestAccuracy), run_ids(known.front()->rows))
        .add(" with " + setting(*known.front()));
    text.add(" and ")
        .traced(shown_change(gap(*known.back()), kTestAccuracy), run_ids(known.back()->rows))
        .add(" with " + setting(*known.back()));
    text.add(". Training accuracy alone hides that gap; only images that were not trained on show it.");
    document.add(Note{Note::Kind::reading, text});
  }
  document.add(values_table(results));
}

struct Trial {
  double validation;
  double test;
  const Json* row;
};

std::vector<Trial> trials_of(const Results& results) {
  std::vector<Trial> trials;
  for (const Entry& entry : results.entries) {
    for (const Json* row : entry.rows) {
      const Trial trial{value_of(*row, kValidationAccuracy), value_of(*row, kTestAccuracy), row};
      if (!std::isnan(trial.validation) && !std::isnan(trial.test)) trials.push_back(trial);
    }
  }
  return trials;
}

// Mean test accuracy of the run that is first in `order` among k drawn at random without replacement: the run at place
// i is first with probability C(n - 1 - i, k - 1) / C(n, k).
double expected_choice(const std::vector<Trial>& order, std::size_t k) {
  const std::size_t n = order.size();
  double probability = static_cast<double>(k) / static_cast<double>(n);
  double sum = 0;
  for (std::size_t i = 0; i + k <= n; ++i) {
    sum += probability * order[i].test;
    const auto left = static_cast<double>(n - 1 - i);
    probability *= left == 0 ? 0 : (left - static_cast<double>(k - 1)) / left;
  }
  return sum;
}

void add_selection(Document& document, const Facts& facts, const Results& results) {
  std::vector<Trial> by_test = trials_of(results);
  if (by_test.size() < 3) return;
  std::vector<Trial> by_validation = by_test;
  std::stable_sort(by_test.begin(), by_test.end(),
                   [](const Trial& a, const Trial& b) { return a.test > b.test; });
  std::stable_sort(by_validation.begin(), by_validation.end(),
                   [](const Trial& a, const Trial& b) { return a.validation > b.validation; });
  Line test{.name = "chosen on test", .markers = true};
  Line validation{.name = "on validation", .markers = true};
  for (std::size_t k = 1; k <= by_test.size(); ++k) {
    test.x.push_back(static_cast<double>(k));
    test.y.push_back(expected_choice(by_test, k));
    validation.x.push_back(static_cast<double>(k));
    validation.y.push_back(expected_choice(by_validation, k));
  }
  std::vector<const Json*> rows;
  for (const Trial& trial : by_test) rows.push_back(trial.row);
  const std::string runs = run_ids(rows);
  Figure figure;
  figure.title = results.section->question;
  figure.subtitle = message(data_title(facts.data), ", ", by_test.size(),
                            " runs; exact mean over all ways to draw k of them");
  figure.x = {.label = "Runs to choose from, k", .whole = true};
  figure.y = {.label = "Test accuracy that would be reported", .percent = true};
  figure.lines = {test, validation};
  add_head(document, results, 3);
  document.add(Gallery{{drawing(results.section->group, figure)}});
  // All ways to draw half of the runs: of all runs together there would be a single choice.
  const std::size_t half = by_test.size() / 2;
  const double chosen_on_test = test.y[half - 1], chosen_on_validation = validation.y[half - 1];
  Text text(message("Choosing the best of ", half, " runs on the test set would report "));
  text.traced(shown(chosen_on_test, kTestAccuracy), runs)
      .add(" on average; the run chosen on validation has ");
  text.traced(shown(chosen_on_validation, kTestAccuracy), runs)
      .add(" on the same test set. The difference, ");
  text.traced(shown_change(chosen_on_test - chosen_on_validation, kTestAccuracy), runs);
  text.add(", is optimism: images that chose a run can no longer judge it. A run drawn at random has ");
  text.traced(shown(test.y.front(), kTestAccuracy), runs).add(".");
  document.add(Note{Note::Kind::reading, text});
  document.add(values_table(results));
}

}  // namespace

void add_test_set(Document& document, const Facts& facts) {
  const bool any = std::any_of(facts.results.begin(), facts.results.end(),
                               [](const Results& r) { return is_about_test_set(*r.section) && r.any(); });
  if (!any) return;
  document.add(Heading{2, "test-set", "Why does the test set decide?"});
  document.add(
      "Training lowers the loss on the training images (the empirical risk). What counts is the loss on "
      "images that nobody has seen yet (the expected risk). The test set estimates it without bias, but only "
      "as long as nothing was fitted to it or chosen by it. The following runs show what happens otherwise.");
  for (const Results& results : facts.results) {
    if (!is_about_test_set(*results.section) || !results.any()) continue;
    if (results.section->group == "r7_random_labels") {
      add_random_labels(document, facts, results);
    } else if (results.section->group == "r7_capacity") {
      add_capacity(document, facts, results);
    } else {
      add_selection(document, facts, results);
    }
  }
  const std::int64_t images = facts.summary == nullptr ? 0 : facts.summary->value("test", std::int64_t{0});
  if (images == 0) return;
  document.add(Heading{3, "test-limits", "What can the test set itself not tell?"});
  const noyau::stats::Interval interval = noyau::stats::wilson(images / 2, images);
  const double seen = noyau::stats::detectable_by_images(images, 0.05);
  document.add(Text(message(
      "With ", images, " test images, an accuracy near one half is known to \u00b1 ",
      fixed(50 * (interval.high - interval.low), 1),
      " points (Wilson, 95 %). Two networks that disagree about being right on 5 % of the images can be told "
      "apart from a difference of ",
      fixed(100 * seen, 1),
      " points on (McNemar's test, 80 % power). And it speaks only of images like its own: on images "
      "collected anew by the same rules, accuracies fall (Recht et al., CIFAR-10.1, arXiv 1806.00451).")));
}

}  // namespace study
