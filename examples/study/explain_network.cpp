#include "study/explain_network.h"

#include <algorithm>
#include <cmath>

#include "common/progress.h"
#include "explain/pages.h"
#include "noyau/faithfulness.h"
#include "noyau/train.h"
#include "study/explain_facts.h"
#include "study/explain_sheets.h"

namespace study {
namespace {

using explain::Method;
using explain::Question;
using noyau::Tensor;

constexpr std::int64_t kChunk = 50;          // images at a time
constexpr std::int64_t kClassified = 2000;   // images that samples are drawn from
constexpr std::uint64_t kSeed = 0x6578706c;  // of samples and random maps

/// What all methods are measured on.
struct Bench {
  const noyau::SavedModel& model;
  ExplainSizes sizes;
  std::string layer = {};                             // of class activation maps
  Tensor x = {};                                      // images that are explained
  std::vector<std::int32_t> first = {}, second = {};  // their most probable classes
  Tensor mosaics = {};
  std::vector<std::int32_t> asked = {};  // of each mosaic, the class that must be found
  Tensor masks = {};                     // and where it is
};

Method plus_plus_of_authors() {
  return {
      "grad_cam_pp_authors",
      "Grad-CAM++ (authors)",
      "As above, as the code of its authors computes it.",
      "Another method than the libraries' of the same name.",
      true,
      false,
      [](const noyau::NetworkView& net, const Tensor& x, const Question& q) {
        return grad_cam_pp(
            net, x,
            {.layer = q.layer, .target = q.target, .score = q.score, .variant = noyau::GradCamPp::authors});
      }};
}

Method grad_cam_plus() {
  return {"grad_cam_plus",
          "Grad-CAM+",
          "Grad-CAM with positive gradients only.",
          "Hides what speaks against the class.",
          true,
          false,
          [](const noyau::NetworkView& net, const Tensor& x, const Question& q) {
            return cam(noyau::CamMethod::grad_cam_plus, net, x,
                       {.layer = q.layer, .target = q.target, .score = q.score});
          }};
}

Tensor large(const Tensor& map, const Tensor& x) {
  return map.dim(1) == x.dim(1) && map.dim(2) == x.dim(2) ? map
                                                          : noyau::resize_map(map, {x.dim(1), x.dim(2)});
}

Tensor logits_of(const noyau::Sequential& net, const Tensor& x) {
  const noyau::NoGrad off;
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < x.dim(0); i += 250)
    parts.push_back(net(slice(x, 0, i, std::min(x.dim(0), i + 250))));
  return parts.size() == 1 ? parts[0] : noyau::concat(parts, 0);
}

// The class of place `place`, 0 for the largest, of each row.
std::vector<std::int32_t> classes_at(const Tensor& logits, std::size_t place) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const std::vector<float> row = logits[i].to_vector<float>();
    std::vector<std::int32_t> order(row.size());
    for (std::size_t c = 0; c < order.size(); ++c) order[c] = static_cast<std::int32_t>(c);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return row[static_cast<std::size_t>(a)] > row[static_cast<std::size_t>(b)];
    });
    ids.push_back(order[std::min(place, order.size() - 1)]);
  }
  return ids;
}

// Four test images that the network gets right, of four classes, in each mosaic; the quadrant that is asked for turns.
void add_mosaics(Bench& bench, const noyau::Dataset& shuffled) {
  const Tensor x = noyau::normalize(shuffled.images(), bench.model.info);
  const std::vector<std::int32_t> predicted = classes_at(logits_of(bench.model.net, x), 0);
  std::vector<Tensor> mosaics, masks;
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < shuffled.size(); ++i) {
    if (static_cast<std::int64_t>(mosaics.size()) == bench.sizes.mosaics) break;
    const std::int32_t label = shuffled.label(i);
    const bool there = std::any_of(chosen.begin(), chosen.end(),
                                   [&](std::int64_t other) { return shuffled.label(other) == label; });
    if (there || predicted[static_cast<std::size_t>(i)] != label) continue;
    chosen.push_back(i);
    if (chosen.size() < 4) continue;
    const int quadrant = static_cast<int>(mosaics.size() % 4);
    mosaics.push_back(noyau::mosaic(noyau::normalize(shuffled.select(chosen).images(), bench.model.info)));
    masks.push_back(noyau::quadrant_mask(x.dim(1), x.dim(2), quadrant));
    bench.asked.push_back(shuffled.label(chosen[static_cast<std::size_t>(quadrant)]));
    chosen.clear();
  }
  if (mosaics.size() < 2) return bench.asked.clear();
  bench.mosaics = noyau::concat(mosaics, 0);
  bench.masks = noyau::concat(masks, 0);
}

Bench bench_of(const noyau::SavedModel& model, const noyau::Dataset& test, const ExplainSizes& sizes) {
  Bench bench{.model = model, .sizes = sizes};
  noyau::Generator generator = noyau::stream(kSeed, 0);
  const noyau::Dataset shuffled = test.select(noyau::permutation(test.size(), generator)).first(kClassified);
  bench.x = noyau::normalize(shuffled.first(sizes.images).images(), model.info);
  bench.layer = explained_layer(model.net, slice(bench.x, 0, 0, 1));
  const Tensor logits = logits_of(model.net, bench.x);
  bench.first = classes_at(logits, 0);
  bench.second = classes_at(logits, 1);
  add_mosaics(bench, shuffled);
  return bench;
}

void append(std::vector<double>& all, const Tensor& more) {
  for (const double value : more.to(noyau::Dtype::f64).to_vector<double>()) all.push_back(value);
}

noyau::Target part_of(const std::vector<std::int32_t>& classes, std::int64_t begin, std::int64_t end) {
  return noyau::Target(classes).rows(begin, end);
}

// The maps of `x`; adds to `seconds` the best time of three, as the first fills caches, unless one takes long.
Tensor timed_map(double& seconds, const Method& method, const noyau::Sequential& net, const Tensor& x,
                 const Question& question) {
  constexpr double kLong = 0.1;
  Tensor map;
  double best = INFINITY;
  for (int i = 0; i < 3 && (i == 0 || best < kLong); ++i) {
    const programs::Stopwatch clock;
    map = method.map(net, x, question);
    best = std::min(best, clock.seconds());
  }
  seconds += best;
  return large(map, x);
}

using Values = std::map<std::string, std::vector<double>>;

// Measures of one map an image.
void measure_maps(Values& values, double& seconds, const Bench& bench, const Method& method) {
  const noyau::Sequential& net = bench.model.net;
  for (std::int64_t begin = 0; begin < bench.x.dim(0); begin += kChunk) {
    const std::int64_t end = std::min(bench.x.dim(0), begin + kChunk);
    const Tensor x = slice(bench.x, 0, begin, end);
    Question question{.target = part_of(bench.first, begin, end),
                      .layer = bench.layer,
                      .seed = kSeed + static_cast<std::uint64_t>(begin)};
    const noyau::Target target = question.target;
    const Tensor map = timed_map(seconds, method, net, x, question);
    append(values["deletion"], curve_area(deletion_curve(net, x, map, {.target = target})));
    append(values["insertion"], curve_area(insertion_curve(net, x, map, {.target = target})));
    append(values["road"], noyau::road(net, x, map, {.target = target}));
    const noyau::Drop drop = confidence_drop(net, x, map, {.target = target});
    append(values["drop"], drop.drop);
    append(values["increase"], drop.increase);
    append(values["infidelity"], noyau::infidelity(net, x, map, {.target = target}));
    question.target = part_of(bench.second, begin, end);
    append(values["other_class"], noyau::map_agreement(map, large(method.map(net, x, question), x)));
  }
  seconds /= static_cast<double>(bench.x.dim(0));
}

// Slow ones, of a few images; returns the cascade of randomised layers.
Json measure_slowly(Values& values, const Bench& bench, const Method& method) {
  const std::int64_t few = std::min(bench.sizes.few, bench.x.dim(0));
  const Tensor x = slice(bench.x, 0, 0, few);
  const Question question{.target = part_of(bench.first, 0, few), .layer = bench.layer, .seed = kSeed};
  append(values["sensitivity"], noyau::sensitivity(
                                    [&](const Tensor& images) {
                                      return large(method.map(bench.model.net, images, question), images);
                                    },
                                    x, 0.05, 4));
  Json cascade = Json::array();
  const auto map = [&](const noyau::NetworkView& net, const Tensor& images) {
    return method.map(net, images, question);
  };
  for (const noyau::CascadeStage& stage : noyau::randomization_cascade(bench.model.net, x, map, kSeed))
    cascade.push_back({{"layer", stage.layer}, {"similarity", numbers(stage.similarity)}});
  return cascade;
}

void measure_mosaics(Values& values, const Bench& bench, const Method& method) {
  if (bench.asked.empty()) return;
  for (std::int64_t begin = 0; begin < bench.mosaics.dim(0); begin += kChunk) {
    const std::int64_t end = std::min(bench.mosaics.dim(0), begin + kChunk);
    const Tensor x = slice(bench.mosaics, 0, begin, end);
    const Question question{.target = part_of(bench.asked, begin, end),
                            .layer = bench.layer,
                            .seed = kSeed + static_cast<std::uint64_t>(begin)};
    const Tensor map = large(method.map(bench.model.net, x, question), x);
    const Tensor mask = slice(bench.masks, 0, begin, end);
    append(values["energy"], noyau::energy_inside(map, mask));
    append(values["peak"], noyau::peak_inside(map, mask));
  }
}

Json method_part(const Bench& bench, const Method& method) {
  Json part = {{"title", method.title}, {"at_layer", method.at_layer}};
  try {
    Values values;
    double seconds = 0;
    measure_maps(values, seconds, bench, method);
    part["cascade"] = measure_slowly(values, bench, method);
    measure_mosaics(values, bench, method);
    part["seconds"] = seconds;
    for (const auto& [name, list] : values) part["values"][name] = numbers(list);
  } catch (const noyau::Stopped&) {
    throw;
  } catch (const noyau::Error& error) {  // a method that does not fit this network says so in the report
    part["error"] = error.what();
  }
  return part;
}

// What Grad-CAM++ meets at the layer: numbers of each image.
Json plus_plus_part(const Bench& bench) {
  const noyau::Sequential& net = bench.model.net;
  std::vector<double> negative, constant, against, by_probability;
  for (std::int64_t i = 0; i < bench.x.dim(0); ++i) {
    const Tensor x = slice(bench.x, 0, i, i + 1);
    noyau::CamOptions options{.layer = bench.layer, .target = bench.first[static_cast<std::size_t>(i)]};
    const noyau::PlusPlusDiagnosis diagnosis = diagnose_plus_plus(net, x, options);
    negative.push_back(diagnosis.negative_share);
    constant.push_back(diagnosis.constant_share);
    const Tensor map = grad_cam_pp(net, x, options);
    options.score = noyau::Score::probability;
    append(by_probability, noyau::map_agreement(map, grad_cam_pp(net, x, options)));
    options.score = noyau::Score::logit;
    options.positive = false;
    const Tensor evidence = hires_cam(net, x, options);
    const double size = sum(abs(evidence)).item<float>();
    against.push_back(size > 0 ? sum(relu(-evidence)).item<float>() / size : std::nan(""));
  }
  return {{"negative_alpha", numbers(negative)},
          {"constant_channels", numbers(constant)},
          {"evidence_against", numbers(against)},
          {"by_probability", numbers(by_probability)}};
}

Json network_part(const Bench& bench, const std::vector<Method>& methods, std::int64_t test_images) {
  Json names = Json::array();
  for (const Method& method : methods) names.push_back(method.name);
  Json part = {{"methods", names},
               {"layer", bench.layer},
               {"images", bench.x.dim(0)},
               {"test_images", test_images},
               {"few", std::min(bench.sizes.few, bench.x.dim(0))},
               {"mosaics", bench.asked.size()},
               {"height", bench.x.dim(1)},
               {"width", bench.x.dim(2)}};
  if (bench.layer.empty()) return part;
  for (const noyau::MapLayer& layer : noyau::map_layers(bench.model.net, slice(bench.x, 0, 0, 1)))
    if (layer.name == bench.layer)
      part["map"] = {{"height", layer.height},
                     {"width", layer.width},
                     {"channels", layer.channels},
                     {"kind", layer.kind}};
  part["plus_plus"] = plus_plus_part(bench);
  return part;
}

Json agreement_part(const Bench& bench, const std::vector<Method>& methods) {
  std::vector<Tensor> maps;
  Json names = Json::array(), pairs = Json::array();
  for (const Method& method : methods) {
    std::vector<Tensor> parts;
    for (std::int64_t begin = 0; begin < bench.x.dim(0); begin += kChunk) {
      const std::int64_t end = std::min(bench.x.dim(0), begin + kChunk);
      const Tensor x = slice(bench.x, 0, begin, end);
      parts.push_back(large(method.map(bench.model.net, x,
                                       {.target = part_of(bench.first, begin, end),
                                        .layer = bench.layer,
                                        .seed = kSeed + static_cast<std::uint64_t>(begin)}),
                            x));
    }
    maps.push_back(parts.size() == 1 ? parts[0] : noyau::concat(parts, 0));
    names.push_back(method.name);
  }
  for (std::size_t a = 0; a < maps.size(); ++a)
    for (std::size_t b = a + 1; b < maps.size(); ++b)
      pairs.push_back({a, b, numbers(noyau::map_agreement(maps[a], maps[b]))});
  return {{"names", names}, {"pairs", pairs}};
}

// Grad-CAM++ and the recommended method first, then what they are held against: five that fill a sheet's rows.
std::vector<Method> shown_methods(const std::vector<Method>& methods, const std::string& recommended) {
  constexpr std::size_t kShown = 5;
  const std::vector<std::string> names = {"grad_cam_pp", recommended, "grad_cam",
                                          "hires_cam",   "occlusion", "integrated_gradients",
                                          "saliency",    "lrp"};
  std::vector<Method> shown;
  for (const std::string& name : names) {
    const bool there = std::ranges::any_of(shown, [&](const Method& m) { return m.name == name; });
    const auto found = std::ranges::find(methods, name, &Method::name);
    if (!there && found != methods.end() && shown.size() < kShown) shown.push_back(*found);
  }
  return shown;
}

}  // namespace

std::vector<Method> compared_methods(bool has_map) {
  const std::string cams =
      "grad_cam_pp,grad_cam_pp_paper,grad_cam_pp_pytorch_grad_cam,grad_cam,hires_cam,layer_cam,xgrad_cam,"
      "eigen_cam,ablation_cam,score_cam,";
  const std::string others =
      "saliency,integrated_gradients,smooth_grad,guided_backpropagation,lrp,deep_lift,occlusion,random,sobel";
  std::vector<Method> methods = explain::methods_of(has_map ? cams + others : others);
  if (!has_map) return methods;
  methods.insert(methods.begin() + 3, plus_plus_of_authors());
  methods.insert(methods.begin() + 5, grad_cam_plus());
  return methods;
}

Passes explain_passes(const ExplainSizes& sizes) {
  const auto methods = static_cast<double>(compared_methods(true).size());
  const auto images = static_cast<double>(sizes.images);
  const double maps = 3 * images + static_cast<double>(sizes.mosaics + 9 * sizes.few);  // by each method
  constexpr double kMeasures = 94;  // images forward for the measures of a map
  constexpr double kForward = 350;  // for one map by each method: occlusion, channels taken out or seen alone
  constexpr double kBackward = 92;  // the same: steps of integrated gradients, noisy copies
  constexpr double kSeconds = 0.01;  // an image and method: interpolation and ranks
  return {.parts = compared_methods(true).size() + 3,
          .forward = methods * kMeasures * images + kForward * maps,
          .backward = kBackward * maps,
          .seconds = methods * kSeconds * images};
}

std::string explained_layer(const noyau::Sequential& net, const Tensor& x) {
  return noyau::map_layers(net, x).empty() ? std::string() : noyau::default_map_layer(net, x);
}

void explain_network(const noyau::SavedModel& model, const noyau::Dataset& test, const ExplainSizes& sizes,
                     Parts& parts, const std::string& folder, const Said& said) {
  const Bench bench = bench_of(model, test, sizes);
  std::vector<Method> methods = compared_methods(!bench.layer.empty());
  if (!parts.has("network")) {
    said("the network at " + (bench.layer.empty() ? "its input" : bench.layer));
    parts.add("network", network_part(bench, methods, test.size()));
  }
  for (const Method& method : methods) {
    const std::string name = "method/" + method.name;
    if (parts.has(name)) continue;
    said("measuring " + method.title);
    parts.add(name, method_part(bench, method));
  }
  std::erase_if(methods, [&](const Method& m) { return parts.at("method/" + m.name).contains("error"); });
  if (!parts.has("agreement")) {
    said("comparing the maps");
    parts.add("agreement", agreement_part(bench, methods));
  }
  if (!parts.has("sheets")) {
    said("drawing maps");
    const Recommendation choice = recommend(ExplainFacts(parts.all()));
    const std::string best = choice.method == nullptr ? "" : choice.method->name;
    parts.add("sheets", write_sheets(model, test, sizes.shown, shown_methods(methods, best), bench.layer,
                                     folder, parts.id()));
  }
}

}  // namespace study
