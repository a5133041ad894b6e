#include "study/workshop.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "noyau/serialize.h"

namespace study {
namespace {

using noyau::Evaluation;
using programs::brief_json;
using programs::Exit;
using programs::full_json;
using programs::Group;
using programs::Images;

constexpr std::int64_t kTrainMeasured =
    10000;  // images of the training set on which a trained network is measured

Settings member_of(const Settings& settings, std::int64_t number) {
  Settings member = settings;
  member.seed += number;
  return member;
}

/// The settings that shape training, with the seed.
std::string training_key(const Settings& settings) {
  const Settings fallback;
  Settings only_training = settings;
  only_training.tta = fallback.tta;
  only_training.ensemble = fallback.ensemble;
  return programs::hash8(identity(only_training).dump());
}

std::string images_key(const Settings& settings) {
  Json key = Json::array();
  for (const programs::Option& option : programs::options())
    if (option.group == Group::data) key.push_back(value_of(option, settings));
  return key.dump();
}

/// Measures several networks as one: the mean of their probabilities.
Evaluation evaluate_together(std::vector<Trained>& members, const noyau::Dataset& dataset,
                             const noyau::PredictOptions& options) {
  if (members.size() == 1) return noyau::evaluate(members.front().network, dataset, options);
  noyau::Tensor total;
  for (Trained& member : members) {
    const noyau::Tensor mine = noyau::softmax(noyau::predict(member.network, dataset, options));
    total = total ? noyau::add(total, mine) : mine;
  }
  return noyau::evaluate(noyau::log(noyau::mul(total, 1.0 / static_cast<double>(members.size()))),
                         dataset.labels());
}

}  // namespace

const Images& Workshop::images(const Settings& settings) {
  std::unique_ptr<Images>& images = images_[images_key(settings)];
  if (images == nullptr) images = std::make_unique<Images>(programs::load_images(settings));
  return *images;
}

std::vector<std::string> Workshop::training_keys(const Settings& settings) {
  std::vector<std::string> keys;
  for (std::int64_t i = 0; i < settings.ensemble; ++i) keys.push_back(training_key(member_of(settings, i)));
  return keys;
}

void Workshop::keep(const Settings& settings) {
  for (const std::string& key : training_keys(settings)) kept_.insert(key);
}

bool Workshop::has(const std::string& key) const { return std::filesystem::exists(record_path(key)); }

std::string Workshop::weights_of(const Settings& settings, const OnBatch& on_batch) {
  const std::string key = training_key(settings);
  if (!has(key)) {
    keep(settings);
    train_or_recall(settings, on_batch);
  }
  return weights_path(key);
}

void Workshop::forget(const Settings& settings) const {
  const std::string key = training_key(settings);
  if (kept_.contains(key)) return;
  std::filesystem::remove(record_path(key));
  std::filesystem::remove(weights_path(key));
}

Json Workshop::run(const Settings& settings, const OnBatch& on_batch, const Worth& worth) {
  const programs::Stopwatch clock;
  const Images& data = images(settings);
  std::vector<Trained> members;
  for (std::int64_t i = 0; i < settings.ensemble; ++i)
    members.push_back(train_or_recall(member_of(settings, i), on_batch));

  Json row = row_begin(settings, data, members.front().network);
  double train_seconds = 0;
  for (const Trained& member : members) {
    train_seconds += member.seconds;
    if (!member.error.empty()) row["error"] = member.error;
  }
  row["epochs"] = members.front().epochs;
  const programs::Stopwatch evaluation_clock;
  if (row["error"].is_null()) {
    const noyau::PredictOptions options{.views = noyau::views_named(settings.tta),
                                        .device = noyau::Device(settings.device),
                                        .stop = programs::asked(stop_)};
    row["test"] = full_json(evaluate_together(members, data.split.test, options), data.split.test);
    row["train"] = brief_json(evaluate_together(members, data.split.train.first(kTrainMeasured), options));
    if (!data.split.validation.empty())
      row["validation"] = brief_json(evaluate_together(members, data.split.validation, options));
  }
  row["status"] = row["error"].is_null() ? "done" : "diverged";
  row["seconds"] = {
      {"train", train_seconds}, {"evaluate", evaluation_clock.seconds()}, {"total", clock.seconds()}};
  const std::string key = training_key(settings);
  if (members.size() == 1 && worth && worth(row) && !has(key)) store(members.front(), settings, key);
  return row;
}

Trained Workshop::train_or_recall(const Settings& settings, const OnBatch& on_batch) {
  const std::string key = training_key(settings);
  noyau::seed(static_cast<std::uint64_t>(settings.seed));
  Trained trained{.network = make_network(settings, images(settings).split.train)};
  trained.network.to(noyau::Device(settings.device));
  if (recall(trained, key)) return trained;
  trained = train(settings, key, on_batch);
  if (kept_.contains(key)) store(trained, settings, key);
  return trained;
}

Trained Workshop::train(const Settings& settings, const std::string& key, const OnBatch& on_batch) {
  const Images& data = images(settings);
  noyau::seed(static_cast<std::uint64_t>(settings.seed));
  Trained trained{.network = make_network(settings, data.split.train)};
  trained.network.to(noyau::Device(settings.device));
  const auto optimizer = make_optimizer(settings, trained.network);
  noyau::FitOptions options = fit_options(settings, data.split.train);
  options.budget = 0;
  options.stop = programs::asked(stop_);
  options.checkpoint = folder_ + "/" + key + ".ckpt";
  options.resume = std::filesystem::exists(options.checkpoint);
  options.on_batch_end = on_batch;
  const programs::Stopwatch clock;
  try {
    const noyau::History history =
        noyau::fit(trained.network, data.split.train, data.split.validation, *optimizer, options);
    if (history.ended == noyau::Ended::stopped) throw noyau::Stopped();
    for (const noyau::EpochReport& epoch : history.epochs) {
      trained.epochs.push_back(epoch_json(epoch, settings));
      trained.seconds += epoch.seconds;
    }
  } catch (const noyau::Diverged& error) {
    trained.error = error.what();
    trained.seconds = clock.seconds();
  }
  std::filesystem::remove(options.checkpoint);
  return trained;
}

bool Workshop::recall(Trained& trained, const std::string& key) const {
  if (!has(key)) return false;
  const Json record = programs::read_json(record_path(key), Exit::data);
  trained.epochs = record.at("epochs");
  trained.seconds = record.at("seconds").get<double>();
  trained.error = record.at("error").get<std::string>();
  programs::blaming(Exit::data, [&] { noyau::load_weights(weights_path(key), trained.network); });
  return true;
}

void Workshop::store(Trained& trained, const Settings& settings, const std::string& key) {
  programs::make_folder(folder_ + "/weights");
  noyau::save(weights_path(key), trained.network, images(settings).split.train.info());
  const Json record{{"epochs", trained.epochs}, {"seconds", trained.seconds}, {"error", trained.error}};
  programs::write_file(record_path(key), record.dump());
}

}  // namespace study
