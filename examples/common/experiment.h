#pragma once
/// \file
/// From settings to a trained and measured network: what noyau-train and noyau-study share.

#include <memory>
#include <nlohmann/json.hpp>

#include "common/machine.h"
#include "common/options.h"
#include "noyau/architecture.h"
#include "noyau/models.h"
#include "noyau/train.h"

namespace programs {

/// Images of a run.
struct Images {
  noyau::Split
      split;     ///< Training, validation and test images, subsets and labels as the settings want them.
  Json summary;  ///< {"name", "train", "validation", "test", "note"} for result rows.
};
/// Loads the images that `settings` name; stops with Exit::data when they are missing or damaged.
Images load_images(const Settings& settings);

/// The network of `settings` for the images of `train`, its weights drawn from noyau::seed(); Exit::usage on a model that
/// is not known or has no place for an option.
noyau::Sequential make_network(const Settings& settings, const noyau::Dataset& train);
/// The optimizer of `settings`.
std::unique_ptr<noyau::Optimizer> make_optimizer(const Settings& settings, const noyau::Sequential& network);
/// The learning rate by step.
noyau::Schedule make_schedule(const Settings& settings, std::int64_t steps_per_epoch);
/// Options of noyau::fit() for `settings`; callbacks, checkpoint and stop token are the caller's.
noyau::FitOptions fit_options(const Settings& settings, const noyau::Dataset& train);
/// Checks what only the library knows: device, augmentation, model, data set name.
void check_settings(const Settings& settings);

/// An epoch for history.jsonl and result rows.
Json epoch_json(const noyau::EpochReport& report, const Settings& settings);
/// {"loss", "accuracy"} of a set.
Json brief_json(const noyau::Evaluation& evaluation);
/// Loss, accuracy, top5, calibration, confusion and reliability on a set; only nulls when outputs are not finite.
Json full_json(const noyau::Evaluation& evaluation, const noyau::Dataset& dataset);
/// The parts of a result row that are known before training.
Json row_begin(const Settings& settings, const Images& images, const noyau::Sequential& network);

}  // namespace programs
