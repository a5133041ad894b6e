// noyau-explain: shows why a network says what it says, and measures whether to believe it.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/command_line.h"
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
  bool compare = false;
  bool which_layer = false;
  bool json = false;
};

bool parse(Request& request, int argc, char** argv) {
  programs::CommandLine line(
      "noyau-explain", "--weights FILE [options]",
      "Shows which parts of images speak for a class, and measures whether the maps are right.");
  line.take(request.settings, {"weights", "data", "data-dir", "seed", "threads", "out"});
  line.text("images", request.images, "LIST",
            "test-set indices, files and folders, by commas (default: the best and worst of each class)");
  line.text("methods", request.methods, "LIST", "names by commas, default or all; see --list methods");
  line.text("layer", request.layer, "NAME",
            "layer of class activation maps (default: the deepest with a map)");
  line.text("target", request.target, "CLASS",
            "class name or id (default: predicted; of errors the true one too)");
  line.text("score", request.score, "WHAT", "logit or probability");
  line.text("count", request.count, "N", "test images of --compare and --which-layer (default: 100)");
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
    question_.seed = static_cast<std::uint64_t>(request.settings.seed);
    question_.score = score_of(request.score);
    question_.target = target_of(request.target);
    methods_ = methods_of(request.methods);
    count_ = count_of(request.count);
    folder_ = request.settings.out.empty() ? "explanations" : request.settings.out;
  }

  Exit run() {
    load_test_set();
    std::vector<Item> items = request_.images.empty() ? default_items(model_.net, test_, model_.info)
                                                      : items_of(request_.images, test_, model_.info);
    classify(items, model_.net, model_.info);
    layer_ = layer_of(items);
    programs::make_folder(folder_ + "/figures");
    begin();
    for (const Item& item : items) add_sheet(item);
    add_diagnosis(items);
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

  static std::int64_t count_of(const std::string& text) {
    const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
    const std::int64_t value = digits && text.size() < 8 && !text.empty() ? std::stol(text) : 0;
    if (value < 2) stop(Exit::usage, "--count: ", text, " is no number from 2 on");
    return value;
  }

  // Without a test set files can still be explained.
  void load_test_set() {
    const bool asked = request_.settings.data != "auto";
    const std::string name = asked ? request_.settings.data : model_.info.name;
    const bool needed = asked || request_.images.empty() || request_.compare || request_.which_layer;
    try {
      test_ = noyau::load_dataset(name, request_.settings.data_dir).test;
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
    const noyau::Tensor x = inputs_of({items.front()}, model_.info);
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
    document_.add(study::Text(
        "A map shows what one method finds, not what the network \u201csees\u201d. Look at several; "
        "believe what they share and what the measures support."));
  }

  void add_sheet(const Item& item) {
    progress_.update("explaining " + item.name);
    const Sheet sheet = make_sheet(model_.net, item, model_.info, methods_, question_, layer_);
    programs::write_file(folder_ + "/figures/" + sheet.id + ".svg", sheet.svg);
    noyau::save_png(folder_ + "/figures/" + sheet.id + ".png", sheet.png);
    document_.add(
        study::Gallery{{{sheet.id, sheet.svg, "Why " + class_name(model_.info, item.predicted) + "?"}}});
    result_["images"].push_back(
        {{"name", item.name},
         {"predicted", class_name(model_.info, item.predicted)},
         {"probability", item.probabilities[static_cast<std::size_t>(item.predicted)]},
         {"true", item.truth < 0 ? Json() : Json(class_name(model_.info, item.truth))},
         {"figure", "figures/" + sheet.id + ".svg"}});
  }

  // Whether Grad-CAM++ is in the range that it was derived for.
  void add_diagnosis(const std::vector<Item>& items) {
    const bool shown =
        std::ranges::any_of(methods_, [](const Method& m) { return m.name.starts_with("grad_cam_pp"); });
    if (!shown) return;
    const std::size_t few = std::min<std::size_t>(items.size(), 32);
    const std::vector<Item> first(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(few));
    const noyau::PlusPlusDiagnosis d = diagnose_plus_plus(model_.net, inputs_of(first, model_.info),
                                                          {.layer = layer_, .score = question_.score});
    const auto percent = [](double share) { return noyau::plot::fixed(100 * share, 1) + " %"; };
    document_.add(study::Note{
        study::Note::Kind::reading,
        study::Text(
            "Grad-CAM++ here: " + percent(d.constant_share) +
            " of the channels have the same gradient everywhere, for which its second and third derivatives "
            "cancel and it is LayerCAM; " +
            percent(d.negative_share) +
            " of the elements have a negative alpha (g sum A < -2), which its derivation does not foresee; "
            "the "
            "nearest pole of alpha is " +
            noyau::plot::number(d.nearest_pole) + " away.")});
    result_["grad_cam_pp"] = {{"constant_share", d.constant_share},
                              {"negative_share", d.negative_share},
                              {"nearest_pole", d.nearest_pole}};
  }

  noyau::Tensor test_inputs() const {
    return inputs_of(first_items(count_, test_, model_.info), model_.info);
  }

  void add_table(const std::string& key, const std::string& heading, const std::vector<Measures>& rows,
                 const std::string& first_column) {
    document_.add(study::Heading{2, key, heading});
    const study::Table table = table_of(rows, key, first_column);
    programs::write_file(folder_ + "/" + key + ".csv", study::to_csv(table));
    document_.add(table);
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
    document_.add(table);
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
  Question question_;
  std::vector<Method> methods_;
  std::string folder_;
  std::string layer_;
  std::int64_t count_ = 0;
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
