#include "study/report.h"

#include <filesystem>

#include "common/files.h"
#include "study/inspect_network.h"
#include "study/samples.h"
#include "study/sections.h"

namespace study {
namespace {

using noyau::message;

void add_section(Document& document, const Facts& facts, const Results& results) {
  if (!results.any() || is_about_test_set(*results.section)) return;
  if (results.section->group == "models") {
    add_models(document, facts, results);
  } else if (results.section->kind == Kind::grid) {
    add_grid(document, facts, results);
  } else if (results.section->kind == Kind::ladder) {
    add_ladder(document, facts, results);
  } else {
    add_values(document, facts, results);
  }
}

std::string subtitle_of(const Facts& facts) {
  std::size_t runs = 0;
  for (const Row& row : facts.rows) runs += row.row.is_object();
  if (runs == 0) return "No run has ended yet.";
  return message("Plan ", facts.plan->name, ", ", data_title(facts.data), ", ", counted(runs, "row"),
                 " of results");
}

void write_parts(const Document& document, const std::string& folder) {
  for (const Block& block : document.blocks) {
    if (const Table* table = std::get_if<Table>(&block)) {
      programs::write_file(message(folder, "/tables/", table->id, ".csv"), to_csv(*table));
    }
    if (const Gallery* gallery = std::get_if<Gallery>(&block)) {
      for (const Drawing& drawing : gallery->drawings) {
        programs::write_file(message(folder, "/figures/", drawing.id, ".svg"), drawing.svg);
      }
    }
  }
}

// What was measured of the best network, with its pictures.
void read_insight(Facts& facts, const std::string& folder) {
  if (facts.best == nullptr) return;
  const Run& run = facts.best->run;
  if (facts.plan->layers) {
    const std::string id = parts_id(run, to_json(*facts.plan->layers));
    facts.layers = read_parts(parts_path(folder, "layers"), id);
    facts.survey = read_survey(facts.layers, folder, id);
  }
  if (!facts.plan->explain) return;
  facts.explain = read_parts(parts_path(folder, "explain"), parts_id(run, to_json(*facts.plan->explain)));
  if (!facts.explain.contains("sheets")) return;
  for (const Json& sheet : facts.explain["sheets"]) {
    const std::string file = sheet.value("file", "");
    if (std::filesystem::exists(folder + "/" + file))
      facts.drawings[file] = programs::read_file(folder + "/" + file, programs::Exit::data);
  }
}

}  // namespace

Document make_report(const Plan& plan, std::vector<Row> rows, const std::string& folder) {
  Facts facts(plan, std::move(rows));
  if (!folder.empty()) facts.samples = read_samples(folder, facts.data);
  if (!folder.empty()) read_insight(facts, folder);
  Document document{.title = plan.title, .subtitle = subtitle_of(facts), .blocks = {}};
  add_introduction(document, facts);
  for (const Results& results : facts.results) add_section(document, facts, results);
  add_test_set(document, facts);
  add_explain(document, facts);
  add_layers(document, facts);
  add_criteria(document);
  add_glossary(document, facts);
  add_limits(document, facts);
  add_index(document, facts);
  add_runs(document, facts);
  return document;
}

std::string write_report(const Plan& plan, const std::string& folder) {
  const Document document = make_report(plan, rows_of(plan, folder), folder);
  programs::make_folder(folder + "/tables");
  programs::make_folder(folder + "/figures");
  write_parts(document, folder);
  programs::write_file(folder + "/report.md", to_markdown(document));
  const std::string page = folder + "/report.html";
  programs::write_file(page, to_html(document));
  return page;
}

}  // namespace study
