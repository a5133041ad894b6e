#include <cmath>

#include "catch2.h"
#include "noyau/schedule.h"

namespace ny = noyau;

TEST_CASE("schedules give the factor of their formula", "[fast]") {
  const auto at = [](const char* name, const ny::ScheduleOptions& options, std::int64_t step) {
    return ny::schedule(name, options)(step);
  };
  REQUIRE(at("constant", {}, 1000) == 1);
  const ny::ScheduleOptions steps{.steps = 100, .milestones = {30, 60}, .drop = 0.2};
  REQUIRE(at("step", steps, 29) == 1);
  REQUIRE(at("step", steps, 30) == Approx(0.2));
  REQUIRE(at("step", steps, 99) == Approx(0.04));
  REQUIRE(at("exponential", {.steps = 100, .last = 0.01}, 50) == Approx(0.1));
  REQUIRE(at("cosine", {.steps = 100}, 0) == 1);
  REQUIRE(at("cosine", {.steps = 100}, 50) == Approx(0.5));
  REQUIRE(at("cosine", {.steps = 100, .last = 0.2}, 25) == Approx(0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2));
  REQUIRE(at("cosine", {.steps = 100, .last = 0.2}, 500) == Approx(0.2));
  REQUIRE(at("linear", {.steps = 200}, 150) == Approx(0.25));
  const ny::ScheduleOptions cycle{.steps = 101, .rise = 31.0 / 101};  // top at step 30
  REQUIRE(at("one-cycle", cycle, 0) == Approx(0.04));
  REQUIRE(at("one-cycle", cycle, 30) == Approx(1));
  REQUIRE(at("one-cycle", cycle, 100) == Approx(0.04e-4));
  REQUIRE(at("one-cycle", cycle, 1000) == Approx(0.04e-4));
}

TEST_CASE("a warm-up rises linearly and then the schedule starts", "[fast]") {
  for (const char* name : {"constant", "exponential", "cosine", "linear"}) {
    const ny::Schedule schedule =
        ny::schedule(name, {.steps = 110, .warmup = 10, .warmup_from = 0.5, .last = 0.25});
    INFO(name);
    REQUIRE(schedule(0) == 0.5);
    REQUIRE(schedule(5) == 0.75);
    REQUIRE(schedule(10) == Approx(1));
  }
  REQUIRE(ny::schedule("linear", {.steps = 110, .warmup = 10})(60) == Approx(0.5));
  REQUIRE(ny::schedule("step", {.steps = 110, .warmup = 10, .milestones = {50}})(50) == Approx(0.1));
}

TEST_CASE("schedules refuse what makes no sense", "[fast]") {
  REQUIRE_THROWS_WITH(ny::schedule("cosin", {.steps = 5}),
                      ContainsSubstring("unknown schedule 'cosin'; did you mean 'cosine'?"));
  REQUIRE_THROWS_WITH(ny::schedule("cosine", {.steps = 5, .warmup = 5}),
                      ContainsSubstring("cosine over 5 steps leaves none after a warm-up of 5"));
  REQUIRE_THROWS_WITH(ny::schedule("exponential", {.steps = 5}),
                      ContainsSubstring("needs a last factor above 0, not 0"));
  REQUIRE_THROWS_WITH(ny::schedule("one-cycle", {.steps = 5, .warmup = 1}),
                      ContainsSubstring("has its own warm-up"));
  REQUIRE_THROWS_WITH(ny::schedule("one-cycle", {.steps = 5, .rise = 1}),
                      ContainsSubstring("rise must be in (0, 1), not 1"));
  REQUIRE_THROWS_WITH(ny::schedule("one-cycle", {.steps = 5, .first_divisor = 0}),
                      ContainsSubstring("(first 0, last 10000)"));
}
