#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "study/verdict.h"

using namespace study;

namespace {

// `count` numbers around `mean`, as far from it as `spread`.
std::vector<double> around(double mean, double spread = 0.01, int count = 20) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(mean + (i % 2 == 0 ? spread : -spread) * (1 + i % 3));
  return values;
}

Json method(const std::string& title, double road, double randomised, double seconds = 0.001) {
  Json part = {{"title", title}, {"seconds", seconds}};
  part["values"] = {{"road", numbers(around(road))},
                    {"peak", numbers(around(0.8))},
                    {"sensitivity", numbers(around(0.2))},
                    {"other_class", numbers(around(0.7))}};
  part["cascade"] = Json::array({{{"layer", "conv"}, {"similarity", numbers(around(randomised))}}});
  return part;
}

// Measurements in which Grad-CAM++ has a ROAD of 0.2.
PartMap parts(const std::vector<std::pair<std::string, Json>>& methods) {
  PartMap parts;
  Json names = Json::array();
  for (const auto& [name, part] : methods) {
    names.push_back(name);
    parts["method/" + name] = part;
  }
  parts["network"] = {{"methods", names}, {"layer", "relu"}, {"images", 20},
                      {"height", 32},     {"width", 32},     {"map", {{"height", 8}, {"width", 8}}}};
  parts["network"]["plus_plus"] = {{"negative_alpha", numbers(around(0, 0))},
                                   {"evidence_against", numbers(around(0.25, 0.1))},
                                   {"by_probability", numbers(around(0.95))}};
  return parts;
}

PartMap usual() {
  return parts({{"grad_cam_pp", method("Grad-CAM++", 0.2, 0.1)},
                {"grad_cam", method("Grad-CAM", 0.3, 0.1)},
                {"occlusion", method("Occlusion", 0.31, 0.2)},
                {"guided_backpropagation", method("Guided", 0.5, 0.9)},
                {"eigen_cam", method("Eigen-CAM", 0.0, 0.1)},
                {"integrated_gradients", method("Integrated gradients", 0.1, 0.1, 0.05)},
                {"random", method("Random", 0.0, 0.0)},
                {"sobel", method("Sobel", 0.2, 1.0)}});
}

const Argument& about(const std::vector<Argument>& arguments, const std::string& words) {
  for (const Argument& argument : arguments)
    if (argument.claim.find(words) != std::string::npos) return argument;
  throw std::runtime_error("no argument about " + words);
}

}  // namespace

TEST_CASE("an argument is borne out, refuted or left open by its numbers", "[fast][verdict]") {
  const std::vector<Argument> all = verdict_on_plus_plus(ExplainFacts(usual()));
  CHECK(std::count_if(all.begin(), all.end(), [](const Argument& a) { return a.in_favour; }) >= 3);
  CHECK(std::count_if(all.begin(), all.end(), [](const Argument& a) { return !a.in_favour; }) >= 6);
  const Argument& chance = about(all, "marks pixels that matter");
  CHECK(chance.standing == Standing::borne_out);
  CHECK_THAT(chance.measured,
             ContainsSubstring("ROAD of Grad-CAM++ 0.200, of the random map \u22120.001; difference 0.200"));
  CHECK_THAT(chance.measured, ContainsSubstring("p < 0.001, 20 images"));
  CHECK(about(all, "improves on Grad-CAM").standing == Standing::refuted);
  CHECK(about(all, "Edges of the image").standing == Standing::undecided);
  CHECK(about(all, "Hiding parts").standing == Standing::borne_out);
  CHECK(about(all, "destroys its map").standing == Standing::borne_out);
  CHECK(about(all, "alpha becomes negative").standing == Standing::refuted);
  CHECK(about(all, "hides what speaks against").standing == Standing::undecided);
  CHECK(about(all, "changes with the score").standing == Standing::refuted);
  CHECK(about(all, "two libraries").standing == Standing::not_measured);
  CHECK(about(all, "cheap").standing == Standing::borne_out);
  CHECK(about(all, "too coarse").standing == Standing::borne_out);
  CHECK_THAT(about(all, "too coarse").measured, ContainsSubstring("8 \u00d7 8 cells of 16.0 pixels"));
  CHECK_THAT(summary_of(all), ContainsSubstring("arguments for Grad-CAM++") && ContainsSubstring("refuted"));
}

TEST_CASE("p-values are adjusted over all arguments", "[fast][verdict]") {
  const std::vector<Argument> all = verdict_on_plus_plus(ExplainFacts(usual()));
  for (const Argument& argument : all)
    if (argument.test) CHECK(argument.p >= argument.test->p);
}

TEST_CASE("the method to use beats chance and depends on the network", "[fast][verdict]") {
  const ExplainFacts facts{usual()};
  const Recommendation choice = recommend(facts);
  REQUIRE(choice.method != nullptr);
  CHECK(choice.method->name == "occlusion");
  REQUIRE(choice.insensitive.size() == 1);
  CHECK(choice.insensitive[0]->name == "guided_backpropagation");
  REQUIRE(choice.no_better_than_random.size() == 1);
  CHECK(choice.no_better_than_random[0]->name == "eigen_cam");
  CHECK(choice.worse.size() + choice.undecided.size() == 3);
}

TEST_CASE("without any good method none is recommended", "[fast][verdict]") {
  const ExplainFacts facts(parts({{"grad_cam_pp", method("Grad-CAM++", 0.0, 0.1)},
                                  {"random", method("Random", 0.0, 0.0)},
                                  {"sobel", method("Sobel", 0.2, 1.0)}}));
  CHECK(recommend(facts).method == nullptr);
  CHECK(about(verdict_on_plus_plus(facts), "marks pixels that matter").standing == Standing::undecided);
}

TEST_CASE("a method that does not fit the network is left out", "[fast][verdict]") {
  PartMap all = usual();
  all["method/grad_cam_pp"] = {{"title", "Grad-CAM++"}, {"error", "cam: no layer"}};
  const ExplainFacts facts(all);
  CHECK(facts.find("grad_cam_pp") == nullptr);
  CHECK(verdict_on_plus_plus(facts).empty());
  CHECK(recommend(facts).method->name == "occlusion");
}

TEST_CASE("what is not finite counts in no mean and no pair", "[fast][verdict]") {
  CHECK(mean_of({1, NAN, 3}).mean == 2);
  CHECK(std::isnan(mean_of({}).mean));
  CHECK(signed_number(-0.25, 2) == "\u22120.25");
  CHECK(signed_number(-0.0001, 2) == "0.00");
  CHECK(std::isnan(mean_of({1}).interval.low));
  CHECK_FALSE(compare_pairs({1, NAN}, {NAN, 1}).has_value());
  CHECK(compare_pairs({1, 2, NAN}, {0, 0, 7})->difference == 1.5);
}
