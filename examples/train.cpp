// noyau-train: trains one network on one data set.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/calibrate.h"
#include "common/command_line.h"
#include "common/device.h"
#include "common/experiment.h"
#include "common/files.h"
#include "common/interrupt.h"
#include "common/lists.h"
#include "common/progress.h"
#include "common/run_folder.h"
#include "common/step_profile.h"
#include "noyau/parallel.h"
#include "noyau/serialize.h"

namespace programs {
namespace {

struct Request {
  Settings settings;
  std::string resume;
  std::string list;
  bool json = false;
  std::string results;
  bool dry_run = false;
  bool profile = false;
};

/// The values of the recipe under those that were given.
Settings with_recipe(const Settings& asked, const std::set<std::string, std::less<>>& given) {
  Settings settings;
  settings.recipe = asked.recipe;
  apply_recipe(settings);
  for (const std::string& name : given) {
    const Option& each = option(name, "command line");
    assign(settings, each, value_of(each, asked), "command line");
  }
  return settings;
}

bool parse(Request& request, int argc, char** argv) {
  CommandLine line("noyau-train", "[options]",
                   "Trains a network on images and saves it in a folder under ./runs.");
  line.take(request.settings);
  line.text("resume", request.resume, "DIR", "go on where the run in DIR stopped; only --epochs may change");
  line.text("list", request.list, "WHAT", "list models, data or methods");
  line.flag("dry-run", request.dry_run, "show the configuration and the predicted time");
  line.flag("json", request.json, "print the result as JSON");
  line.flag("profile", request.profile,
            "show where the time of a step goes; writes profile.json, a Chrome trace");
  line.text("results", request.results, "FILE",
            "append seed, accuracy, seconds and machine as a line of JSON");
  if (!line.parse(argc, argv)) return false;
  if (!request.list.empty()) return true;
  request.settings.device = usable_device(request.settings.device);
  if (request.settings.recipe != "none") request.settings = with_recipe(request.settings, line.given());
  if (request.settings.ensemble > 1)
    stop(Exit::usage,
         "--ensemble: noyau-train trains one network; ensembles are made by the plans of noyau-study");
  if (!request.resume.empty())
    request.settings = resumed_settings(request.resume, request.settings, line.given());
  return true;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * share);
  return text;
}

std::string epoch_line(const noyau::EpochReport& e, std::int64_t epochs) {
  char text[160];
  std::snprintf(text, sizeof text, "epoch %ld/%ld  train: loss %.4f, accuracy %.2f %%",
                static_cast<long>(e.epoch), static_cast<long>(epochs), e.train_loss, 100 * e.train_accuracy);
  std::string line = text;
  if (std::isfinite(e.validation_loss)) {
    std::snprintf(text, sizeof text, "  validation: loss %.4f, accuracy %.2f %%", e.validation_loss,
                  100 * e.validation_accuracy);
    line += text;
  }
  return line + "  " + duration(e.seconds);
}

/// One run of the program: the folder and what fills it.
class Training {
 public:
  Training(const Request& request, Interrupts& interrupts)
      : request_(request),
        settings_(request.settings),
        interrupts_(interrupts),
        images_(load_images(settings_)) {
    settings_.data = settings_.data == "auto" ? images_.split.train.info().name : settings_.data;
    noyau::seed(static_cast<std::uint64_t>(settings_.seed));
    const Stopwatch clock;
    network_ = make_network(settings_, images_.split.train);
    setup_seconds_ = clock.seconds();
    if (!settings_.weights.empty())
      blaming(Exit::data, [&] { noyau::load_weights(settings_.weights, network_); });
    network_.to(device());
    optimizer_ = make_optimizer(settings_, network_);
  }

  Exit dry_run() {
    const Costs costs = measure_costs(settings_, images_.split);
    std::printf("%s\npredicted time: %s\n", to_json(settings_).dump(2).c_str(),
                duration(predicted_seconds(costs, settings_, images_.split)).c_str());
    return Exit::done;
  }

  Exit run() {
    folder_ = make_run_folder(settings_, request_.resume);
    const FolderLock lock(folder_);
    begin_run(folder_, settings_, !request_.resume.empty(), images_.summary);
    try {
      return train_and_report();
    } catch (const noyau::Stopped&) {
      return interrupted();
    } catch (const noyau::Diverged& error) {
      stop(Exit::diverged, error.what());
    }
  }

 private:
  noyau::Device device() const { return noyau::Device(settings_.device); }
  std::string file(const char* name) const { return folder_ + "/" + name; }

  Exit train_and_report() {
    const Stopwatch clock;
    const MemoryWatch memory(device());
    noyau::FitOptions options = fit_options(settings_, images_.split.train);
    options.stop = asked(interrupts_.token());
    options.checkpoint = file("last.ckpt");
    options.resume = std::filesystem::exists(options.checkpoint);
    options.on_batch_end = [&](const noyau::BatchReport& b) {
      if (request_.profile) profile_.after(b);
      show_batch(b, clock);
    };
    options.on_epoch_end = [&](const noyau::EpochReport& e) { finish_epoch(e); };
    progress_.line("training in " + folder_);
    const noyau::History history =
        noyau::fit(network_, images_.split.train, images_.split.validation, *optimizer_, options);
    if (history.ended == noyau::Ended::stopped) return interrupted();
    if (history.ended == noyau::Ended::budget)
      progress_.line("the budget is spent; go on with: noyau-train --resume " + folder_);
    if (!history.epochs.empty() && (settings_.keep == "last" || history.best_epoch == 0)) save_network();
    const double fitted = clock.seconds();
    const noyau::Evaluation result = measure();
    if (!request_.results.empty()) append_result(result, setup_seconds_ + clock.seconds());
    if (request_.json)
      print_json(history, result, fitted, memory);
    else
      print_text(result, fitted, memory);
    return Exit::done;
  }

  void show_batch(const noyau::BatchReport& b, const Stopwatch& clock) {
    char text[120];
    std::snprintf(text, sizeof text, "epoch %ld/%ld  batch %ld/%ld  loss %.4f  %s",
                  static_cast<long>(b.epoch), static_cast<long>(settings_.epochs), static_cast<long>(b.batch),
                  static_cast<long>(b.batches), b.loss, duration(clock.seconds()).c_str());
    progress_.update(text);
  }

  void finish_epoch(const noyau::EpochReport& e) {
    write_history(file("history.jsonl"), epoch_json(e, settings_));
    progress_.line(epoch_line(e, settings_.epochs));
    if (e.best && settings_.keep == "best") save_network();
  }

  void save_network() const { noyau::save(file("best.safetensors"), network_, images_.split.train.info()); }

  Exit interrupted() {
    progress_.line("stopped; go on with: noyau-train --resume " + folder_);
    return interrupts_.code();
  }

  noyau::Evaluation measure() {
    return noyau::evaluate(
        network_, images_.split.test,
        {.views = noyau::views_named(settings_.tta), .device = device(), .stop = asked(interrupts_.token())});
  }

  /// Seconds are those of making the network (whitening), training and testing; reading images is not counted.
  void append_result(const noyau::Evaluation& result, double seconds) const {
    Journal(request_.results)
        .append({{"recipe", settings_.recipe},
                 {"model", settings_.model},
                 {"data", images_.split.train.info().name},
                 {"epochs", settings_.epochs},
                 {"seed", settings_.seed},
                 {"accuracy", result.accuracy},
                 {"seconds", seconds},
                 {"threads", noyau::num_threads()},
                 {"machine", machine_name(device())}});
  }

  void print_text(const noyau::Evaluation& result, double seconds, const MemoryWatch& memory) {
    if (request_.profile) std::printf("%s", profile_.report(folder_).c_str());
    std::printf("test accuracy %s, loss %.4f (%ld images)\n", percent(result.accuracy).c_str(), result.loss,
                static_cast<long>(images_.split.test.size()));
    std::printf("%s, peak memory %.0f MB: %.0f MB more than before the first step, tensors %.0f MB\n%s\n",
                duration(seconds).c_str(), peak_memory(), static_cast<double>(memory.growth()) / 1e6,
                static_cast<double>(memory.tensors()) / 1e6, file("best.safetensors").c_str());
  }

  void print_json(const noyau::History& history, const noyau::Evaluation& result, double seconds,
                  const MemoryWatch& memory) {
    if (request_.profile) progress_.line(profile_.report(folder_));
    Json row = row_begin(settings_, images_, network_);
    row["folder"] = folder_;
    row["seconds"] = {{"total", seconds}};
    row["peak_memory_mb"] = peak_memory();
    row["memory_growth_mb"] = static_cast<double>(memory.growth()) / 1e6;
    row["tensor_memory_mb"] = static_cast<double>(memory.tensors()) / 1e6;
    row["best_epoch"] = history.best_epoch;
    row["epochs"] = Json::array();
    for (const noyau::EpochReport& epoch : history.epochs)
      row["epochs"].push_back(epoch_json(epoch, settings_));
    row["test"] = full_json(result, images_.split.test);
    std::printf("%s\n", row.dump().c_str());
  }

  const Request& request_;
  Settings settings_;
  Interrupts& interrupts_;
  Images images_;
  noyau::Sequential network_;
  std::unique_ptr<noyau::Optimizer> optimizer_;
  std::string folder_;
  double setup_seconds_ = 0;
  StepProfile profile_;
  Progress progress_;
};

Exit run(int argc, char** argv) {
  Request request;
  if (!parse(request, argc, argv)) return Exit::done;
  if (!request.list.empty()) return print_list(request.list, request.settings.data_dir);
  Interrupts interrupts;
  if (request.settings.threads > 0) noyau::set_num_threads(static_cast<int>(request.settings.threads));
  check_settings(request.settings);
  Training training(request, interrupts);
  return request.dry_run ? training.dry_run() : training.run();
}

}  // namespace
}  // namespace programs

int main(int argc, char** argv) {
  return programs::run_program("noyau-train", [&] { return programs::run(argc, argv); });
}
