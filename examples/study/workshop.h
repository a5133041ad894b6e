#pragma once
/// \file
/// Trains the networks of a study and recalls those that several runs share.

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>

#include "common/experiment.h"

namespace study {

using programs::Json;
using programs::Settings;

/// A network after training.
struct Trained {
  noyau::Sequential network = {};  ///< With its final weights; untouched when it diverged.
  Json epochs = Json::array();     ///< One row for each.
  double seconds = 0;              ///< Spent on training, when it was trained.
  std::string error = {};          ///< Why it diverged; empty when it did not.
};

/// Turns settings into trained networks and rows of results, in the folder of a study.
class Workshop {
 public:
  /// Told of every step of a training.
  using OnBatch = std::function<void(const noyau::BatchReport& report)>;

  /// Whether a row's network is kept.
  using Worth = std::function<bool(const Json& row)>;

  Workshop(std::string folder, std::stop_token stop) : folder_(std::move(folder)), stop_(std::move(stop)) {}

  /// The images of such a run; loaded once.
  const programs::Images& images(const Settings& settings);
  /// Keeps the weights of this run's networks, because others use them too.
  void keep(const Settings& settings);
  /// Name of the trainings of a run: the hash of each member's settings, evaluation left out.
  static std::vector<std::string> training_keys(const Settings& settings);
  /// True when the network with this key needs no training any more.
  bool has(const std::string& key) const;

  /// Trains and measures; the row lacks only run, group and label. Throws noyau::Stopped when asked to stop.
  /// The weights of a single network that is `worth` keeping, judged by its row, are kept.
  Json run(const Settings& settings, const OnBatch& on_batch, const Worth& worth = {});
  /// Path of the weights of a single network, trained again where they were not kept.
  std::string weights_of(const Settings& settings, const OnBatch& on_batch);
  /// Removes the weights of a single network, unless keep() wants them.
  void forget(const Settings& settings) const;

 private:
  Trained train_or_recall(const Settings& settings, const OnBatch& on_batch);
  Trained train(const Settings& settings, const std::string& key, const OnBatch& on_batch);
  bool recall(Trained& trained, const std::string& key) const;
  void store(Trained& trained, const Settings& settings, const std::string& key);
  std::string weights_path(const std::string& key) const {
    return folder_ + "/weights/" + key + ".safetensors";
  }
  std::string record_path(const std::string& key) const { return folder_ + "/weights/" + key + ".json"; }

  std::string folder_;
  std::stop_token stop_;
  std::map<std::string, std::unique_ptr<programs::Images>> images_;
  std::set<std::string> kept_;
};

}  // namespace study
