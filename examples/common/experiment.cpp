#include "common/experiment.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "noyau/cpu.h"
#include "noyau/parallel.h"

namespace programs {
namespace {

using noyau::Dataset;

constexpr std::uint64_t kSplitSeed = 0;  // one split for all runs: seeds vary training, not the task

Dataset part_of(const Dataset& dataset, std::int64_t images, const char* option) {
  if (images == 0 || images >= dataset.size()) return dataset;
  const auto classes = static_cast<std::int64_t>(dataset.info().classes.size());
  if (images < classes)
    stop(Exit::usage, option, " is ", images, " but must be at least one for each of ", classes, " classes");
  return dataset.subset(images / classes, kSplitSeed);
}

Json summary_of(const noyau::Split& split) {
  const noyau::DataInfo& info = split.train.info();
  return {{"name", info.name},         {"train", split.train.size()}, {"validation", split.validation.size()},
          {"test", split.test.size()}, {"classes", info.classes},     {"note", info.note},
          {"height", info.height},     {"width", info.width},         {"channels", info.channels},
          {"mean", info.mean},         {"deviation", info.deviation}};
}

Json confusion_json(const noyau::ConfusionMatrix& matrix) {
  Json rows = Json::array();
  for (int label = 0; label < matrix.classes(); ++label) {
    Json row = Json::array();
    for (int predicted = 0; predicted < matrix.classes(); ++predicted)
      row.push_back(matrix.at(label, predicted));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json reliability_json(std::span<const noyau::Prediction> rows) {
  Json bins = Json::array();
  for (const noyau::ReliabilityBin& bin : noyau::reliability_bins(rows)) {
    if (bin.count == 0) continue;
    bins.push_back({{"confidence", bin.confidence}, {"accuracy", bin.accuracy}, {"count", bin.count}});
  }
  return bins;
}

}  // namespace

Images load_images(const Settings& settings) {
  return blaming(Exit::data, [&] {
    Images images{.split = noyau::load_dataset(settings.data, settings.data_dir), .summary = {}};
    noyau::Split& split = images.split;
    const std::int64_t total = split.train.size();
    if (settings.validation_images >= total)
      stop(Exit::usage, "validation-images is ", settings.validation_images,
           " but the training set has only ", total, " images");
    if (settings.validation_images > 0) {
      const double share = static_cast<double>(settings.validation_images) / static_cast<double>(total);
      split = noyau::with_validation(split, share, kSplitSeed);
    }
    split.train = part_of(split.train, settings.train_images, "train-images");
    split.test = part_of(split.test, settings.test_images, "test-images");
    if (settings.random_labels > 0)
      split.train = split.train.random_labels(kSplitSeed, settings.random_labels);
    images.summary = summary_of(split);
    return images;
  });
}

noyau::FitOptions fit_options(const Settings& settings, const Dataset& train) {
  noyau::FitOptions options;
  options.epochs = settings.epochs;
  options.batch = settings.batch;
  options.augment = noyau::Augment(settings.augment);
  options.seed = static_cast<std::uint64_t>(settings.seed);
  options.device = noyau::Device(settings.device);
  options.precision = noyau::precision_named(settings.precision);
  options.record = settings.record;
  options.schedule = make_schedule(settings, (train.size() + settings.batch - 1) / settings.batch);
  options.label_smoothing = settings.label_smoothing;
  options.clip = settings.clip;
  options.ema = settings.ema;
  options.patience = settings.patience;
  options.restore_best = settings.keep == "best";
  options.budget = settings.budget;
  if (settings.loss == "squared-error") {
    options.loss = [](const noyau::Tensor& logits, const noyau::Tensor& targets) {
      const bool ids = targets.dtype() == noyau::Dtype::i32;
      return noyau::mean_squared_error(logits, ids ? noyau::one_hot(targets, logits.dim(1)) : targets);
    };
  }
  return options;
}

Json epoch_json(const noyau::EpochReport& report, const Settings& settings) {
  return {{"epoch", report.epoch},
          {"step", report.step},
          {"train_loss", number(report.train_loss)},
          {"train_accuracy", number(report.train_accuracy)},
          {"validation_loss", number(report.validation_loss)},
          {"validation_accuracy", number(report.validation_accuracy)},
          {"rate", number(settings.rate * report.rate_factor)},
          {"seconds", number(report.seconds)}};
}

Json brief_json(const noyau::Evaluation& evaluation) {
  return {{"loss", number(evaluation.loss)}, {"accuracy", number(evaluation.accuracy)}};
}

Json full_json(const noyau::Evaluation& evaluation, const Dataset& dataset) {
  Json json = brief_json(evaluation);
  json["top5"] = number(evaluation.top5);
  if (!std::isfinite(evaluation.loss)) return json;
  const std::vector<noyau::Prediction> rows = noyau::predictions(evaluation.logits, dataset.labels());
  const auto classes = static_cast<int>(dataset.info().classes.size());
  json["ece"] = noyau::expected_calibration_error(rows);
  json["nll"] = noyau::negative_log_likelihood(rows);
  json["brier"] = noyau::brier_score(rows);
  json["confusion"] = confusion_json(noyau::confusion_matrix(rows, classes));
  json["reliability"] = reliability_json(rows);
  return json;
}

Json row_begin(const Settings& settings, const Images& images, const noyau::Sequential& network) {
  const noyau::DataInfo& info = images.split.train.info();
  const noyau::Summary summary = noyau::summary(network, {info.height, info.width, info.channels});
  Json row;
  row["schema"] = 1;
  for (const char* key : {"run", "group", "label"}) row[key] = nullptr;
  row["config"] = to_json(settings);
  row["seed"] = settings.seed;
  row["threads"] = noyau::num_threads();
  row["device"] = settings.device;
  row["isa"] = noyau::cpu_isa();
  row["version"] = NOYAU_VERSION;
  row["data"] = images.summary;
  row["status"] = "done";
  row["error"] = nullptr;
  row["parameters"] = summary.parameters;
  row["multiply_adds"] = summary.multiply_adds;
  for (const char* key : {"seconds", "epochs", "test", "train", "validation"}) row[key] = nullptr;
  return row;
}

}  // namespace programs
