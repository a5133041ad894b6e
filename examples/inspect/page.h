#pragma once
/// \file
/// The page of noyau-inspect: cards of layers and what they say together.

#include "inspect/survey.h"
#include "study/document.h"

namespace inspection {

/// Layers of one snapshot of training.
struct Snapshot {
  std::string name;                ///< Its file.
  std::vector<LayerFacts> layers;  ///< As measured.
};

/// Where findings stand in a document.
struct Place {
  std::string prefix = {};  ///< Before the names of headings, figures and tables.
  int level = 2;            ///< Of headings.
};
/// What the layers learned: readings, figures, tables, cards and how it was measured.
void add_findings(study::Document& document, const Survey& survey, const Place& place,
                  const std::vector<Snapshot>& snapshots = {});

/// The whole page; `sampled` says what was left out, if anything.
study::Document page_of(const Survey& survey, const std::string& title, const std::string& sampled,
                        const std::vector<Snapshot>& snapshots);
/// One row a unit, for a file of its own.
study::Table unit_table(const Survey& survey);

/// What the numbers say of where an attribute can be read, one sentence or two.
study::Text reading_of(const Survey& survey, std::size_t attribute);
/// Which units are causal for which class.
study::Text causal_reading(const Survey& survey);
/// How the first filters differ from fresh ones.
study::Text filter_reading(const Survey& survey);

/// "12.3 %".
std::string percent(double share);
/// Median of what is finite; NaN of nothing.
double median(std::vector<double> values);

}  // namespace inspection
