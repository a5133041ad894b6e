#pragma once
/// \file
/// Learning-rate schedules: pure functions from the step to a factor on the learning rate.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "noyau/error.h"

namespace noyau::inline v0 {

/// The factor on the learning rate at a step, counted from 0. Give it to Optimizer::set_rate_factor().
using Schedule = std::function<double(std::int64_t step)>;

/// Options of schedule(); each says which schedules read it.
struct ScheduleOptions {
  std::int64_t steps = 0;   ///< All: length of training, warm-up included; the last factor holds after.
  std::int64_t warmup = 0;  ///< All but one-cycle: steps that rise linearly before the schedule starts.
  double warmup_from = 0;   ///< All but one-cycle: factor at step 0 of the warm-up.
  double last = 0;          ///< exponential (above 0), cosine, linear: factor at the end.
  std::vector<std::int64_t> milestones = {};  ///< step: steps, warm-up included, at which the factor drops.
  double drop = 0.1;                          ///< step: what the factor is multiplied by.
  double rise = 0.3;                          ///< one-cycle: share of the steps that rise.
  double first_divisor = 25;                  ///< one-cycle: the first factor is 1 / this.
  double last_divisor = 1e4;                  ///< one-cycle: the last factor is the first / this.
};

/// The schedule of that name; throws, with the nearest, on an unknown one, and on options out of range.
///
/// With t the steps since the warm-up and T their number:
/// - constant: 1
/// - step: drop ^ (milestones passed) (PyTorch's MultiStepLR)
/// - exponential: last ^ (t / T) (ExponentialLR with gamma = last ^ (1 / T))
/// - cosine: last + (1 - last) (1 + cos(pi t / T)) / 2 (CosineAnnealingLR; arXiv 1608.03983)
/// - linear: 1 + (last - 1) t / T (LinearLR)
/// - one-cycle: from 1 / first_divisor to 1 and down again, both as half cosines (OneCycleLR; arXiv 1708.07120)
NOYAU_API Schedule schedule(std::string_view name, const ScheduleOptions& options);
/// The names schedule() knows.
NOYAU_API std::vector<std::string> schedule_names();

}  // namespace noyau::inline v0
