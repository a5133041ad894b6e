#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "catch2.h"
#include "programs/scratch.h"
#include "study/plan.h"

using namespace study;

namespace {

Plan plan_of(const std::string& text, const Json& overrides = Json::object()) {
  const Scratch scratch;
  const std::string path = scratch / "small.json";
  std::ofstream(path) << text;
  return read_plan(path, overrides);
}

std::string with_section(const std::string& section) {
  return R"({"title": "t", "seeds": [1, 2], "settings": {"epochs": 3}, "sections": [)" + section + "]}";
}

const std::string kSweep =
    R"({"group": "lr", "question": "q?", "kind": "sweep", "variable": "rate", "values": [0.1, 0.2]})";

}  // namespace

TEST_CASE("a sweep has a step for each value on top of the plan's settings", "[fast][plan]") {
  const Plan plan = plan_of(with_section(kSweep));
  REQUIRE(plan.sections.size() == 1);
  const Section& section = plan.sections[0];
  CHECK(section.kind == Kind::sweep);
  CHECK(section.seeds == std::vector<std::int64_t>{1, 2});
  REQUIRE(section.steps.size() == 2);
  CHECK(section.steps[1].label == "0.2");
  CHECK(section.steps[1].settings.rate == 0.2);
  CHECK(section.steps[1].settings.epochs == 3);
}

TEST_CASE("a ladder adds up and keeps the sources", "[fast][plan]") {
  const Plan plan = plan_of(with_section(R"({"group": "ladder", "question": "q?", "kind": "ladder", "steps": [
      {"label": "a", "settings": {"rate": 0.5}},
      {"label": "b", "settings": {"augment": "flip"}, "source": "someone, 2012"}]})"));
  const Step& last = plan.sections[0].steps[1];
  CHECK(last.settings.rate == 0.5);
  CHECK(last.settings.augment == "flip");
  CHECK(last.source == "someone, 2012");
}

TEST_CASE("a grid has a step for each pair", "[fast][plan]") {
  const Plan plan = plan_of(with_section(R"({"group": "g", "question": "q?", "kind": "grid",
      "variable": ["rate", "batch"], "values": [[0.1, 0.2], [16, 32, 64]]})"));
  CHECK(plan.sections[0].steps.size() == 6);
  CHECK(plan.sections[0].steps[5].label == "0.2 \u00d7 64");
  CHECK(plan.sections[0].steps[5].settings.batch == 64);
}

TEST_CASE("values may carry a label and settings of their own", "[fast][plan]") {
  const Plan plan =
      plan_of(with_section(R"({"group": "o", "question": "q?", "kind": "compare", "variable": "optimizer",
      "values": ["sgd", {"value": "adam", "label": "Adam", "settings": {"rate": 0.001}}]})"));
  CHECK(plan.sections[0].steps[1].label == "Adam");
  CHECK(plan.sections[0].steps[1].settings.rate == 0.001);
  CHECK(plan.sections[0].steps[1].settings.optimizer == "adam");
}

TEST_CASE("all steps run with the first seed before any runs with the second", "[fast][plan]") {
  const std::vector<Run> runs = runs_of(plan_of(with_section(kSweep + "," + kSweep)));
  REQUIRE(runs.size() == 8);
  for (std::size_t i = 0; i < 4; ++i) CHECK(runs[i].settings.seed == 1);
  for (std::size_t i = 4; i < 8; ++i) CHECK(runs[i].settings.seed == 2);
  CHECK(runs[0].hash == runs[2].hash);
  CHECK(runs[0].hash != runs[1].hash);
  CHECK(runs[0].hash != runs[4].hash);
}

TEST_CASE("the command line overrides every run", "[fast][plan]") {
  const Plan plan = plan_of(with_section(kSweep), Json{{"data", "mnist"}});
  for (const Run& run : runs_of(plan)) CHECK(run.settings.data == "mnist");
}

TEST_CASE("mistakes in a plan are named with their place", "[fast][plan]") {
  CHECK_THROWS_WITH(plan_of(R"({"titles": "t", "sections": []})"),
                    ContainsSubstring("small.json: unknown key 'titles'; did you mean 'title'?"));
  CHECK_THROWS_WITH(plan_of(R"({"title": "t", "sections": []})"),
                    ContainsSubstring("'sections' must be a list that is not empty"));
  CHECK_THROWS_WITH(plan_of(R"({"sections": [{}]})"), ContainsSubstring("'title' is missing"));
  CHECK_THROWS_WITH(plan_of(R"({"title": "t", "settings": {"epoch": 3}, "sections": [{}]})"),
                    ContainsSubstring("settings: unknown option 'epoch'; did you mean 'epochs'?"));
  CHECK_THROWS_WITH(plan_of(R"({"title": "t", "seeds": [1, 1], "sections": [{}]})"),
                    ContainsSubstring("seed 1 is given twice"));
  CHECK_THROWS_WITH(plan_of(with_section(R"({"group": "g", "question": "q", "kind": "swep"})")),
                    ContainsSubstring("section 1: unknown kind 'swep'; did you mean 'sweep'?"));
  CHECK_THROWS_WITH(
      plan_of(with_section(
          R"({"group": "g", "question": "q", "kind": "sweep", "variable": "rate", "values": [-1]})")),
      ContainsSubstring("section 1: rate is -1 but must be above 0"));
  CHECK_THROWS_WITH(
      plan_of(with_section(
          R"({"group": "g", "question": "q", "kind": "grid", "variable": "rate", "values": [1]})")),
      ContainsSubstring("a grid needs two variables"));
  CHECK_THROWS_WITH(plan_of("{"), ContainsSubstring("not valid JSON: line 1"));
}

TEST_CASE("a plan says how far its best network is looked into", "[fast][plan]") {
  const auto with = [](const std::string& keys) {
    return plan_of(R"({"title": "t", )" + keys + R"("sections": [)" + kSweep + "]}");
  };
  CHECK(with("").explain->images == ExplainSizes().images);
  CHECK(with("").layers->units == LayerSizes().units);
  CHECK_FALSE(with(R"("explain": false, )").explain.has_value());
  CHECK_FALSE(with(R"("layers": false, )").layers.has_value());
  CHECK(with(R"("layers": true, )").layers->steps == LayerSizes().steps);
  const Plan plan = with(R"("explain": {"images": 7, "shown": 1}, "layers": {"mapped": 90}, )");
  CHECK(plan.explain->images == 7);
  CHECK(plan.explain->few == ExplainSizes().few);
  CHECK(plan.layers->mapped == 90);
  CHECK_THROWS_WITH(with(R"("explain": {"image": 7}, )"),
                    ContainsSubstring("small.json: explain: unknown key 'image'; did you mean 'images'?"));
  CHECK_THROWS_WITH(with(R"("explain": {"images": 1}, )"),
                    ContainsSubstring("explain: 'images' must be a whole number from 2 to 10000, found 1"));
  CHECK_THROWS_WITH(with(R"("layers": {"units": 2.5}, )"),
                    ContainsSubstring("layers: 'units' must be a whole number from 1 to 256, found 2.5"));
  CHECK_THROWS_WITH(with(R"("layers": "yes", )"),
                    ContainsSubstring("small.json: layers: expected an object, found \"yes\""));
}

TEST_CASE("the plans that come with the project can be read", "[fast][plan]") {
  for (const std::string name : {"quick", "full", "smoke"}) {
    INFO(name);
    const Plan plan =
        read_plan(std::string(NOYAU_TEST_SOURCES) + "/../plans/" + name + ".json", Json::object());
    CHECK(plan.name == name);
    std::set<std::string> groups;
    for (const Section& section : plan.sections) CHECK(groups.insert(section.group).second);
    CHECK(!runs_of(plan).empty());
  }
}
