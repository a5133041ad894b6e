#pragma once
/// \file
/// Looks into the best network of a study once its runs are done: explanations and layers.

#include <stop_token>

#include "common/progress.h"
#include "study/explain_network.h"
#include "study/parts.h"
#include "study/workshop.h"

namespace study {

/// Measures what the report's sections "Explain" and "What the layers learned" are written from.
class Insight {
 public:
  /// `folder` is locked by the caller; `workshop` has the networks.
  Insight(const Plan& plan, std::string folder, Workshop& workshop, std::stop_token stop);

  /// Says what is to come and how long it will take, for the best network so far or the one that sees most images.
  void predict();
  /// Writes to stdout a line a section, as Runner::print_sections().
  void print_sections() const;
  /// Predicted seconds of what is missing.
  double seconds() const;
  /// Measures what is missing; false when it was asked to stop. With a `limit` in seconds, and other work done before
  /// it, it begins only what is predicted to end within.
  bool run(double limit, bool after_other_work);

 private:
  struct Task {
    std::string name;  // of its journal and its section
    Json sizes;
    std::function<Passes(noyau::Sequential&, const noyau::DataInfo&)> passes;
    std::function<void(noyau::SavedModel&, const noyau::Dataset&, Parts&, const Said&)> measure;
    std::size_t parts = 0;  // in all
    std::size_t there = 0;  // for the best network so far
    double seconds = 0;     // predicted for the rest
  };
  void add_explain(const ExplainSizes& sizes);
  void add_layers(const LayerSizes& sizes);
  void measure(const Task& task, const Run& run);

  const Plan& plan_;
  std::string folder_;
  Workshop& workshop_;
  std::stop_token stop_;
  std::vector<Row> rows_;
  std::vector<Task> tasks_;
  double training_ = 0;  // predicted seconds, where the weights of the best network were not kept
  programs::Progress progress_;
};

}  // namespace study
