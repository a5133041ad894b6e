#include "noyau/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "name_table.h"

namespace noyau::inline v0 {
namespace {

using Make = Schedule (*)(const ScheduleOptions& options);

// From `from` at 0 to `to` at 1 along half a cosine.
double anneal(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

// share of the schedule that is done after `t` of `length` steps
double progress(std::int64_t t, std::int64_t length) {
  return length <= 0 ? 1 : std::min(1.0, static_cast<double>(t) / static_cast<double>(length));
}

Schedule warmed_up(const ScheduleOptions& o, Schedule after) {
  return [warmup = o.warmup, from = o.warmup_from, after = std::move(after)](std::int64_t step) {
    if (step >= warmup) return after(step - warmup);
    return from + (1 - from) * static_cast<double>(step) / static_cast<double>(warmup);
  };
}

Schedule constant(const ScheduleOptions& o) {
  return warmed_up(o, [](std::int64_t) { return 1.0; });
}

Schedule step(const ScheduleOptions& o) {
  return warmed_up(o, [=](std::int64_t t) {
    const auto passed = [&](std::int64_t milestone) { return t + o.warmup >= milestone; };
    return std::pow(o.drop,
                    static_cast<double>(std::count_if(o.milestones.begin(), o.milestones.end(), passed)));
  });
}

Schedule exponential(const ScheduleOptions& o) {
  NOYAU_CHECK(o.last > 0, "schedule: exponential needs a last factor above 0, not ", o.last);
  return warmed_up(o, [=](std::int64_t t) { return std::pow(o.last, progress(t, o.steps - o.warmup)); });
}

Schedule cosine(const ScheduleOptions& o) {
  return warmed_up(o, [=](std::int64_t t) { return anneal(1, o.last, progress(t, o.steps - o.warmup)); });
}

Schedule linear(const ScheduleOptions& o) {
  return warmed_up(o, [=](std::int64_t t) { return 1 + (o.last - 1) * progress(t, o.steps - o.warmup); });
}

Schedule one_cycle(const ScheduleOptions& o) {
  NOYAU_CHECK(o.warmup == 0, "schedule: one-cycle has its own warm-up, 'rise'; warmup is ", o.warmup);
  NOYAU_CHECK(o.rise > 0 && o.rise < 1, "schedule: one-cycle's rise must be in (0, 1), not ", o.rise);
  NOYAU_CHECK(o.first_divisor > 0 && o.last_divisor > 0,
              "schedule: one-cycle's divisors must be above 0 (first ", o.first_divisor, ", last ",
              o.last_divisor, ")");
  const double top = o.rise * static_cast<double>(o.steps) - 1;
  const double end = static_cast<double>(o.steps - 1);
  const double first = 1 / o.first_divisor;
  const double last = first / o.last_divisor;
  return [=](std::int64_t at) {
    const double t = std::min(static_cast<double>(at), end);
    return t <= top ? anneal(first, 1, t / top) : anneal(1, last, (t - top) / (end - top));
  };
}

constexpr NameTable<Make, 6> kSchedules{{
    {"constant", constant},
    {"step", step},
    {"exponential", exponential},
    {"cosine", cosine},
    {"linear", linear},
    {"one-cycle", one_cycle},
}};

}  // namespace

Schedule schedule(std::string_view name, const ScheduleOptions& options) {
  const Make make = value_of(kSchedules, "schedule", "schedule", name);
  NOYAU_CHECK(options.warmup >= 0 && (name == "constant" || options.steps > options.warmup),
              "schedule: ", name, " over ", options.steps, " steps leaves none after a warm-up of ",
              options.warmup);
  return make(options);
}

std::vector<std::string> schedule_names() { return names_of(kSchedules); }

}  // namespace noyau::inline v0
