#include "study/rows.h"

#include <map>
#include <tuple>

#include "common/files.h"

namespace study {

std::string rows_path(const std::string& folder) { return folder + "/results.jsonl"; }

std::vector<Row> rows_of(const Plan& plan, const std::string& folder) {
  std::map<std::tuple<std::string, std::string, std::string>, Json> known;
  programs::read_journal(rows_path(folder), [&](const Json& row) {
    known[{row.value("run", ""), row.value("group", ""), row.value("label", "")}] = row;
  });
  std::vector<Row> rows;
  for (Run& run : runs_of(plan)) {
    const auto found = known.find({run.hash, run.group, run.label});
    Json row = found == known.end() ? Json() : found->second;
    rows.push_back({std::move(run), std::move(row)});
  }
  return rows;
}

}  // namespace study
