#include <algorithm>
#include <cmath>

#include "common/progress.h"
#include "explain/pages.h"
#include "noyau/faithfulness.h"
#include "noyau/plot.h"

namespace explain {
namespace {

using noyau::Tensor;

std::vector<double> numbers(const Tensor& t) { return t.to(noyau::Dtype::f64).to_vector<double>(); }

// Slow measures are taken of this many images.
constexpr std::int64_t kFew = 8;

Tensor large(const Tensor& map, const Tensor& x) {
  return map.dim(1) == x.dim(1) && map.dim(2) == x.dim(2) ? map
                                                          : noyau::resize_map(map, {x.dim(1), x.dim(2)});
}

// The measures that need the maps alone. The explained class stays that of the image as it is.
void measure_maps(Measures& row, const noyau::Sequential& net, const Tensor& x, const Tensor& map,
                  const noyau::Target& target) {
  row.deletion = numbers(curve_area(deletion_curve(net, x, map, {.target = target})));
  row.insertion = numbers(curve_area(insertion_curve(net, x, map, {.target = target})));
  row.road = numbers(noyau::road(net, x, map, {.target = target}));
  const noyau::Drop drop = confidence_drop(net, x, map, {.target = target});
  row.drop = numbers(drop.drop);
  row.increase = numbers(drop.increase);
  row.infidelity = numbers(noyau::infidelity(net, x, map, {.target = target}));
}

std::vector<double> after_randomization(const noyau::Sequential& net, const Tensor& x, const Method& method,
                                        const Question& question) {
  const auto stages =
      noyau::randomization_cascade(net, x, [&](const noyau::NetworkView& view, const Tensor& images) {
        return method.map(view, images, question);
      });
  return stages.empty() ? std::vector<double>{} : numbers(stages.back().similarity);
}

std::vector<std::int32_t> predicted(const noyau::Sequential& net, const Tensor& x) {
  const noyau::NoGrad off;
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < x.dim(0); i += 32) {
    const auto part = argmax(net(slice(x, 0, i, std::min(x.dim(0), i + 32)))).to_vector<std::int32_t>();
    ids.insert(ids.end(), part.begin(), part.end());
  }
  return ids;
}

Measures measure(const noyau::Sequential& net, const Tensor& x, const Method& method, Question question,
                 const std::vector<std::int32_t>& classes) {
  Measures row;
  row.name = method.name;
  row.title = method.title;
  question.target = classes;
  const programs::Stopwatch clock;
  const Tensor map = large(method.map(net, x, question), x);
  noyau::synchronize(x.device());
  row.seconds = clock.seconds() / static_cast<double>(x.dim(0));
  row.map = map;
  measure_maps(row, net, x, map, classes);
  const std::int64_t few = std::min(kFew, x.dim(0));
  const Tensor first = slice(x, 0, 0, few);
  question.target = question.target.rows(0, few);
  row.sensitivity = numbers(noyau::sensitivity(
      [&](const Tensor& images) { return large(method.map(net, images, question), images); }, first, 0.05,
      4));
  row.randomized = after_randomization(net, first, method, question);
  return row;
}

}  // namespace

std::vector<Method> with_baselines(std::vector<Method> methods) {
  for (const Method& method : explain::methods()) {
    const bool baseline = method.name == "random" || method.name == "sobel";
    const bool there = std::ranges::any_of(methods, [&](const Method& m) { return m.name == method.name; });
    if (baseline && !there) methods.push_back(method);
  }
  return methods;
}

study::Cell interval_cell(const std::vector<double>& values) {
  const auto [mean, half] = mean_and_half(values);
  if (!std::isfinite(mean)) return study::Cell("-");
  const std::string range = std::isfinite(half) ? " \u00b1 " + noyau::plot::fixed(half, 3) : "";
  return {study::Text(noyau::plot::fixed(mean, 3) + range), mean};
}

std::pair<double, double> mean_and_half(const std::vector<double>& values) {
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  if (finite.empty()) return {NAN, NAN};
  const double mean = noyau::stats::mean(finite);
  return {mean, finite.size() < 2 ? NAN : noyau::stats::mean_interval(finite).high - mean};
}

std::vector<Measures> compare(const noyau::Sequential& net, const Tensor& x, std::vector<Method> methods,
                              const Question& question, const Report& report) {
  methods = with_baselines(std::move(methods));
  const std::vector<std::int32_t> classes = predicted(net, x);
  std::vector<Measures> rows;
  for (const Method& method : methods) {
    report(noyau::message("measuring ", method.title, " (", rows.size() + 1, " of ", methods.size(), ")"));
    rows.push_back(measure(net, x, method, question, classes));
  }
  return rows;
}

std::vector<Measures> compare_layers(const noyau::Sequential& net, const Tensor& x, const Question& question,
                                     const Report& report) {
  const std::vector<std::int32_t> classes = predicted(net, x);
  std::vector<Measures> rows;
  for (const noyau::MapLayer& layer : noyau::map_layers(net, x)) {
    report("measuring layer " + layer.name);
    Measures row;
    row.name = layer.name;
    row.title = noyau::message(layer.name, " (", layer.kind, ", ", layer.height, " x ", layer.width, " x ",
                               layer.channels, ")");
    const programs::Stopwatch clock;
    const Tensor map =
        large(grad_cam(net, x, {.layer = layer.name, .target = classes, .score = question.score}), x);
    noyau::synchronize(x.device());
    row.seconds = clock.seconds() / static_cast<double>(x.dim(0));
    measure_maps(row, net, x, map, classes);
    rows.push_back(row);
  }
  std::ranges::stable_sort(rows, std::greater<>(),
                           [](const Measures& row) { return mean_and_half(row.road).first; });
  return rows;
}

study::Table table_of(const std::vector<Measures>& rows, const std::string& id,
                      const std::string& first_column) {
  const bool slow = std::ranges::any_of(rows, [](const Measures& row) { return !row.sensitivity.empty(); });
  study::Table table;
  table.id = id;
  table.caption = study::Text(
      "Means over images with half the width of their 95 % interval. Better: deletion, drop, infidelity and "
      "sensitivity low; insertion and ROAD high (ROAD of a random map is 0). After randomisation: rank "
      "correlation with the map of the trained network; what stays near 1 does not explain the network.");
  table.columns = {{first_column},          {"deletion", "", true},     {"insertion", "", true},
                   {"ROAD", "", true},      {"average drop", "", true}, {"increase", "", true},
                   {"infidelity", "", true}};
  if (slow)
    table.columns.insert(table.columns.end(), {{"sensitivity", "", true}, {"after randomisation", "", true}});
  table.columns.push_back({"time", "ms/image", true});
  for (const Measures& row : rows) {
    std::vector<study::Cell> cells{row.title,
                                   interval_cell(row.deletion),
                                   interval_cell(row.insertion),
                                   interval_cell(row.road),
                                   interval_cell(row.drop),
                                   interval_cell(row.increase),
                                   interval_cell(row.infidelity)};
    if (slow) cells.insert(cells.end(), {interval_cell(row.sensitivity), interval_cell(row.randomized)});
    cells.emplace_back(study::Text(noyau::plot::fixed(1000 * row.seconds, 2)), 1000 * row.seconds);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::vector<study::Text> findings(const std::vector<Measures>& rows) {
  const auto random = std::ranges::find(rows, "random", &Measures::name);
  if (random == rows.end() || random->road.size() < 2) return {};
  std::vector<study::Text> texts;
  std::string better;
  std::string same;
  std::string insensitive;
  for (const Measures& row : rows) {
    if (row.name == "random") continue;
    const noyau::stats::Comparison test = noyau::stats::paired_t(row.road, random->road);
    std::string& list = test.interval.low > 0 ? better : same;
    list += (list.empty() ? "" : ", ") + row.title;
    const auto [kept, half] = mean_and_half(row.randomized);
    if (kept > 0.5) insensitive += (insensitive.empty() ? "" : ", ") + row.title;
  }
  if (!better.empty()) {
    texts.emplace_back("ROAD above that of a random map (paired t-test, 95 %): " + better + ".");
  }
  if (!same.empty()) {
    texts.emplace_back("No ROAD above that of a random map could be shown on these images for: " + same +
                       ".");
  }
  if (!insensitive.empty()) {
    texts.emplace_back(
        "Maps that stay (rank correlation above 0.5) when all weights are drawn anew, and so show the image "
        "more than the network: " +
        insensitive + ".");
  }
  return texts;
}

}  // namespace explain
