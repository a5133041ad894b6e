#pragma once
/// \file
/// The parts of the report; each appends to the document what the facts have to say, and nothing where they are silent.

#include "noyau/plot.h"
#include "study/explain_facts.h"
#include "study/facts.h"

namespace study {

/// The answers in one table, each with a link to its section.
void add_summary(Document& document, const Facts& facts);
/// Banner, how to read the page, data set.
void add_introduction(Document& document, const Facts& facts);
/// All networks: master table, learning curves, cost, and the errors of the one chosen on validation.
void add_models(Document& document, const Facts& facts, const Results& results);
/// Values of one option: figure, learning curves, reading, table.
void add_values(Document& document, const Facts& facts, const Results& results);
/// Two options together: heat map, reading, table.
void add_grid(Document& document, const Facts& facts, const Results& results);
/// Improvements, one on top of the other: waterfall, reading, table with sources.
void add_ladder(Document& document, const Facts& facts, const Results& results);
/// Confusion matrix, classes and calibration of one entry.
void add_errors(Document& document, const Facts& facts, const Entry& entry);
/// Why the test set decides: memorised labels, gap, optimism of choosing.
void add_test_set(Document& document, const Facts& facts);
/// Explanations of the best network, their measures, the verdict on Grad-CAM++ and the method to use.
void add_explain(Document& document, const Facts& facts);
/// Whether the methods mark the same pixels, and the four that are called Grad-CAM++.
void add_agreement(Document& document, const ExplainFacts& explained);
/// What each layer of the best network learned, beside the same with fresh weights.
void add_layers(Document& document, const Facts& facts);
/// What is measured and which of it decides, with a worked example.
void add_criteria(Document& document);
/// Every option: definition, unit, default, typical range, effect, values tried.
void add_glossary(Document& document, const Facts& facts);
/// What this study cannot say.
void add_limits(Document& document, const Facts& facts);
/// Every run.
void add_runs(Document& document, const Facts& facts);
/// Where each question of the task is answered.
void add_index(Document& document, const Facts& facts);

/// True for the groups of add_test_set().
bool is_about_test_set(const Section& section);

/// "CIFAR-10" for "cifar10".
std::string data_title(const std::string& name);
/// "CIFAR-10, 3 seeds; whiskers: 95 % t-interval over seeds".
std::string subtitle_of(const Facts& facts, const Results& results, const std::string& range);
/// A figure of that name.
template <class Figure>
Drawing drawing(std::string id, const Figure& figure) {
  return {std::move(id), noyau::plot::to_svg(figure), figure.title};
}
/// A number of an entry with its runs, for a table.
Cell cell(const Entry& entry, const Metric& metric);
/// The adjusted p-value of entry `i` against the best, or "best".
Cell p_cell(const Ranking& ranking, std::size_t i);
/// What the steps of a section set: "Learning rate x batch size".
std::string setting_name(const Section& section);
/// True when the row has a confusion matrix over all classes.
bool has_confusion(const Facts& facts, const Json& row);
/// The table of a section: one row a step.
Table values_table(const Results& results);
/// Which step is best by `metric`, by how much, and what stays undecided.
Text reading_of(const Results& results, const Metric& metric);
/// The same in a few words: "better than all others (p < 0.05)", "undecided against 0.1".
std::string verdict_of(const Results& results, const Metric& metric);
/// How a sentence names entry `i`: "8 epochs" in a sweep, "Adam" among names.
std::string name_of(const Results& results, std::size_t i);
/// What all steps of a ladder together change, and whether that is decided.
std::string ladder_verdict(const Results& results);
/// The settings that all steps of a section share, in words.
std::string set_up_of(const Section& section);
/// Heading of a section with what was varied, what was the same in all runs, and the plan's note.
void add_head(Document& document, const Results& results, int level = 2);
/// Mean over seeds of an epoch's number, with its band; `key` is one of a row's "epochs".
noyau::plot::Line epoch_line(const Entry& entry, const std::string& key, const std::string& name);
/// Curves of all entries for `key`; bands where there are few.
noyau::plot::Figure epoch_figure(const Facts& facts, const Results& results, const std::string& key);

}  // namespace study
