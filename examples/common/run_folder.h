#pragma once
/// \file
/// The folder of one training run: config.json, history.jsonl, best.safetensors, last.ckpt, lock.

#include <set>

#include "common/options.h"

namespace programs {

/// Makes the folder of a run and returns its path: `resume`, or else --out, or else runs/DATA-MODEL-sSEED-HASH.
std::string make_run_folder(const Settings& settings, const std::string& resume);

/// Writes config.json into a folder that is locked. Stops with Exit::usage when a new run's folder holds a run already,
/// and with Exit::data when the data of a resumed run have changed.
void begin_run(const std::string& folder, const Settings& settings, bool resumed, const Json& data);

/// Settings of the run in `folder`, with those of `asked` that were `given` and may change when going on: the number of
/// epochs and what does not shape the result. Stops with Exit::usage on any other change.
Settings resumed_settings(const std::string& folder, const Settings& asked,
                          const std::set<std::string, std::less<>>& given);

/// Writes the row of an epoch after those of earlier epochs; rows of the same or a later epoch are replaced.
void write_history(const std::string& path, const Json& epoch);

}  // namespace programs
