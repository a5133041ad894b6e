#include <cmath>
#include <map>

#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using noyau::stats::Comparison;
using namespace noyau::plot;

constexpr double kLevel = 0.05;

// What a step changed against the one before, paired by seed.
struct Change {
  std::optional<Comparison> test;  // absent with fewer than two seeds in common
  double difference = NAN;         // of means
  double p = NAN;                  // adjusted over all steps
};

Change change_between(const Entry& before, const Entry& after) {
  std::map<std::int64_t, double> known;
  for (const Json* row : before.rows)
    known[row->value("seed", std::int64_t{0})] = value_of(*row, kTestAccuracy);
  std::vector<double> a;
  std::vector<double> b;
  for (const Json* row : after.rows) {
    const auto found = known.find(row->value("seed", std::int64_t{0}));
    if (found == known.end() || std::isnan(found->second) || std::isnan(value_of(*row, kTestAccuracy)))
      continue;
    a.push_back(value_of(*row, kTestAccuracy));
    b.push_back(found->second);
  }
  Change change;
  change.difference = estimate(after, kTestAccuracy).mean - estimate(before, kTestAccuracy).mean;
  if (a.size() >= 2) change.test = noyau::stats::paired_t(a, b);
  return change;
}

std::vector<Change> changes_of(const Results& results) {
  std::vector<Change> changes(results.entries.size());
  std::vector<double> p;
  for (std::size_t i = 1; i < changes.size(); ++i) {
    changes[i] = change_between(results.entries[i - 1], results.entries[i]);
    if (changes[i].test) p.push_back(changes[i].test->p);
  }
  const std::vector<double> adjusted = noyau::stats::holm(p);
  std::size_t next = 0;
  for (Change& change : changes) {
    if (change.test) change.p = adjusted[next++];
  }
  return changes;
}

// Training time against the first step, "2.1 x the time"; the first step tells seconds.
std::string cost_of(const Results& results, std::size_t i) {
  const double first = estimate(results.entries[0], kTrainSeconds).mean;
  const double now = estimate(results.entries[i], kTrainSeconds).mean;
  if (std::isnan(now) || !(first > 0)) return {};
  return i == 0 ? number(now, 2) + " s of training"
                : number(now / first, 2) + " \u00d7 the first step's time";
}

Drawing waterfall(const Facts& facts, const Results& results) {
  Waterfall figure;
  figure.title = results.section->question;
  figure.subtitle = subtitle_of(facts, results, "whiskers");
  figure.value = {.label = "Test accuracy", .percent = true};
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    const Entry& entry = results.entries[i];
    const Estimate value = estimate(entry, kTestAccuracy);
    if (std::isnan(value.mean)) continue;
    noyau::plot::Step step;
    step.label = entry.step->label;
    step.value = value.mean;
    if (!std::isnan(value.low)) {
      step.low = value.low;
      step.high = value.high;
    }
    step.remark = cost_of(results, i);
    step.note = value.runs;
    figure.steps.push_back(std::move(step));
  }
  return drawing(results.section->group, figure);
}

// "+ batch norm" with its sign on the line of its first word.
std::string unbroken(const Entry& entry) {
  std::string label = entry.step->label;
  if (label.starts_with("+ ")) label.replace(1, 1, "\u00a0");
  return label;
}

std::string signed_points(double share) {
  return message(share < 0 ? "\u2212" : "+", fixed(std::abs(100 * share), 1));
}

void add_named(Text& text, const std::string& intro, const Results& results,
               const std::vector<Change>& changes, const std::vector<std::size_t>& which) {
  if (which.empty()) return;
  text.strong(" " + intro + ": ");
  for (std::size_t k = 0; k < which.size(); ++k) {
    const Change& change = changes[which[k]];
    const Entry& entry = results.entries[which[k]];
    text.add(message(k == 0 ? "" : "; ", unbroken(entry), " ("));
    text.traced(shown_change(change.difference, kTestAccuracy), run_ids(entry.rows)).add(")");
  }
  text.add(".");
}

Text reading(const Results& results, const std::vector<Change>& changes) {
  const Entry& first = results.entries.front();
  const Entry* last = &first;
  std::vector<std::size_t> helped;
  std::vector<std::size_t> hurt;
  std::vector<std::size_t> undecided;
  for (std::size_t i = 1; i < changes.size(); ++i) {
    if (std::isnan(changes[i].difference)) continue;
    last = &results.entries[i];
    const bool shown_to_differ = changes[i].p < kLevel;
    (shown_to_differ ? (changes[i].difference > 0 ? helped : hurt) : undecided).push_back(i);
  }
  const Estimate from = estimate(first, kTestAccuracy);
  const Estimate to = estimate(*last, kTestAccuracy);
  Text text;
  text.add("All steps together: ")
      .traced(shown_change(to.mean - from.mean, kTestAccuracy), from.runs + "; " + to.runs);
  text.add(", from ")
      .traced(shown(from, kTestAccuracy), from.runs)
      .add(message(" (", unbroken(first), ") to "));
  text.traced(shown(to, kTestAccuracy), to.runs).add(message(" (", unbroken(*last), ")."));
  add_named(text, "Helped", results, changes, helped);
  add_named(text, "Hurt", results, changes, hurt);
  add_named(text, "Undecided at this budget", results, changes, undecided);
  return text.add(
      " Each step is compared with the one before by a t-test of pairs of equal seed, adjusted by Holm.");
}

Table ladder_table(const Results& results, const std::vector<Change>& changes) {
  Table table{.id = results.section->group,
              .caption = "Each step adds to all before it",
              .columns = {{"Step"},
                          {"Test accuracy", "%", true},
                          {"Change", "points", true},
                          {"95 % interval", "points", true},
                          {"p, adjusted", "", true},
                          {"Seeds", "", true},
                          {"Parameters", "", true},
                          {"Training time", "s", true},
                          {"Source"},
                          {"Runs", "", false, true}},
              .rows = {}};
  for (std::size_t i = 0; i < results.entries.size(); ++i) {
    const Entry& entry = results.entries[i];
    const Change& change = changes[i];
    const std::string runs = run_ids(entry.rows);
    Cell interval("\u2013");
    if (change.test) {
      interval = Text().traced(message(signed_points(change.test->interval.low), " to ",
                                       signed_points(change.test->interval.high)),
                               runs);
    }
    const std::string points = std::isnan(change.difference) ? "\u2013" : signed_points(change.difference);
    table.rows.push_back({Cell(entry.step->label), cell(entry, kTestAccuracy),
                          Cell(Text().traced(points, runs), 100 * change.difference), interval,
                          Cell(shown_p_value(change.p), change.p),
                          Cell(std::to_string(entry.rows.size()), static_cast<double>(entry.rows.size())),
                          cell(entry, kParameters), cell(entry, kTrainSeconds), Cell(entry.step->source),
                          Cell(runs)});
  }
  return table;
}

}  // namespace

std::string ladder_verdict(const Results& results) {
  const Entry& first = results.entries.front();
  const Entry* last = &first;
  for (const Entry& entry : results.entries) {
    if (!entry.rows.empty()) last = &entry;
  }
  const Change change = change_between(first, *last);
  if (last == &first || std::isnan(change.difference)) return "undecided: too few runs";
  const std::string points =
      message(shown_change(change.difference, kTestAccuracy), " against ", first.step->label);
  if (!change.test) return message("undecided: ", points, ", one seed");
  return message(change.test->p < kLevel ? "" : "undecided: ", points, " (", shown_p(change.test->p), ")");
}

void add_ladder(Document& document, const Facts& facts, const Results& results) {
  const std::vector<Change> changes = changes_of(results);
  add_head(document, results);
  document.add(Gallery{{waterfall(facts, results)}});
  document.add(Note{Note::Kind::reading, reading(results, changes)});
  document.add(ladder_table(results, changes));
}

}  // namespace study
