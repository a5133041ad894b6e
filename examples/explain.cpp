// noyau-explain: shows why a network says what it says, and measures whether to believe it.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/command_line.h"
#include "common/device.h"
#include "common/files.h"
#include "common/progress.h"
#include "explain/pages.h"
#include "noyau/image.h"
#include "noyau/names.h"
#include "noyau/parallel.h"
#include "noyau/plot.h"
#include "noyau/serialize.h"

namespace explain {
namespace {

using programs::Exit;
using programs::Json;
using programs::stop;

struct Request {
  programs::Settings settings;
  std::string images;
  std::string methods = "default";
  std::string layer;
  std::string target;
  std::string score = "logit";
  std::string count = "100";
  std::string list;
  std::string neighbours = "0";
  std::string tracin = "0";
  bool compare = false;
  bool which_layer = false;
  bool json = false;
};

bool parse(Request& request, int argc, char** argv) {
  programs::CommandLine line(
      "noyau-explain", "--weights FILE [options]",
      "Shows which parts of images speak for a class, and measures whether the maps are right.");
  line.take(request.settings, {"weights", "data", "data-dir", "seed", "threads", "device", "out"});
  line.text("images", request.images, "LIST",
            "test-set indices, files and folders, by commas (default: the best and worst of each class)");
  line.text("methods", request.methods, "LIST", "names by commas, default or all; see --list methods");
  line.text("layer", request.layer, "NAME",
            "layer of class activation maps (default: the deepest with a map)");
  line.text("target", request.target, "CLASS",
            "class name or id (default: predicted; of errors the true one too)");
  line.text("score", request.score, "WHAT", "logit or probability");
  line.text("count", request.count, "N", "test images of --compare and --which-layer (default: 100)");
  line.text("neighbours", request.neighbours, "N",
            "show the N training images that are nearest to the network");
  line.text("tracin", request.tracin, "N",
            "show the N training images that strengthen the prediction most, and those that weaken it");
  line.text("list", request.list, "WHAT", "list methods");
  line.flag("compare", request.compare, "measure the methods beside random and Sobel maps");
  line.flag("which-layer", request.which_layer, "rank the layers for Grad-CAM");
  line.flag("json", request.json, "print the result as JSON");
  return line.parse(argc, argv);
}

Exit list_methods() {
  for (const Method& method : methods()) {
    std::printf("%-26s %s\n%28s%s\n", method.name.c_str(), method.says.c_str(),
                "But: ", method.misleads.c_str());
  }
  return Exit::done;
}

/// One run of the program.
class Explaining {
 public:
  explicit Explaining(const Request& request) : request_(request) {
    if (request.settings.weights.empty()) stop(Exit::usage, "which network? Give --weights FILE");
    model_ = programs::blaming(Exit::data, [&] { return noyau::load_model(request.settings.weights); });
    if (model_.info.height == 0 || model_.info.mean.empty()) {
      stop(Exit::data, request.settings.weights,
           ": these weights do not say what images the network takes; save them with noyau::save(path, net, "
           "info)");
    }
    model_.net.train(false);
    model_.net.to(noyau::Device(programs::usable_device(request.settings.device)));
    question_.seed = static_cast<std::uint64_t>(request.settings.seed);
    question_.score = score_of(request.score);
    question_.target = target_of(request.target);
    methods_ = methods_of(request.methods);
    count_ = count_of("--count", request.count, 2);
    neighbours_ = count_of("--neighbours", request.neighbours, 0);
    tracin_ = count_of("--tracin", request.tracin, 0);
    folder_ = request.settings.out.empty() ? "explanations" : request.settings.out;
  }

  Exit run() {
    load_test_set();
    std::vector<Item> items = request_.images.empty() ? default_items(model_.net, test_, model_.info)
                                                      : items_of(request_.images, test_, model_.info);
    classify(items, model_.net, model_.info);
    layer_ = layer_of(items);
    programs::make_folder(folder_ + "/figures");
    programs::make_folder(folder_ + "/tables");
    begin();
    add_sheets(items);
    add_diagnosis(items);
    if (neighbours_ > 0 || tracin_ > 0) add_training_images(items);
    if (request_.compare) add_comparison();
    if (request_.which_layer) add_layers();
    add_cards();
    finish();
    return Exit::done;
  }

 private:
  static noyau::Score score_of(const std::string& name) {
    if (name != "logit" && name != "probability")
      stop(Exit::usage, "--score: ", name, " is neither logit nor probability");
    return name == "logit" ? noyau::Score::logit : noyau::Score::probability;
  }

  noyau::Target target_of(const std::string& name) const {
    if (name.empty() || name == "predicted") return {};
    const std::vector<std::string>& classes = model_.info.classes;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (classes[i] == name || std::to_string(i) == name) return static_cast<std::int32_t>(i);
    }
    programs::blaming(Exit::usage, [&] { noyau::fail_unknown("--target", "class", name, classes); });
    return {};
  }

  static std::int64_t count_of(const std::string& option, const std::string& text, std::int64_t least) {
    const bool digits =
        !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == std::string::npos;
    const std::int64_t value = digits ? std::stol(text) : -1;
    if (value < least) stop(Exit::usage, option, ": ", text, " is no number from ", least, " on");
    return value;
  }

  // Without a test set files can still be explained.
  void load_test_set() {
    const bool asked = request_.settings.data != "auto";
    const std::string name = asked ? request_.settings.data : model_.info.name;
    const bool needed = asked || request_.images.empty() || request_.compare || request_.which_layer ||
                        neighbours_ > 0 || tracin_ > 0;
    try {
      noyau::Split split = noyau::load_dataset(name, request_.settings.data_dir);
      test_ = std::move(split.test);
      train_ = std::move(split.train);
    } catch (const noyau::Error& error) {
      if (needed) stop(Exit::data, error.what());
      return;
    }
    if (!test_.empty() && test_.info().classes.size() != model_.info.classes.size()) {
      stop(Exit::data, name, " has ", test_.info().classes.size(), " classes, the network ",
           model_.info.classes.size(), "; these weights are of another data set (", model_.info.name, ")");
    }
  }

  std::string layer_of(const std::vector<Item>& items) const {
    const noyau::Tensor x = inputs_of(model_.net, {items.front()}, model_.info);
    const auto layers = noyau::map_layers(model_.net, x);
    if (!request_.layer.empty()) {
      std::vector<std::string> names;
      for (const noyau::MapLayer& layer : layers) names.push_back(layer.name);
      if (std::ranges::find(names, request_.layer) == names.end()) {
        programs::blaming(Exit::usage,
                          [&] { noyau::fail_unknown("--layer", "layer with a map", request_.layer, names); });
      }
      return request_.layer;
    }
    const bool needed = std::ranges::any_of(methods_, [](const Method& method) { return method.at_layer; });
    if (!needed) return {};
    return programs::blaming(Exit::usage, [&] { return noyau::default_map_layer(model_.net, x); });
  }

  void begin() {
    document_.title = "Why did it say that?";
    document_.subtitle = request_.settings.weights + ", trained on " + model_.info.name;
    result_ = {{"schema", "noyau-explain-1"},
               {"weights", request_.settings.weights},
               {"layer", layer_},
               {"images", Json::array()}};
    document_.add(study::Heading{2, "images", "Images"});
    document_.add(
        study::Text("A map shows what one method finds, not what the network \u201csees\u201d. Look at "
                    "several; believe what they share and what the measures support."));
  }

  void add_sheets(const std::vector<Item>& items) {
    study::Gallery gallery;
    for (const Item& item : items) gallery.drawings.push_back(sheet_of(item));
    document_.add(std::move(gallery));
  }

  study::Drawing sheet_of(const Item& item) {
    progress_.update("explaining " + item.name);
    const Sheet sheet = make_sheet(model_.net, item, model_.info, methods_, question_, layer_);
    programs::write_file(folder_ + "/figures/" + sheet.id + ".svg", sheet.svg);
    noyau::save_png(folder_ + "/figures/" + sheet.id + ".png", sheet.png);
    result_["images"].push_back(
        {{"name", item.name},
         {"predicted", class_name(model_.info, item.predicted)},
         {"probability", item.probabilities[static_cast<std::size_t>(item.predicted)]},
         {"true", item.truth < 0 ? Json() : Json(class_name(model_.info, item.truth))},
         {"figure", "figures/" + sheet.id + ".svg"}});
    return {sheet.id, sheet.svg, "Why " + class_name(model_.info, item.predicted) + "?"};
  }

  // Reasons in the training set.
  void add_training_images(const std::vector<Item>& items) {
    const auto report = [&](const std::string& text) { progress_.update(text); };
    const Relations relations =
        relate(model_.net, items, train_, model_.info, neighbours_ > 0, tracin_ > 0, report);
    document_.add(study::Heading{2, "training", "Which training images are behind it?"});
    if (relations.cosines) add_nearest(items, relations.cosines);
    if (relations.influence) {
      study::Gallery gallery;
      for (std::size_t i = 0; i < items.size(); ++i) {
        gallery.drawings.push_back(influential_images(
            items[i], relations.influence[static_cast<std::int64_t>(i)], tracin_, train_, model_.info));
      }
      add_figures(std::move(gallery));
    }
  }

  void add_nearest(const std::vector<Item>& items, const noyau::Tensor& cosines) {
    study::Gallery gallery;
    std::vector<double> shares;
    for (std::size_t i = 0; i < items.size(); ++i) {
      gallery.drawings.push_back(nearest_images(items[i], cosines[static_cast<std::int64_t>(i)], neighbours_,
                                                train_, model_.info, &shares.emplace_back()));
    }
    std::vector<double> chance;
    for (const Item& item : items) {
      const auto labels = train_.labels().to_vector<std::int32_t>();
      chance.push_back(static_cast<double>(std::ranges::count(labels, item.predicted)) /
                       static_cast<double>(labels.size()));
    }
    document_.add(study::Text(
        "Share of the " + std::to_string(neighbours_) +
        " nearest training images that have the predicted class, mean over the images explained: " +
        plain(interval_cell(shares).text) +
        "; of training images drawn at random: " + noyau::plot::fixed(noyau::stats::mean(chance), 3) + "."));
    result_["nearest_share"] = programs::number(mean_and_half(shares).first);
    add_figures(std::move(gallery));
  }

  void add_figures(study::Gallery gallery) {
    for (const study::Drawing& drawing : gallery.drawings) {
      programs::write_file(folder_ + "/figures/" + drawing.id + ".svg", drawing.svg);
    }
    document_.add(std::move(gallery));
  }

  // Whether Grad-CAM++ is in the range that it was derived for.
  void add_diagnosis(const std::vector<Item>& items) {
    const bool shown =
        std::ranges::any_of(methods_, [](const Method& m) { return m.name.starts_with("grad_cam_pp"); });
    if (!shown) return;
    const std::size_t few = std::min<std::size_t>(items.size(), 32);
    const std::vector<Item> first(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(few));
    const noyau::PlusPlusDiagnosis d = diagnose_plus_plus(
        model_.net, inputs_of(model_.net, first, model_.info), {.layer = layer_, .score = question_.score});
    const auto percent = [](double share) { return noyau::plot::fixed(100 * share, 1) + " %"; };
    document_.add(study::Note{study::Note::Kind::reading,
                              study::Text("Grad-CAM++ here: " + percent(d.constant_share) +
                                          " of the channels have the same gradient everywhere, for which its "
                                          "second and third derivatives cancel and it is LayerCAM; " +
                                          percent(d.negative_share) +
                                          " of the elements have a negative alpha (g sum A < -2), which its "
                                          "derivation does not foresee; the nearest pole of alpha is " +
                                          noyau::plot::number(d.nearest_pole) + " away.")});
    result_["grad_cam_pp"] = {{"constant_share", d.constant_share},
                              {"negative_share", d.negative_share},
                              {"nearest_pole", d.nearest_pole}};
  }

  noyau::Tensor test_inputs() const {
    return inputs_of(model_.net, first_items(count_, test_, model_.info), model_.info);
  }

  void add_table(const std::string& key, const std::string& heading, const std::vector<Measures>& rows,
                 const std::string& first_column) {
    document_.add(study::Heading{2, key, heading});
    const study::Table table = table_of(rows, key, first_column);
    add(table);
    Json list = Json::array();
    for (const Measures& row : rows) {
      list.push_back({{"name", row.name},
                      {"deletion", programs::number(mean_and_half(row.deletion).first)},
                      {"insertion", programs::number(mean_and_half(row.insertion).first)},
                      {"road", programs::number(mean_and_half(row.road).first)},
                      {"infidelity", programs::number(mean_and_half(row.infidelity).first)},
                      {"randomized", programs::number(mean_and_half(row.randomized).first)},
                      {"seconds", row.seconds}});
    }
    result_[key] = std::move(list);
  }

  void add_comparison() {
    const auto report = [&](const std::string& text) { progress_.update(text); };
    Question question = question_;
    question.layer = layer_;
    const std::vector<Measures> rows =
        explain::compare(model_.net, test_inputs(), methods_, question, report);
    add_table("methods",
              noyau::message("Which method is right? Measures on ", rows[0].road.size(), " test images"),
              rows, "method");
    const std::vector<study::Text> texts = findings(rows);
    if (!texts.empty()) document_.add(study::Points{texts});
    add(agreement_table(rows));
    const std::vector<Pointing> pointing =
        point(model_.net, first_items(count_, test_, model_.info), model_.info, methods_, question, report);
    if (pointing.empty()) {
      document_.add(study::Text("No mosaics: too few recognised test images of four classes."));
      return;
    }
    add(pointing_table(pointing));
    for (const Pointing& row : pointing) {
      result_["pointing"].push_back({{"name", row.name},
                                     {"peak", programs::number(mean_and_half(row.peak).first)},
                                     {"energy", programs::number(mean_and_half(row.energy).first)}});
    }
  }

  void add(study::Table table) {
    programs::write_file(folder_ + "/tables/" + table.id + ".csv", study::to_csv(table));
    document_.add(std::move(table));
  }

  void add_layers() {
    const auto report = [&](const std::string& text) { progress_.update(text); };
    const std::vector<Measures> rows = compare_layers(model_.net, test_inputs(), question_, report);
    add_table("layers", "Which layer? Grad-CAM at each, by ROAD", rows, "layer");
  }

  void add_cards() {
    document_.add(study::Heading{2, "cards", "What the methods say, and when they mislead"});
    study::Table table;
    table.id = "cards";
    table.caption = study::Text("See docs/explaining.md for the definitions.");
    table.columns = {{"method"}, {"a map says"}, {"do not believe it when"}};
    for (const Method& method : methods_) table.rows.push_back({method.title, method.says, method.misleads});
    add(std::move(table));
  }

  void finish() {
    const std::string page = folder_ + "/index.html";
    programs::write_file(page, study::to_html(document_));
    programs::write_file(folder_ + "/index.md", study::to_markdown(document_));
    result_["page"] = page;
    progress_.line(noyau::message("explained ", result_["images"].size(), " images"));
    if (request_.json) {
      std::printf("%s\n", result_.dump(2).c_str());
    } else {
      std::printf("%s\n", page.c_str());
    }
  }

  const Request& request_;
  noyau::SavedModel model_;
  noyau::Dataset test_;
  noyau::Dataset train_;
  Question question_;
  std::vector<Method> methods_;
  std::string folder_;
  std::string layer_;
  std::int64_t count_ = 0;
  std::int64_t neighbours_ = 0;
  std::int64_t tracin_ = 0;
  study::Document document_;
  Json result_;
  programs::Progress progress_;
};

Exit run(int argc, char** argv) {
  Request request;
  if (!parse(request, argc, argv)) return Exit::done;
  if (!request.list.empty()) {
    if (request.list != "methods") stop(Exit::usage, "--list: ", request.list, " is unknown; methods");
    return list_methods();
  }
  if (request.settings.threads > 0) noyau::set_num_threads(static_cast<int>(request.settings.threads));
  return Explaining(request).run();
}

}  // namespace
}  // namespace explain

int main(int argc, char** argv) {
  return programs::run_program("noyau-explain", [&] { return explain::run(argc, argv); });
}
