#include "study/explain_facts.h"

#include <algorithm>
#include <cmath>

#include "noyau/plot.h"

namespace study {
namespace {

constexpr double kLevel = 0.05;
constexpr double kKept = 0.5;  // mean rank correlation from which on a map is kept after randomisation

MethodFacts method_of(const std::string& name, const Json& part) {
  MethodFacts facts{.name = name, .title = part.value("title", name), .error = part.value("error", "")};
  facts.seconds = part.value("seconds", 0.0);
  if (part.contains("values"))
    for (const auto& [key, values] : part["values"].items()) facts.values[key] = numbers_of(values);
  if (part.contains("cascade"))
    for (const Json& stage : part["cascade"])
      facts.cascade.emplace_back(stage.value("layer", ""), numbers_of(stage["similarity"]));
  return facts;
}

// p-values of a[i] against b, adjusted; NaN where there is no test.
std::vector<double> adjusted(const std::vector<std::optional<noyau::stats::Comparison>>& tests) {
  std::vector<double> p;
  for (const auto& test : tests)
    if (test) p.push_back(test->p);
  p = noyau::stats::holm(p);
  std::vector<double> all;
  all.reserve(tests.size());
  std::size_t next = 0;
  for (const auto& test : tests) all.push_back(test ? p[next++] : std::nan(""));
  return all;
}

}  // namespace

const std::vector<double>& MethodFacts::of(const std::string& measure) const {
  static const std::vector<double> none;
  const auto found = values.find(measure);
  return found == values.end() ? none : found->second;
}

const std::vector<double>& MethodFacts::randomised() const {
  static const std::vector<double> none;
  return cascade.empty() ? none : cascade.back().second;
}

ExplainFacts::ExplainFacts(const PartMap& parts) {
  if (const auto part = parts.find("network"); part != parts.end()) network = part->second;
  if (const auto part = parts.find("sheets"); part != parts.end()) sheets = part->second;
  if (network.contains("methods"))
    for (const Json& name : network["methods"]) {
      const auto part = parts.find("method/" + name.get<std::string>());
      if (part != parts.end()) methods.push_back(method_of(name.get<std::string>(), part->second));
    }
  const auto part = parts.find("agreement");
  if (part == parts.end()) return;
  const auto names = part->second["names"].get<std::vector<std::string>>();
  for (const Json& pair : part->second["pairs"]) {
    const std::string &a = names[pair[0].get<std::size_t>()], &b = names[pair[1].get<std::size_t>()];
    agreement[{a, b}] = agreement[{b, a}] = numbers_of(pair[2]);
  }
}

const MethodFacts* ExplainFacts::find(const std::string& name) const {
  for (const MethodFacts& method : methods)
    if (method.name == name && method.error.empty()) return &method;
  return nullptr;
}

std::vector<double> ExplainFacts::plus_plus(const std::string& key) const {
  if (!network.is_object() || !network.contains("plus_plus") || !network["plus_plus"].contains(key))
    return {};
  return numbers_of(network["plus_plus"][key]);
}

MeanOf mean_of(const std::vector<double>& values) {
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  const double none = std::nan("");
  if (finite.empty()) return {none, {none, none}};
  const double mean = noyau::stats::mean(finite);
  if (finite.size() < 2) return {mean, {none, none}};
  return {mean, noyau::stats::mean_interval(finite)};
}

std::string signed_number(double value, int decimals) {
  const std::string size = noyau::plot::fixed(std::abs(value), decimals);
  const bool zero = size.find_first_not_of("0.") == std::string::npos;
  return (value < 0 && !zero ? "\u2212" : "") + size;
}

std::optional<noyau::stats::Comparison> compare_pairs(const std::vector<double>& a,
                                                      const std::vector<double>& b) {
  std::vector<double> left, right;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    left.push_back(a[i]);
    right.push_back(b[i]);
  }
  if (left.size() < 2) return std::nullopt;
  return noyau::stats::paired_t(left, right);
}

Recommendation recommend(const ExplainFacts& facts) {
  Recommendation result;
  const MethodFacts* const random = facts.find("random");
  if (random == nullptr) return result;
  std::vector<const MethodFacts*> usable, qualified;
  std::vector<std::optional<noyau::stats::Comparison>> tests;
  for (const MethodFacts& method : facts.methods) {
    if (method.baseline() || !method.error.empty()) continue;
    usable.push_back(&method);
    tests.push_back(compare_pairs(method.of("road"), random->of("road")));
  }
  std::vector<double> p = adjusted(tests);
  for (std::size_t i = 0; i < usable.size(); ++i) {
    if (!(p[i] < kLevel) || tests[i]->difference <= 0) {
      result.no_better_than_random.push_back(usable[i]);
    } else if (mean_of(usable[i]->randomised()).mean >= kKept) {
      result.insensitive.push_back(usable[i]);
    } else {
      qualified.push_back(usable[i]);
    }
  }
  const auto road = [](const MethodFacts* m) { return mean_of(m->of("road")).mean; };
  const auto best = std::ranges::max_element(qualified, {}, road);
  if (best == qualified.end()) return result;
  result.method = *best;
  std::erase(qualified, result.method);
  tests.clear();
  for (const MethodFacts* method : qualified)
    tests.push_back(compare_pairs(result.method->of("road"), method->of("road")));
  p = adjusted(tests);
  for (std::size_t i = 0; i < qualified.size(); ++i)
    (p[i] < kLevel ? result.worse : result.undecided).push_back(qualified[i]);
  return result;
}

}  // namespace study
