#pragma once
/// \file
/// noyau-train --profile: where the time of a training step goes.

#include <optional>
#include <string>

#include "noyau/profile.h"
#include "noyau/train.h"

namespace programs {

/// Profiles 20 steps of one epoch, after 5 that warm up.
class StepProfile {
 public:
  /// To be called after each step.
  void after(const noyau::BatchReport& step);
  /// Writes profile.json, a Chrome trace, and profile.txt, a table by operands, into `folder`; returns the table by op.
  std::string report(const std::string& folder);

 private:
  std::int64_t seen_ = 0;
  std::int64_t profiled_ = 0;
  bool done_ = false;
  std::optional<noyau::Profile> profile_;
};

}  // namespace programs
