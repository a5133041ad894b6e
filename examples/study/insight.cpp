#include "study/insight.h"

#include <algorithm>
#include <cstdio>

#include "common/calibrate.h"
#include "common/interrupt.h"
#include "study/facts.h"
#include "study/inspect_network.h"

namespace study {
namespace {

using noyau::message;
using programs::duration;

// The run that sees most images, of those that may become the best: what to expect before any has ended.
const Run* longest(const Plan& plan, const std::vector<Row>& rows) {
  const Run* found = nullptr;
  const auto seen = [](const Run& run) { return run.settings.epochs * run.settings.train_images; };
  for (const Row& row : rows) {
    if (row.run.settings.ensemble != 1 || row.run.settings.random_labels > 0) continue;
    if (row.run.settings.data != plan.base.data) continue;
    if (found == nullptr || seen(row.run) > seen(*found)) found = &row.run;
  }
  return found;
}

}  // namespace

Insight::Insight(const Plan& plan, std::string folder, Workshop& workshop, std::stop_token stop)
    : plan_(plan), folder_(std::move(folder)), workshop_(workshop), stop_(std::move(stop)) {
  if (plan.explain) add_explain(*plan.explain);
  if (plan.layers) add_layers(*plan.layers);
}

void Insight::add_explain(const ExplainSizes& sizes) {
  Task task{.name = "explain", .sizes = to_json(sizes), .passes = {}, .measure = {}};
  task.passes = [sizes](noyau::Sequential&, const noyau::DataInfo&) { return explain_passes(sizes); };
  task.measure = [this, sizes](noyau::SavedModel& model, const noyau::Dataset& test, Parts& parts,
                               const Said& said) {
    explain_network(model, test, sizes, parts, folder_, said);
  };
  tasks_.push_back(std::move(task));
}

void Insight::add_layers(const LayerSizes& sizes) {
  Task task{.name = "layers", .sizes = to_json(sizes), .passes = {}, .measure = {}};
  task.passes = [sizes](noyau::Sequential& net, const noyau::DataInfo& info) {
    const auto layers = noyau::inspect::unit_layers(net, {info.height, info.width, info.channels});
    return inspect_passes(sizes, layers.size());
  };
  task.measure = [this, sizes](noyau::SavedModel& model, const noyau::Dataset& test, Parts& parts,
                               const Said& said) {
    inspect_network(model, test, sizes, parts, folder_, said);
  };
  tasks_.push_back(std::move(task));
}

void Insight::predict() {
  if (tasks_.empty() || stop_.stop_requested()) return;
  rows_ = rows_of(plan_, folder_);
  const Row* const best = best_row(plan_, rows_);
  const Run* const run = best != nullptr ? &best->run : longest(plan_, rows_);
  if (run == nullptr) return;
  const programs::Images& images = workshop_.images(run->settings);
  const programs::Costs costs = programs::measure_costs(run->settings, images.split);
  noyau::Sequential net = programs::make_network(run->settings, images.split.train);
  for (Task& task : tasks_) {
    const Passes passes = task.passes(net, images.split.train.info());
    const PartMap parts = read_parts(parts_path(folder_, task.name), parts_id(*run, task.sizes));
    task.parts = passes.parts;
    task.there = best == nullptr ? 0 : std::min(parts.size(), task.parts);
    const double all = passes.forward * costs.evaluate + passes.backward * costs.train + passes.seconds;
    task.seconds = all * (1 - static_cast<double>(task.there) / static_cast<double>(task.parts));
  }
  if (seconds() == 0) return;
  if (best != nullptr && !workshop_.has(Workshop::training_keys(run->settings).front()))
    training_ = programs::predicted_seconds(costs, run->settings, images.split);
  progress_.line(message("then the best network is looked into, in about ", duration(seconds()),
                         " (for \u201c", run->label, "\u201d of ", run->group, ")"));
}

void Insight::print_sections() const {
  for (const Task& task : tasks_)
    std::printf("%-18s %5zu %6zu  %s\n", task.name.c_str(), task.parts, task.there,
                duration(task.seconds).c_str());
}

double Insight::seconds() const {
  double sum = training_;
  for (const Task& task : tasks_) sum += task.seconds;
  return sum;
}

bool Insight::run(double limit, bool after_other_work) {
  if (tasks_.empty()) return true;
  if (limit > 0 && after_other_work && seconds() > limit) {
    progress_.line("time is up: the best network is still to be looked into; repeat the command to go on");
    return true;
  }
  rows_ = rows_of(plan_, folder_);
  const Row* const best = best_row(plan_, rows_);
  if (best == nullptr) {
    progress_.line(
        "no network is looked into: no run of a single network on true labels has a validation accuracy");
    return true;
  }
  try {
    for (const Task& task : tasks_) measure(task, best->run);
  } catch (const noyau::Stopped&) {
    progress_.line("stopped; repeat the command to go on");
    return false;
  }
  return true;
}

void Insight::measure(const Task& task, const Run& run) {
  const programs::Stopwatch clock;
  Parts parts(folder_, task.name, parts_id(run, task.sizes));
  const std::size_t there = parts.all().size();
  const std::string what =
      message(task.name, ": ", run.label, " of ", run.group, ", seed ", run.settings.seed);
  const Said said = [&](const std::string& text) {
    if (stop_.stop_requested()) throw noyau::Stopped();
    progress_.update(message(what, "  ", text, "  ", duration(clock.seconds())));
  };
  noyau::SavedModel model = noyau::load_model(workshop_.weights_of(run.settings, [&](const auto& batch) {
    progress_.update(message(what, "  training it again  epoch ", batch.epoch, "/", run.settings.epochs));
  }));
  model.net.train(false);
  const noyau::Dataset& test = workshop_.images(run.settings).split.test;
  task.measure(model, test, parts, said);
  progress_.line(message(what, "  ", parts.all().size() - there, " of ", parts.all().size(),
                         " parts measured  ", duration(clock.seconds())));
}

}  // namespace study
