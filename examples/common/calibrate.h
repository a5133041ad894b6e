#pragma once
/// \file
/// What a run will cost, from a few steps of it.

#include "common/experiment.h"

namespace programs {

/// Seconds per image.
struct Costs {
  double train = 0;     ///< To learn from one.
  double evaluate = 0;  ///< To predict one.
};
/// Times a few steps and predictions of such a run: about half a second.
Costs measure_costs(const Settings& settings, const noyau::Split& split);
/// Seconds of one network's training, validation and test.
double predicted_seconds(const Costs& costs, const Settings& settings, const noyau::Split& split);

}  // namespace programs
