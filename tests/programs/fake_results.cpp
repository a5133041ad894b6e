#include "programs/fake_results.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "noyau/metrics.h"
#include "noyau/random.h"
#include "study/rows.h"

namespace fake {
namespace {

using noyau::message;
using study::Json;

constexpr int kClasses = 10;
constexpr int kTestImages = 5000;
const std::vector<std::string> kClassNames = {"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};

const char* const kPlan = R"({
  "title": "A study of made-up numbers",
  "seeds": SEEDS,
  "settings": {"data": "auto", "train-images": 5000, "validation-images": 5000, "test-images": 5000, "epochs": 5},
  "sections": [
    {"group": "models", "kind": "compare", "variable": "model", "question": "Which network is best?",
     "values": ["softmax", "mlp", "minimal-cnn", "vgg", "vgg-bn", "resnet20"]},
    {"group": "lr", "kind": "sweep", "variable": "rate", "question": "Which learning rate trains best?",
     "values": [0.001, 0.01, 0.05, 0.2]},
    {"group": "momentum", "kind": "sweep", "variable": "momentum", "question": "Does momentum help?",
     "values": [0, 0.5, 0.9]},
    {"group": "optimizer", "kind": "compare", "variable": "optimizer", "question": "Which optimizer trains best?",
     "values": ["sgd", "adam", "adamw"]},
    {"group": "lr_batch", "kind": "grid", "variable": ["rate", "batch"],
     "question": "Do learning rate and batch size interact?", "values": [[0.01, 0.05, 0.2], [16, 64, 256]]},
    {"group": "ladder", "kind": "ladder", "question": "What does each improvement bring?",
     "steps": [{"label": "minimal CNN", "settings": {}},
               {"label": "+ flips", "settings": {"augment": "flip"}, "source": "Krizhevsky et al., NeurIPS 2012"},
               {"label": "+ batch norm", "settings": {"batch-norm": "on"}, "source": "Ioffe, Szegedy, ICML 2015"}]},
    {"group": "r7_random_labels", "kind": "sweep", "variable": "random-labels",
     "question": "Can a network memorise labels that mean nothing?", "values": [0, 1]},
    {"group": "r7_capacity", "kind": "sweep", "variable": "width", "question": "Does the gap grow with capacity?",
     "values": [0.25, 1, 4]},
    {"group": "r7_selection", "kind": "compare", "variable": "initializer",
     "question": "How much does choosing on the test set flatter?", "values": ["default", "he_normal", "glorot_normal"]}
  ]
})";

std::string plan_text(int seeds) {
  Json list = Json::array();
  for (int seed = 1; seed <= seeds; ++seed) list.push_back(seed);
  std::string text = kPlan;
  text.replace(text.find("SEEDS"), 5, list.dump());
  return text;
}

// A number in [0, 1) that belongs to a text.
double draw(const std::string& text) {
  return noyau::stream(std::stoull(programs::hash8(text), nullptr, 16), 1).uniform();
}

Json confusion(double accuracy, const std::string& key) {
  Json rows = Json::array();
  for (int r = 0; r < kClasses; ++r) {
    std::vector<int> counts(kClasses, 0);
    int left = kTestImages / kClasses;
    counts[static_cast<std::size_t>(r)] =
        static_cast<int>(left * std::min(1.0, accuracy * (0.85 + 0.03 * r)));
    left -= counts[static_cast<std::size_t>(r)];
    for (int i = 0; i < left; ++i) {
      const int step = 1 + static_cast<int>(draw(message(key, r, ".", i)) * (kClasses - 1));
      ++counts[static_cast<std::size_t>((r + step) % kClasses)];
    }
    rows.push_back(counts);
  }
  return rows;
}

Json reliability(double accuracy) {
  Json bins = Json::array();
  for (int b = 2; b < 15; ++b) {
    const double confidence = (b + 0.5) / 15;
    bins.push_back(
        {{"confidence", confidence}, {"accuracy", confidence * (0.5 + accuracy / 2)}, {"count", 40 * b}});
  }
  return bins;
}

Json epochs(const study::Run& run, double train, double validation) {
  Json list = Json::array();
  for (int e = 1; e <= 5; ++e) {
    const double progress = 1 - std::exp(-e / 1.5);
    list.push_back({{"epoch", e},
                    {"step", 79 * e},
                    {"train_loss", 2.3 - 2 * train * progress},
                    {"train_accuracy", train * progress},
                    {"validation_loss", 2.3 - 1.8 * validation * progress},
                    {"validation_accuracy", validation * progress},
                    {"rate", run.settings.rate},
                    {"seconds", 1.5}});
  }
  return list;
}

double base_accuracy(const study::Run& run) {
  const programs::Settings& s = run.settings;
  if (run.group == "models") return 0.35 + 0.4 * draw(run.label);
  if (s.random_labels > 0) return 0.1;
  return 0.6 - 0.03 * std::pow(std::log10(s.rate / 0.05), 2) + (s.batch_norm == "on" ? 0.05 : 0) +
         (s.augment == "none" ? 0 : 0.02) + 0.02 * std::log10(s.width);
}

Json row_of(const study::Run& run, const Options& options) {
  Json row = {{"schema", 1},
              {"run", run.hash},
              {"group", run.group},
              {"label", run.label},
              {"config", to_json(run.settings)},
              {"seed", run.settings.seed},
              {"threads", 2},
              {"device", "cpu"},
              {"isa", "avx2"},
              {"version", "0.1.0"}};
  row["data"] = {{"name", options.data},   {"train", 5000},
                 {"validation", 5000},     {"test", kTestImages},
                 {"classes", kClassNames}, {"note", "a tenth of the training images"}};
  row["parameters"] = static_cast<int>(20000 * (1 + 90 * draw(run.label + "p")) * run.settings.width);
  row["multiply_adds"] = static_cast<int>(1e6 * (1 + 30 * draw(run.label + "m")));
  row["error"] = nullptr;
  if (options.everything_diverged || (run.settings.rate > 0.1 && run.settings.batch == 16)) {
    row["status"] = "diverged";
    row["error"] = "the loss is not a number";
    return row;
  }
  const double accuracy = base_accuracy(run) + 0.012 * (draw(run.hash) - 0.5);
  const double train =
      run.settings.random_labels > 0 ? 0.97 : std::min(0.99, accuracy + 0.1 * run.settings.width);
  row["status"] = "done";
  row["seconds"] = {{"train", 4 + 20 * draw(run.label)}, {"evaluate", 0.5}, {"total", 5}};
  row["epochs"] = epochs(run, train, accuracy);
  row["test"] = {{"loss", 2.3 - 2 * accuracy},
                 {"accuracy", accuracy},
                 {"top5", 0.97},
                 {"ece", 0.05},
                 {"nll", 1.0},
                 {"brier", 0.5},
                 {"confusion", confusion(accuracy, run.hash)},
                 {"reliability", reliability(accuracy)}};
  row["train"] = {{"loss", 2.3 - 2 * train}, {"accuracy", train}};
  row["validation"] = {{"loss", 2.3 - 2 * accuracy},
                       {"accuracy", accuracy + 0.01 * (draw(run.hash + "v") - 0.5)}};
  return row;
}

}  // namespace

std::string write_study(const std::string& folder, const Options& options) {
  const std::string plan = folder + "/plan.json";
  programs::write_file(plan, plan_text(options.seeds));
  std::string lines;
  for (const study::Run& run : study::runs_of(study::read_plan(plan, Json::object()))) {
    if (options.complete || run.group == "lr") lines += row_of(run, options).dump() + '\n';
  }
  programs::write_file(study::rows_path(folder), lines);
  return plan;
}

}  // namespace fake
