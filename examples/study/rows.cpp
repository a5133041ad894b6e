#include "study/rows.h"

#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "common/files.h"

namespace study {
namespace {

/// Which run of which section a row belongs to: labels may be written anew.
using Key = std::pair<std::string, std::string>;

Key key_of(const Json& row) { return {row.value("run", ""), row.value("group", "")}; }

}  // namespace

std::string rows_path(const std::string& folder) { return folder + "/results.jsonl"; }

void take_over_rows(const std::string& path, const std::string& folder) {
  if (!std::filesystem::exists(path)) programs::stop(programs::Exit::data, "cannot read ", path);
  std::set<Key> known;
  programs::read_journal(rows_path(folder), [&](const Json& row) { known.insert(key_of(row)); });
  programs::Journal journal(rows_path(folder));
  programs::read_journal(path, [&](const Json& row) {
    if (known.insert(key_of(row)).second) journal.append(row);
  });
}

std::vector<Row> rows_of(const Plan& plan, const std::string& folder) {
  std::map<Key, Json> known;
  programs::read_journal(rows_path(folder), [&](const Json& row) { known[key_of(row)] = row; });
  std::vector<Row> rows;
  for (Run& run : runs_of(plan)) {
    const auto found = known.find({run.hash, run.group});
    Json row = found == known.end() ? Json() : found->second;
    rows.push_back({std::move(run), std::move(row)});
  }
  return rows;
}

}  // namespace study
