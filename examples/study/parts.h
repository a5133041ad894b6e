#pragma once
/// \file
/// Measurements of the best network, kept part by part beside the rows, so that a killed study goes on where it stopped.

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/files.h"
#include "noyau/tensor.h"
#include "study/rows.h"

namespace study {

/// The row of the network that is looked into: highest validation accuracy of those of the plan's data set that are one
/// network (no ensemble) trained on true labels; null where there is none. The test set has no part in the choice.
const Row* best_row(const Plan& plan, const std::vector<Row>& rows);
/// Validation accuracy with which the row of `run` stands for best_row(); NaN where it does not.
double candidacy(const Plan& plan, const Run& run, const Json& row);

/// Parts by name.
using PartMap = std::map<std::string, Json>;
/// Path of the journal of "explain" or "layers".
std::string parts_path(const std::string& folder, const std::string& what);
/// What was measured of one network with one choice of sizes: its runs and the sizes as eight digits.
std::string parts_id(const Run& run, const Json& sizes);
/// The sizes as in a plan.
Json to_json(const ExplainSizes& sizes);
/// The sizes as in a plan.
Json to_json(const LayerSizes& sizes);
/// The parts of `id` in a journal; those of other networks and sizes are left out.
PartMap read_parts(const std::string& path, const std::string& id);

/// Parts that are there, and a journal for those that are not.
class Parts {
 public:
  Parts(const std::string& folder, const std::string& what, std::string id);

  /// True when the part is there.
  bool has(const std::string& name) const { return parts_.contains(name); }
  /// The part called `name`.
  const Json& at(const std::string& name) const { return parts_.at(name); }
  /// Those that are there.
  const PartMap& all() const { return parts_; }
  /// What they are of: parts_id().
  const std::string& id() const { return id_; }
  /// Appends a part, on the disk before it returns.
  void add(const std::string& name, Json part);

 private:
  std::string id_;
  PartMap parts_;
  programs::Journal journal_;
};

/// The elements as JSON in six digits; null where not finite.
Json numbers(const noyau::Tensor& values);
/// The same of numbers.
Json numbers(const std::vector<double>& values);
/// Numbers back from JSON; NaN for null.
std::vector<double> numbers_of(const Json& json);

}  // namespace study
