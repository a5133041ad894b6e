#pragma once
/// \file
/// Rows of results: one for each run and section of a plan, in results.jsonl.

#include <nlohmann/json.hpp>

#include "study/plan.h"

namespace study {

/// A run and its row; the row is null while the run has not been done.
struct Row {
  Run run;   ///< What the plan asks for.
  Json row;  ///< What results.jsonl has.
};

/// Path of a folder's rows.
std::string rows_path(const std::string& folder);
/// Appends the rows of the journal `path` that `folder` does not have; stops with Exit::data where it cannot be read.
void take_over_rows(const std::string& path, const std::string& folder);
/// The rows of `folder` that belong to `plan`, in the order of runs_of(); rows of other settings or data are left out.
/// Stops with Exit::data on a damaged row.
std::vector<Row> rows_of(const Plan& plan, const std::string& folder);

}  // namespace study
