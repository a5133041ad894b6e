// noyau-study: runs a plan and writes its report.
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/command_line.h"
#include "common/data_sources.h"
#include "common/device.h"
#include "common/files.h"
#include "common/interrupt.h"
#include "noyau/parallel.h"
#include "study/acquire.h"
#include "study/insight.h"
#include "study/report.h"
#include "study/runner.h"

namespace study {
namespace {

using programs::CommandLine;
using programs::Exit;
using programs::stop;

struct Request {
  std::string plan;
  Settings settings;
  Json overrides = Json::object();
  bool budget_given = false;
  std::string minutes, rows, url;
  bool report_only = false;
  bool dry_run = false;
};

bool parse(Request& request, int argc, char** argv) {
  CommandLine line(
      "noyau-study", "PLAN [options]",
      "Trains what the plan (a file, or the name of one in ./plans) asks for and writes the report.");
  line.positional("PLAN", request.plan);
  line.take(request.settings, {"data", "data-dir", "threads", "device", "precision", "budget", "out"});
  line.text("minutes", request.minutes, "N", "begin no further run when it would end later than this");
  line.text("rows", request.rows, "PATH", "rows measured earlier, to be taken over as done");
  line.text("url", request.url, "URL", "another server that has the CIFAR-10 archive: address of its folder");
  line.flag("report-only", request.report_only, "write the report from the rows that are there");
  line.flag("dry-run", request.dry_run, "show the runs and the predicted time");
  if (!line.parse(argc, argv)) return false;
  if (!request.report_only) request.settings.device = programs::usable_device(request.settings.device);
  for (const char* name : {"data", "data-dir", "device", "precision"})
    if (line.given().contains(name))
      request.overrides[name] = value_of(programs::option(name, ""), request.settings);
  request.budget_given = line.given().contains("budget");
  if (request.plan.empty()) stop(Exit::usage, "which plan? For example: noyau-study plans/quick.json");
  const std::string by_name = "plans/" + request.plan + ".json";
  if (!std::filesystem::exists(request.plan) && std::filesystem::exists(by_name)) request.plan = by_name;
  return true;
}

/// Seconds of --minutes; 0 when it was not given.
double seconds_of(const std::string& minutes) {
  if (minutes.empty()) return 0;
  double value = 0;
  const char* const end = minutes.data() + minutes.size();
  const auto [rest, error] = std::from_chars(minutes.data(), end, value);
  if (error != std::errc() || rest != end || !(value > 0) || !std::isfinite(value))
    stop(Exit::usage, "--minutes must be a number above 0, found '", minutes, "'");
  return 60 * value;
}

/// Prints the path of the page, and opens it on a desktop.
void show(const std::string& page) {
  std::printf("report: %s\n", page.c_str());
  std::fflush(stdout);
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) return;
  std::string name = "xdg-open", argument = page;
  char* const arguments[] = {name.data(), argument.data(), nullptr};
  pid_t process = 0;
  posix_spawnp(&process, name.c_str(), nullptr, nullptr, arguments, environ);
}

/// The data set of the rows in `folder`; that of `settings` when there are none.
std::string data_of_rows(const std::string& folder, const Settings& settings) {
  std::string data = settings.data;
  programs::read_journal(rows_path(folder), [&](const Json& row) {
    if (row.contains("config")) data = row["config"].value("data", data);
  });
  return data;
}

/// Where the results of a plan go.
std::string folder_of(const Request& request) {
  if (!request.settings.out.empty()) return request.settings.out;
  return "runs/" + std::filesystem::path(request.plan).stem().string();
}

programs::DataSource source_of(const Request& request) {
  programs::DataSource source = *programs::find_source("cifar10");
  if (!request.url.empty()) source.base_url = request.url + (request.url.ends_with('/') ? "" : "/");
  return source;
}

/// The plan, its data set found, downloaded or replaced.
Plan prepare(const Request& request, const std::string& folder, const programs::Interrupts& interrupts) {
  Plan plan = read_plan(request.plan, request.overrides);
  if (request.budget_given) plan.budget = request.settings.budget;
  if (plan.base.data != "auto") return plan;
  programs::Progress progress;
  Json overrides = request.overrides;
  overrides["data"] = request.report_only ? data_of_rows(folder, plan.base)
                                          : acquire_data(plan.base, progress, interrupts, source_of(request));
  const double budget = plan.budget;
  plan = read_plan(request.plan, overrides);
  plan.budget = budget;
  plan.fell_back = plan.base.data != "cifar10";
  return plan;
}

Exit run(int argc, char** argv) {
  Request request;
  if (!parse(request, argc, argv)) return Exit::done;
  programs::Interrupts interrupts;
  if (request.settings.threads > 0) noyau::set_num_threads(static_cast<int>(request.settings.threads));
  const std::string folder = folder_of(request);
  const Plan plan = prepare(request, folder, interrupts);
  if (!request.report_only) programs::check_precision(plan.base.precision, plan.base.device);
  const double limit = seconds_of(request.minutes);
  programs::make_folder(folder);
  const programs::FolderLock lock(folder);
  if (!request.rows.empty()) take_over_rows(request.rows, folder);
  if (request.report_only) {
    show(write_report(plan, folder));
    return Exit::done;
  }
  Runner runner(plan, folder, interrupts.token());
  Insight insight(plan, folder, runner.workshop(), interrupts.token());
  runner.predict();
  insight.predict();
  if (request.dry_run) {
    runner.print_sections();
    insight.print_sections();
    return Exit::done;
  }
  const programs::Stopwatch clock;
  const Outcome outcome = runner.run(limit);
  if (outcome.stopped) return interrupts.code();
  const double left = limit == 0 ? 0 : std::max(0.001, limit - clock.seconds());
  if (!outcome.time_up && !insight.run(left, outcome.executed > 0)) return interrupts.code();
  show(write_report(plan, folder));
  return Exit::done;
}

}  // namespace
}  // namespace study

int main(int argc, char** argv) {
  return programs::run_program("noyau-study", [&] { return study::run(argc, argv); });
}
