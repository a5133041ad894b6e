#pragma once
/// \file
/// Runs a plan: one row of results after another, until all are there or the budget is spent.

#include <map>
#include <stop_token>

#include "common/calibrate.h"
#include "common/files.h"
#include "common/progress.h"
#include "study/rows.h"
#include "study/workshop.h"

namespace study {

/// What running a plan led to.
struct Outcome {
  std::vector<Run> left_out;  ///< Runs that the budget had no room for.
  bool stopped = false;       ///< The stop token asked to end early.
  std::size_t executed = 0;   ///< Runs made.
  bool time_up = false;       ///< The limit was reached with rows still to come.
};

/// Runs what is missing from a folder's results.jsonl.
class Runner {
 public:
  /// Reads the rows that are there. `folder` is locked by the caller.
  Runner(const Plan& plan, std::string folder, std::stop_token stop);

  /// Measures what the missing runs cost and says so, section by section; cuts the list to the budget.
  void predict();
  /// Writes to stdout what each section has and what its rest is predicted to cost.
  void print_sections() const;
  /// Runs what predict() left on the list. With a `limit` in seconds, no run after the first is begun that would end
  /// later than that.
  Outcome run(double limit = 0);
  /// Where the networks are.
  Workshop& workshop() { return workshop_; }

 private:
  struct Todo {
    Run run;
    double seconds = 0;  // predicted
  };
  double cost_of(const Settings& settings);
  void add_todo(const Run& run);
  void print_prediction();
  void execute(const Todo& todo);
  void append(const Run& run, Json row);
  void note_best(const Run& run, const Json& row);
  double pace() const;
  std::string eta() const;

  const Plan& plan_;
  std::string folder_;
  std::stop_token stop_;
  Workshop workshop_;
  programs::Journal journal_;
  programs::Progress progress_;
  std::vector<Row> rows_;                         // of the whole plan; null where missing
  std::map<std::string, Json> known_;             // by hash: any row of that run
  std::map<std::string, programs::Costs> costs_;  // by what shapes the time of a step
  std::set<std::string> planned_;                 // trainings that predict() has counted
  std::vector<Todo> todo_;
  std::vector<Run> left_out_;
  std::optional<Settings> best_;  // of the network whose weights are kept
  double highest_ = -1;           // its validation accuracy
  double spent_ = 0;              // seconds, in all rows that are there
  double to_come_ = 0;            // predicted seconds of all todo_
  double predicted_ = 0;          // of the runs executed so far
  double actual_ = 0;             // of the runs executed so far
  std::size_t executed_ = 0;
};

}  // namespace study
