#include "inspect/page.h"
#include "study/sections.h"

namespace study {
namespace {

using noyau::message;

Text sampled_text(const LayerSizes& sizes, const inspection::Survey& survey) {
  return message("Sampled: ", survey.images, " test images, equally many of each class; at most ",
                 sizes.units, " random units of a layer pictured and ablated, on ",
                 std::min(sizes.ablation, survey.images), " images; ", sizes.steps,
                 " steps of maximisation; ", survey.map.labels.size(),
                 " images on the map. Dead, duplicate and selective units are counted over all units. Every "
                 "number stands beside its value on the same network with fresh weights.");
}

}  // namespace

void add_layers(Document& document, const Facts& facts) {
  if (!facts.plan->layers || facts.best == nullptr) return;
  document.add(Heading{2, "layers", "What the layers learned"});
  if (!facts.survey) {
    const auto part = facts.layers.find("layers");
    const bool missing = part != facts.layers.end() && part->second.contains("missing");
    document.add(Text(missing ? message("The layers were not inspected: there are ",
                                        part->second["missing"].get<std::string>(), ".")
                              : "The layers of the best network have not been inspected yet: its runs, or "
                                "the measurements of this section, are still to come."));
    return;
  }
  const inspection::Survey& survey = *facts.survey;
  const Row& row = *facts.best;
  Text text("The layers of the same network, chosen on validation accuracy: \u201c");
  text.add(row.run.label + "\u201d of section ").link(row.run.group, "#" + row.run.group);
  text.add(message(", seed ", row.run.settings.seed, ". Of the ", survey.images, " images it gets "))
      .traced(inspection::percent(static_cast<double>(survey.right) / static_cast<double>(survey.images)),
              run_ids({&row.row}))
      .add(" right.");
  document.add(text);
  document.add(Note{Note::Kind::reading, sampled_text(*facts.plan->layers, survey)});
  inspection::add_findings(document, survey, {.prefix = "layers-", .level = 3});
  Table units = inspection::unit_table(survey);
  units.id = "layers-units";
  units.caption = "Every unit that was pictured";
  document.add(std::move(units));
}

}  // namespace study
