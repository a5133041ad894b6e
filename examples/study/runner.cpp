#include "study/runner.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "study/parts.h"
#include "study/samples.h"

namespace study {
namespace {

using noyau::message;
using programs::duration;

/// What the time of a step depends on.
std::string cost_key(const Settings& settings) {
  Json key = Json::array({settings.data, settings.augment, settings.batch, settings.optimizer});
  for (const programs::Option& option : programs::options())
    if (option.group == programs::Group::network) key.push_back(value_of(option, settings));
  return key.dump();
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

bool reuses(const Settings& settings) { return settings.ensemble > 1 || settings.tta != "none"; }

}  // namespace

Runner::Runner(const Plan& plan, std::string folder, std::stop_token stop)
    : plan_(plan),
      folder_(folder),
      stop_(stop),
      workshop_(folder, stop),
      journal_(rows_path(folder)),
      rows_(rows_of(plan, folder)) {
  for (const Row& row : rows_)
    if (!row.row.is_null() && known_.emplace(row.run.hash, row.row).second)
      spent_ += row.row["seconds"].value("total", 0.0);
  for (const Row& row : rows_) note_best(row.run, row.row);
}

double Runner::cost_of(const Settings& settings) {
  const programs::Images& images = workshop_.images(settings);
  const auto [entry, is_new] = costs_.emplace(cost_key(settings), programs::Costs());
  if (is_new) entry->second = programs::measure_costs(settings, images.split);
  return predicted_seconds(entry->second, settings, images.split);
}

void Runner::add_todo(const Run& run) {
  Todo todo{.run = run};
  if (!known_.contains(run.hash)) {
    for (const std::string& key : Workshop::training_keys(run.settings))
      if (!workshop_.has(key) && planned_.insert(key).second) todo.seconds += cost_of(run.settings);
  }
  const bool fits = plan_.budget == 0 || spent_ + to_come_ + todo.seconds <= plan_.budget;
  if (!fits || !left_out_.empty()) {
    left_out_.push_back(run);
    return;
  }
  to_come_ += todo.seconds;
  todo_.push_back(std::move(todo));
}

void Runner::predict() {
  for (const Row& row : rows_) {
    if (stop_.stop_requested()) return;
    progress_.update("measuring what the runs will cost: " + row.run.group);
    if (reuses(row.run.settings)) workshop_.keep(row.run.settings);
    if (row.row.is_null()) add_todo(row.run);
  }
  print_prediction();
}

void Runner::print_prediction() {
  const std::size_t there = rows_.size() - todo_.size() - left_out_.size();
  progress_.line(message(plan_.name, ": ", there, " of ", rows_.size(), " rows are there, ", todo_.size(),
                         " to come in about ", duration(to_come_),
                         plan_.budget > 0 ? " (budget " + duration(plan_.budget) + ")" : ""));
  if (left_out_.empty()) return;
  progress_.line(message("the budget has no room for ", left_out_.size(), " more; --budget 0 runs them all"));
}

void Runner::print_sections() const {
  std::printf("%-18s %5s %6s  %s\n", "section", "rows", "there", "to come");
  for (const Section& section : plan_.sections) {
    std::size_t rows = 0, there = 0;
    double seconds = 0;
    for (const Row& row : rows_) {
      if (row.run.group != section.group) continue;
      ++rows;
      there += row.row.is_null() ? 0 : 1;
    }
    for (const Todo& todo : todo_) seconds += todo.run.group == section.group ? todo.seconds : 0;
    std::printf("%-18s %5zu %6zu  %s\n", section.group.c_str(), rows, there, duration(seconds).c_str());
  }
}

/// Seconds that a predicted second takes.
double Runner::pace() const { return predicted_ > 1 ? actual_ / predicted_ : 1; }

std::string Runner::eta() const {
  double rest = 0;
  for (std::size_t i = executed_; i < todo_.size(); ++i) rest += todo_[i].seconds;
  return duration(rest * pace());
}

Outcome Runner::run(double limit) {
  const programs::Stopwatch clock;
  bool time_up = false;
  write_samples(workshop_.images(plan_.base).split.train, folder_);
  for (const Todo& todo : todo_) {
    const double seconds = todo.seconds * pace();
    if (plan_.budget > 0 && spent_ + seconds > plan_.budget) {
      left_out_.push_back(todo.run);
      continue;
    }
    if (limit > 0 && executed_ > 0 && clock.seconds() + seconds > limit) {
      progress_.line(message("time is up: ", todo_.size() - executed_,
                             " rows are still to come; repeat the command to go on"));
      time_up = true;
      break;
    }
    try {
      if (stop_.stop_requested()) throw noyau::Stopped();
      execute(todo);
    } catch (const noyau::Stopped&) {
      progress_.line("stopped; repeat the command to go on");
      return {.left_out = left_out_, .stopped = true};
    }
    ++executed_;
  }
  return {.left_out = left_out_, .executed = executed_, .time_up = time_up};
}

void Runner::execute(const Todo& todo) {
  const Run& run = todo.run;
  if (const auto same = known_.find(run.hash); same != known_.end()) return append(run, same->second);
  const std::string what = message(executed_ + 1, "/", todo_.size(), "  ", run.group, ": ", run.label,
                                   ", seed ", run.settings.seed);
  const auto show = [&](const noyau::BatchReport& b) {
    progress_.update(message(what, "  epoch ", b.epoch, "/", run.settings.epochs, "  time left ", eta()));
  };
  const bool wanted = plan_.explain || plan_.layers;
  const Json row = workshop_.run(
      run.settings, show, [&](const Json& done) { return wanted && candidacy(plan_, run, done) > highest_; });
  const double seconds = row["seconds"].value("total", 0.0);
  spent_ += seconds;
  actual_ += seconds;
  predicted_ += todo.seconds;
  const Json& accuracy = row["test"].is_object() ? row["test"]["accuracy"] : row["test"];
  progress_.line(message(
      what, accuracy.is_number() ? "  test accuracy " + percent(accuracy.get<double>()) : "  diverged", "  ",
      duration(seconds)));
  append(run, row);
  if (best_ && candidacy(plan_, run, row) > highest_) workshop_.forget(*best_);
  note_best(run, row);
}

void Runner::note_best(const Run& run, const Json& row) {
  const double accuracy = candidacy(plan_, run, row);
  if (!(accuracy > highest_)) return;
  highest_ = accuracy;
  best_ = run.settings;
}

void Runner::append(const Run& run, Json row) {
  row["run"] = run.hash;
  row["group"] = run.group;
  row["label"] = run.label;
  journal_.append(row);
  known_.emplace(run.hash, std::move(row));
}

}  // namespace study
