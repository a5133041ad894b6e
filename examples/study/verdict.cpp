#include "study/verdict.h"

#include <algorithm>
#include <cmath>

#include "noyau/plot.h"
#include "study/facts.h"

namespace study {
namespace {

using noyau::message;
using noyau::plot::fixed;

constexpr double kLevel = 0.05;
constexpr double kAlike = 0.9;  // rank correlation from which on maps count as the same
constexpr double kKept = 0.5;   // and from which on a map counts as kept
constexpr double kNegativeAlpha = 0.01;
constexpr double kEvidenceHidden = 0.25;
constexpr double kChance = 0.25;  // of four quadrants
constexpr double kCoarse = 16;    // pixels a cell
constexpr double kCheap = 10;     // times

/// An argument before it is decided: the claim says that `a` is larger (or smaller) than `b`, image by image.
struct Claim {
  bool in_favour;
  std::string text;
  std::string of, than;  // what `a` and `b` are; `than` is empty where `b` is a bound that `of` names
  std::vector<double> a, b;
  bool larger;
};

std::vector<double> bound(const std::vector<double>& like, double value) {
  return std::vector<double>(like.size(), value);
}

std::string measured_text(const Claim& claim, const noyau::stats::Comparison& test, double p) {
  const auto mean = [](const std::vector<double>& values) { return signed_number(mean_of(values).mean, 3); };
  return message(claim.of, " ", mean(claim.a),
                 claim.than.empty() ? ", bound " : message(", ", claim.than, " "), mean(claim.b),
                 "; difference ", signed_number(test.difference, 3), " [",
                 signed_number(test.interval.low, 3), ", ", signed_number(test.interval.high, 3), "], ",
                 shown_p(p), ", ", static_cast<int>(test.freedom) + 1, " images");
}

Argument decided(const Claim& claim, std::optional<noyau::stats::Comparison> test, double p) {
  Argument argument{.in_favour = claim.in_favour, .claim = claim.text, .measured = ""};
  if (!test) {
    argument.measured = "no number could be measured on these images";
    return argument;
  }
  argument.measured = measured_text(claim, *test, p);
  argument.test = test;
  argument.p = p;
  const bool towards = claim.larger ? test->difference > 0 : test->difference < 0;
  argument.standing = !(p < kLevel) ? Standing::undecided : towards ? Standing::borne_out : Standing::refuted;
  return argument;
}

std::vector<Argument> decide(const std::vector<Claim>& claims) {
  std::vector<std::optional<noyau::stats::Comparison>> tests;
  std::vector<double> p;
  for (const Claim& claim : claims) {
    tests.push_back(compare_pairs(claim.a, claim.b));
    if (tests.back()) p.push_back(tests.back()->p);
  }
  p = noyau::stats::holm(p);
  std::vector<Argument> arguments;
  std::size_t next = 0;
  for (std::size_t i = 0; i < claims.size(); ++i)
    arguments.push_back(decided(claims[i], tests[i], tests[i] ? p[next++] : 1));
  return arguments;
}

/// The numbers that claims are made of.
struct Numbers {
  const ExplainFacts& facts;

  std::vector<double> of(const std::string& method, const std::string& measure) const {
    const MethodFacts* const found = facts.find(method);
    return found == nullptr ? std::vector<double>() : found->of(measure);
  }
  std::vector<double> randomised(const std::string& method) const {
    const MethodFacts* const found = facts.find(method);
    return found == nullptr ? std::vector<double>() : found->randomised();
  }
  std::vector<double> agreement(const std::string& a, const std::string& b) const {
    const auto found = facts.agreement.find({a, b});
    return found == facts.agreement.end() ? std::vector<double>() : found->second;
  }
};

std::vector<Claim> claims_in_favour(const Numbers& n) {
  const std::vector<double> road = n.of("grad_cam_pp", "road"), peak = n.of("grad_cam_pp", "peak");
  const std::vector<double> randomised = n.randomised("grad_cam_pp");
  return {
      {true, "It marks pixels that matter: interpolating them away costs more than with a random map.",
       "ROAD of Grad-CAM++", "of the random map", road, n.of("random", "road"), true},
      {true, "It improves on Grad-CAM, from which it was made.", "ROAD of Grad-CAM++", "of Grad-CAM", road,
       n.of("grad_cam", "road"), true},
      {true, "It explains the network and not the picture: drawing all layers anew destroys its map.",
       "rank correlation of the maps before and after", "", randomised, bound(randomised, kKept), false},
      {true, "It points at the object that it is asked for: among four in a mosaic it finds the right one.",
       "share of mosaics whose peak lies in the right quarter", "by chance", peak, bound(peak, kChance),
       true},
      {true, "It is stable: an image that hardly changes keeps its map, more than with saliency.",
       "relative change of the map, Grad-CAM++", "saliency", n.of("grad_cam_pp", "sensitivity"),
       n.of("saliency", "sensitivity"), false},
  };
}

std::vector<Claim> claims_against(const Numbers& n) {
  const std::vector<double> road = n.of("grad_cam_pp", "road");
  const std::vector<double> variants = n.agreement("grad_cam_pp", "grad_cam_pp_pytorch_grad_cam");
  const std::vector<double> plus = n.agreement("grad_cam_pp", "grad_cam_plus");
  const std::vector<double> negative = n.facts.plus_plus("negative_alpha");
  const std::vector<double> hidden = n.facts.plus_plus("evidence_against");
  const std::vector<double> probability = n.facts.plus_plus("by_probability");
  const std::vector<double> other = n.of("grad_cam_pp", "other_class");
  return {
      {false, "Its name does not say what is computed: two libraries draw different maps under it.",
       "rank correlation of tf_keras_vis and pytorch_grad_cam", "", variants, bound(variants, kAlike), false},
      {false,
       "Its second and third derivatives are for show: Grad-CAM with positive gradients (Grad-CAM+) draws "
       "the same map.",
       "rank correlation of Grad-CAM++ and Grad-CAM+", "", plus, bound(plus, kAlike), true},
      {false, "It leaves the range that it was derived for: alpha becomes negative (g sum A < -2).",
       "share of elements with a negative alpha", "", negative, bound(negative, kNegativeAlpha), true},
      {false, "It hides what speaks against the class.",
       "share of HiResCAM's evidence at that layer that is negative", "", hidden,
       bound(hidden, kEvidenceHidden), true},
      {false, "Edges of the image, which know nothing of the network, are more faithful.",
       "ROAD of Sobel edges", "of Grad-CAM++", n.of("sobel", "road"), road, true},
      {false, "Hiding parts of the image, which needs no derivation at all, is more faithful.",
       "ROAD of occlusion", "of Grad-CAM++", n.of("occlusion", "road"), road, true},
      {false, "It hardly tells classes apart: the second most probable class has nearly the same map.",
       "rank correlation of the two maps", "", other, bound(other, kKept), true},
      {false, "It changes with the score: explaining the probability instead of the logit gives another map.",
       "rank correlation of the two maps", "", probability, bound(probability, kAlike), false},
  };
}

// A map is as fine as its layer.
Argument coarseness(const ExplainFacts& facts) {
  Argument argument{.in_favour = false, .claim = "It is too coarse for images this small.", .measured = ""};
  const Json& map = facts.network["map"];
  const auto h = map.value("height", 1.0), w = map.value("width", 1.0);
  const double pixels = facts.network.value("height", 0.0) * facts.network.value("width", 0.0) / (h * w);
  argument.measured =
      message("the map of layer ", facts.network.value("layer", ""), " has ", fixed(h, 0), " \u00d7 ",
              fixed(w, 0), " cells of ", fixed(pixels, 1), " pixels; bound ", fixed(kCoarse, 0), " pixels");
  argument.standing = pixels >= kCoarse ? Standing::borne_out : Standing::refuted;
  return argument;
}

Argument cost(const ExplainFacts& facts) {
  Argument argument{.in_favour = true, .claim = "It is cheap: one run forward and one back.", .measured = ""};
  const MethodFacts* const mine = facts.find("grad_cam_pp");
  const MethodFacts* const other = facts.find("integrated_gradients");
  if (mine == nullptr || other == nullptr || mine->seconds <= 0) {
    argument.measured = "no time was measured";
    return argument;
  }
  const double times = other->seconds / mine->seconds;
  argument.measured = message(fixed(1000 * mine->seconds, 2), " ms an image, integrated gradients ",
                              fixed(1000 * other->seconds, 2), " ms: ", fixed(times, 1), " times; bound ",
                              fixed(kCheap, 0), " times; times are of one machine, possibly busy");
  argument.standing = times >= kCheap ? Standing::borne_out : Standing::refuted;
  return argument;
}

std::string counts(const std::vector<Argument>& arguments, bool in_favour) {
  const auto count = [&](Standing standing) {
    return std::ranges::count_if(
        arguments, [&](const Argument& a) { return a.in_favour == in_favour && a.standing == standing; });
  };
  const auto all = std::ranges::count(arguments, in_favour, &Argument::in_favour);
  return message("Of ", static_cast<int>(all), " arguments ", in_favour ? "for" : "against", " Grad-CAM++, ",
                 static_cast<int>(count(Standing::borne_out)), " are borne out here, ",
                 static_cast<int>(count(Standing::refuted)), " refuted and ",
                 static_cast<int>(count(Standing::undecided) + count(Standing::not_measured)),
                 " left open. ");
}

}  // namespace

std::string standing_name(Standing standing) {
  switch (standing) {
    case Standing::borne_out:
      return "Borne out";
    case Standing::refuted:
      return "Refuted";
    case Standing::undecided:
      return "Undecided";
    default:
      return "Not measured";
  }
}

std::vector<Argument> verdict_on_plus_plus(const ExplainFacts& facts) {
  if (facts.find("grad_cam_pp") == nullptr || !facts.network.contains("map")) return {};
  const Numbers numbers{facts};
  std::vector<Claim> claims = claims_in_favour(numbers);
  const std::size_t in_favour = claims.size();
  for (Claim& claim : claims_against(numbers)) claims.push_back(std::move(claim));
  std::vector<Argument> arguments = decide(claims);
  arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(in_favour), cost(facts));
  arguments.push_back(coarseness(facts));
  return arguments;
}

std::string summary_of(const std::vector<Argument>& arguments) {
  return counts(arguments, true) + counts(arguments, false) +
         "An argument is borne out or refuted only where the number lies beyond its bound by more than "
         "chance (Student's paired t-test over images, adjusted by Holm over all arguments, 5 %).";
}

}  // namespace study
