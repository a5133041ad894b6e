#pragma once
// A plan with a section of every kind and rows such as its runs might give; for tests of the report only.
#include <string>

namespace fake {

// How the plan and its rows differ from the usual ones.
struct Options {
  int seeds = 3;
  std::string data = "cifar10";  // what "auto" found
  bool complete = true;          // false: only the section of learning rates has rows
  bool everything_diverged = false;
};

// Writes `folder`/plan.json and `folder`/results.jsonl and returns the path of the plan.
std::string write_study(const std::string& folder, const Options& options = {});

}  // namespace fake
