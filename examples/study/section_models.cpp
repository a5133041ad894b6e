#include <algorithm>
#include <cmath>

#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using namespace noyau::plot;

// The class with the lowest recall over all seeds.
Cell worst_class(const Facts& facts, const Entry& entry) {
  std::vector<double> right(facts.classes.size());
  std::vector<double> all(facts.classes.size());
  for (const Json* row : entry.rows) {
    if (!has_confusion(facts, *row)) return "\u2013";
    const Json& confusion = (*row)["test"]["confusion"];
    for (std::size_t r = 0; r < all.size(); ++r) {
      for (std::size_t c = 0; c < all.size(); ++c) all[r] += confusion[r][c].get<double>();
      right[r] += confusion[r][r].get<double>();
    }
  }
  std::size_t worst = all.size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] > 0 && (worst == all.size() || right[i] / all[i] < right[worst] / all[worst])) worst = i;
  }
  if (worst == all.size()) return "\u2013";
  const std::string share = shown(right[worst] / all[worst], kTestAccuracy);
  return Text().traced(message(facts.classes[worst], " ", share), run_ids(entry.rows));
}

Table master_table(const Facts& facts, const Results& results) {
  const Ranking ranking = rank(results.entries, kTestAccuracy);
  Table table{.id = results.section->group,
              .caption = "Every network",
              .columns = {{"Network"},
                          {"Seeds", "", true},
                          {"Test accuracy", "%", true},
                          {"Test loss", "nats", true},
                          {"Calibration error", "%", true},
                          {"Worst class, recall", "", true},
                          {"Training accuracy", "%", true},
                          {"Parameters", "", true},
                          {"Multiply-adds", "", true},
                          {"Training time", "s", true},
                          {"p against the best", "", true},
                          {"Runs", "", false, true}},
              .rows = {}};
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    const Entry& entry = results.entries[i];
    const bool best = i == ranking.best && !entry.rows.empty();
    std::vector<Cell> row = {Cell(entry.step->label),
                             Cell(std::to_string(entry.rows.size()), static_cast<double>(entry.rows.size())),
                             cell(entry, kTestAccuracy),
                             cell(entry, kTestLoss),
                             cell(entry, kCalibration),
                             worst_class(facts, entry),
                             cell(entry, kTrainAccuracy),
                             cell(entry, kParameters),
                             cell(entry, kMultiplyAdds),
                             cell(entry, kTrainSeconds),
                             p_cell(ranking, i),
                             Cell(run_ids(entry.rows))};
    if (best && ranking.clear()) row[0].marked = row[2].marked = true;
    table.rows.push_back(std::move(row));
  }
  return table;
}

Text how_to_read_master(const Results& results) {
  if (results.most_seeds() < 2) {
    return "One seed a network: \u00b1 is half of Wilson's 95 % interval over test images and knows nothing "
           "of how runs differ, so no network is marked as best.";
  }
  return "\u00b1 is half of the 95 % t-interval over seeds (of Wilson's interval over test images where "
         "there is one seed). A network is bold only where its mean test accuracy differs from every other "
         "by Welch's test, adjusted by Holm, at 5 %.";
}

bool dominated(const std::vector<Point>& points, const Point& point) {
  return std::any_of(points.begin(), points.end(), [&](const Point& other) {
    return other.x <= point.x && other.y >= point.y && (other.x < point.x || other.y > point.y);
  });
}

Drawing cost_figure(const Facts& facts, const Results& results, const Metric& cost,
                    const std::string& question) {
  Figure figure;
  figure.title = question;
  figure.subtitle =
      subtitle_of(facts, results, "whiskers") + "; grey diamonds: another network is cheaper and better";
  figure.x = {.label = capitalised(cost.name), .unit = cost.unit, .log = true};
  figure.y = {.label = "Test accuracy", .percent = true};
  for (const Entry& entry : results.entries) {
    const Estimate y = estimate(entry, kTestAccuracy);
    const double x = estimate(entry, cost).mean;
    if (std::isnan(y.mean) || !(x > 0)) continue;
    Point point{.x = x, .y = y.mean, .label = entry.step->label};
    if (!std::isnan(y.low)) {
      point.low = y.low;
      point.high = y.high;
    }
    point.note = message(entry.step->label, ": ", shown(y, kTestAccuracy), ", ", shown(x, cost), " ",
                         cost.unit, ", ", y.runs);
    figure.points.push_back(std::move(point));
  }
  for (Point& point : figure.points) point.muted = dominated(figure.points, point);
  Line front{.muted = true};
  std::vector<Point> sorted = figure.points;
  std::sort(sorted.begin(), sorted.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  for (const Point& point : sorted) {
    if (point.muted) continue;
    front.x.push_back(point.x);
    front.y.push_back(point.y);
  }
  figure.lines.push_back(std::move(front));
  return drawing(message(results.section->group, "-", cost.at.back()), figure);
}

// Training and validation of one network, side by side in one figure.
Drawing course_figure(const Facts& facts, const Results& results, const Entry& entry,
                      const std::string& key) {
  Figure figure;
  figure.title = message("How does ", entry.step->label, " learn (", key, ")?");
  figure.subtitle = subtitle_of(facts, results, "bands") + "; network chosen on validation accuracy";
  figure.x = {.label = "Epoch", .whole = true};
  figure.y = {.label = key == "loss" ? "Loss" : "Accuracy", .percent = key != "loss"};
  if (key == "loss") figure.y.unit = "nats";
  for (const std::string set : {"train", "validation"}) {
    Line line = epoch_line(entry, set + "_" + key, set == "train" ? "training" : set);
    if (!line.x.empty()) figure.lines.push_back(std::move(line));
  }
  return drawing(message(results.section->group, "-course-", key), figure);
}

}  // namespace

void add_models(Document& document, const Facts& facts, const Results& results) {
  add_head(document, results);
  document.add(Note{Note::Kind::reading, reading_of(results, kTestAccuracy)});
  document.add(how_to_read_master(results));
  document.add(master_table(facts, results));
  document.add(Heading{3, "cost", "What does accuracy cost?"});
  document.add(
      Gallery{{cost_figure(facts, results, kParameters, "Which network is worth its parameters?"),
               cost_figure(facts, results, kTrainSeconds, "Which network is worth its training time?")}});
  document.add(Heading{3, "courses", "How do the networks learn?"});
  Figure all = epoch_figure(facts, results, "validation_accuracy");
  all.title = "How fast does each network learn?";
  const Entry& chosen = results.entries[rank(results.entries, deciding_metric(results)).best];
  document.add(Gallery{{drawing(results.section->group + "-courses", all),
                        course_figure(facts, results, chosen, "loss"),
                        course_figure(facts, results, chosen, "accuracy")}});
  add_errors(document, facts, chosen);
}

}  // namespace study
