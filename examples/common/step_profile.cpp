#include "common/step_profile.h"

#include <cstdio>

#include "common/files.h"

namespace programs {
namespace {

constexpr std::int64_t kWarmup = 5;
constexpr std::int64_t kSteps = 20;

}  // namespace

void StepProfile::after(const noyau::BatchReport& step) {
  ++seen_;
  if (done_) return;
  if (profile_) ++profiled_;
  const bool last = step.batch == step.batches;  // validation comes next
  if (profile_ && (last || profiled_ == kSteps)) {
    profile_->stop();
    done_ = true;
  } else if (!profile_ && !last && seen_ >= kWarmup) {
    profile_.emplace();
  }
}

std::string StepProfile::report(const std::string& folder) {
  if (profiled_ == 0)
    return noyau::message("nothing profiled: that takes an epoch of more than ", kWarmup, " steps\n");
  char title[80];
  std::snprintf(title, sizeof title, "%ld steps of %.2f ms\n", static_cast<long>(profiled_),
                1e3 * profile_->seconds() / static_cast<double>(profiled_));
  write_file(folder + "/profile.json", profile_->chrome_trace());
  write_file(folder + "/profile.txt", title + profile_->table(noyau::ProfileBy::operands));
  return title + profile_->table() + "by operands: " + folder +
         "/profile.txt; for chrome://tracing: " + folder + "/profile.json\n";
}

}  // namespace programs
