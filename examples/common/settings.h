#pragma once
/// \file
/// Every choice that a training run is made of.

#include <cstdint>
#include <string>

namespace programs {

/// The values of all options; what each means is written down once, in options().
struct Settings {
  // data
  std::string data = "auto";
  std::string data_dir;
  std::int64_t train_images = 0;
  std::int64_t validation_images = 5000;
  std::int64_t test_images = 0;
  double random_labels = 0;

  // augmentation
  std::string augment = "none";

  // network
  std::string model = "minimal-cnn";
  double width = 1;
  std::int64_t depth = 0;
  std::string activation = "default";
  std::string initializer = "default";
  double dropout = -1;
  std::string batch_norm = "default";
  double batch_norm_momentum = 0.9;
  std::string weights;

  // training
  std::string recipe = "none";
  std::int64_t epochs = 10;
  std::int64_t batch = 64;
  std::string optimizer = "sgd";
  double rate = 0.05;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;
  std::string schedule = "constant";
  double warmup = 0;
  std::string loss = "cross-entropy";
  double label_smoothing = 0;
  double clip = 0;
  double ema = 0;
  std::int64_t patience = 0;
  std::string keep = "best";

  // evaluation
  std::string tta = "none";
  std::int64_t ensemble = 1;

  // run
  std::int64_t seed = 1;
  std::int64_t threads = 0;
  std::string device = "cpu";
  std::string precision = "f32";
  bool record = false;
  double budget = 0;
  std::string out;
};

}  // namespace programs
