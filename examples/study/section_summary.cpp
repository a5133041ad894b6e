#include "study/sections.h"

namespace study {
namespace {

using noyau::message;

bool is_ranked(const Results& results) {
  return results.any() && results.section->kind != Kind::ladder && !is_about_test_set(*results.section);
}

std::vector<Cell> row_of(const Results& results) {
  const Metric& metric = deciding_metric(results);
  const std::size_t best = rank(results.entries, metric).best;
  return {Cell(Text().link(results.section->question, message("#", results.section->group))),
          Cell(name_of(results, best)), cell(results.entries[best], kTestAccuracy),
          Cell(verdict_of(results, metric))};
}

// The last step that has runs, against the first.
std::vector<Cell> ladder_row(const Results& results) {
  const Entry* last = &results.entries.front();
  for (const Entry& entry : results.entries) {
    if (!entry.rows.empty()) last = &entry;
  }
  return {Cell(Text().link(results.section->question, message("#", results.section->group))),
          Cell(message("all steps up to \u201c", last->step->label, "\u201d")), cell(*last, kTestAccuracy),
          Cell(ladder_verdict(results))};
}

}  // namespace

void add_summary(Document& document, const Facts& facts) {
  Table table{.id = "summary",
              .caption = "Each question, the best of what was tried, and whether that is more than chance",
              .columns = {{"Question"}, {"Best"}, {"Its test accuracy", "%", true}, {"Decided?"}},
              .rows = {}};
  for (const Results& results : facts.results) {
    if (is_ranked(results)) table.rows.push_back(row_of(results));
    if (results.section->kind == Kind::ladder && results.any()) table.rows.push_back(ladder_row(results));
  }
  if (table.rows.empty()) return;
  document.add(Heading{2, "summary", "The answers in short"});
  document.add(table);
}

}  // namespace study
