#pragma once
// Training and inference of one network.
#include <noyau/noyau.h>

#include <optional>

#include "json_commands.h"

namespace peer {

class Training {
 public:
  /// The layer list of a network of the zoo: {"architecture": [...]}.
  static Json architecture(const Json& command);

  Json start(const Json& command);
  /// The speed run's network and optimizer instead.
  Json speedrun(const Json& command);
  /// Takes weights and five batches from a file.
  Json load(const std::string& file);

  /// Losses of steps on the first `count` batches.
  Json losses(std::size_t count);
  Json time(std::size_t steps);
  /// {"growth": most resident memory during `steps` steps beyond what was there before, in bytes}
  Json memory(std::size_t steps);

  Json data(const Json& command);
  /// An epoch, or its first `steps`.
  Json epoch(std::int64_t steps);
  Json loading();
  Json evaluate();

  /// Outputs of the network for the first batch.
  Json outputs();
  Json predict(std::size_t runs);

  /// {"maps": explanations of the first `count` images of the first batch}
  Json maps(const std::string& method, std::int64_t count) const;
  /// Explains the first batch.
  Json time_maps(const std::string& method) const;

 private:
  noyau::Tensor step(const noyau::Batch& batch);

  double rate_ = 0;
  double label_smoothing_ = 0;
  std::uint64_t seed_ = 0;
  std::int64_t batch_ = 64;
  noyau::Shape shape_;
  noyau::Schedule schedule_;
  noyau::Sequential net_;
  std::unique_ptr<noyau::Optimizer> optimizer_;
  std::vector<noyau::Batch> batches_;
  noyau::Split split_;
  std::optional<noyau::Loader> loader_;
  std::int64_t epoch_ = 0;
};

}  // namespace peer
