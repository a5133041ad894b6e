#include <algorithm>
#include <cmath>

#include "study/explain_facts.h"
#include "study/sections.h"
#include "study/verdict.h"

namespace study {
namespace {

using noyau::message;
using namespace noyau::plot;

struct Measure {
  const char* key;
  const char* name;
  int digits;
};
constexpr Measure kMeasures[] = {{"road", "ROAD", 3},
                                 {"deletion", "Deletion", 3},
                                 {"insertion", "Insertion", 3},
                                 {"drop", "Average drop", 3},
                                 {"increase", "Increase", 2},
                                 {"infidelity", "Infidelity", 3},
                                 {"sensitivity", "Sensitivity", 2},
                                 {"energy", "Energy in its quarter", 2},
                                 {"peak", "Peak in its quarter", 2},
                                 {"other_class", "Same map for another class", 2}};

Cell mean_cell(const std::vector<double>& values, int digits) {
  const MeanOf m = mean_of(values);
  if (std::isnan(m.mean)) return "\u2013";
  const double half = m.interval.high - m.mean;
  return {message(signed_number(m.mean, digits),
                  std::isnan(half) ? "" : message("\u00a0\u00b1\u00a0", fixed(half, digits))),
          m.mean};
}

std::string titles(const std::vector<const MethodFacts*>& methods) {
  std::vector<std::string> names;
  for (const MethodFacts* method : methods) names.push_back(method->title);
  return joined(names);
}

bool is_about(const Facts& facts) { return facts.plan->explain && facts.best != nullptr; }

// Which network, why this one, and what was sampled.
void add_network(Document& document, const Facts& facts, const ExplainFacts& explained) {
  const Row& row = *facts.best;
  Text text("This is the network \u201c");
  text.add(message(row.run.label, "\u201d of section ")).link(row.run.group, "#" + row.run.group);
  text.add(message(", seed ", row.run.settings.seed,
                   ". Of all single networks of this study it has the highest validation accuracy, "))
      .traced(shown(value_of(row.row, kValidationAccuracy), kValidationAccuracy), run_ids({&row.row}));
  text.add("; the test set, on which it has ")
      .traced(shown(value_of(row.row, kTestAccuracy), kTestAccuracy), run_ids({&row.row}))
      .add(", had no part in the choice. Its predicted class is explained, by the logit.");
  document.add(text);
  const Json& n = explained.network;
  document.add(Note{Note::Kind::reading,
                    Text(message("Sampled: ", n.value("images", 0), " of ", n.value("test_images", 0),
                                 " test images, drawn at random; sensitivity and randomisation on the first ",
                                 n.value("few", 0), " of them; ", n.value("mosaics", 0),
                                 " mosaics. Intervals are Student's, 95 %, over images: they know nothing of "
                                 "how other seeds of the network would be explained."))});
  if (!n.contains("map"))
    document.add(
        Text("No layer of this network has a map of at least 2 \u00d7 2 positions. Class activation maps, "
             "Grad-CAM++ among them, are not defined for it, so that no verdict on them can be given."));
}

void add_sheets(Document& document, const Facts& facts, const ExplainFacts& explained) {
  Gallery gallery;
  for (const Json& sheet : explained.sheets) {
    const std::string file = sheet.value("file", "");
    const auto svg = facts.drawings.find(file);
    if (svg == facts.drawings.end()) continue;
    gallery.drawings.push_back({message("explain-", gallery.drawings.size() + 1), svg->second,
                                message("Why ", sheet.value("predicted", ""), "?")});
  }
  if (gallery.drawings.empty()) return;
  document.add(Heading{3, "explain-images", "What do the maps show?"});
  document.add(
      "Images that the network gets right and wrong, where it is most sure and least sure; for wrong ones "
      "the predicted class, the true one and their difference. A map shows what one method finds, not what "
      "the network sees: believe what several share and what the measures below support.");
  document.add(std::move(gallery));
}

Table measures_table(const ExplainFacts& explained) {
  Table table{.id = "explain",
              .caption = "Every method; means over images and half the width of their 95 % interval",
              .columns = {{"Method"}},
              .rows = {}};
  for (const Measure& measure : kMeasures) table.columns.push_back({measure.name, "", true});
  table.columns.push_back({"After randomisation", "", true});
  table.columns.push_back({"Time", "ms/image", true});
  for (const MethodFacts& method : explained.methods) {
    if (!method.error.empty()) continue;
    std::vector<Cell> row{method.title};
    for (const Measure& measure : kMeasures) row.push_back(mean_cell(method.of(measure.key), measure.digits));
    row.push_back(mean_cell(method.randomised(), 2));
    row.emplace_back(fixed(1000 * method.seconds, 2), 1000 * method.seconds);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Drawing measure_figure(const ExplainFacts& explained, const std::string& key, const std::string& title,
                       const std::string& label, const std::string& images) {
  Bars figure;
  figure.title = title;
  figure.subtitle = images + "; bars: 95 % t-interval over them; dashed: Sobel edges";
  figure.value = {.label = label};
  figure.dots = true;
  BarSeries series;
  std::vector<const MethodFacts*> order;
  for (const MethodFacts& method : explained.methods)
    if (method.error.empty() && !std::isnan(mean_of(method.of(key)).mean)) order.push_back(&method);
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](const MethodFacts* m) { return mean_of(m->of(key)).mean; });
  for (const MethodFacts* method : order) {
    const MeanOf m = mean_of(method->of(key));
    figure.categories.push_back(method->title);
    series.values.push_back(m.mean);
    series.low.push_back(m.interval.low);
    series.high.push_back(m.interval.high);
    if (method->name == "sobel") figure.reference = m.mean;
  }
  figure.series = {series};
  return drawing("explain-" + key, figure);
}

Drawing cascade_figure(const ExplainFacts& explained) {
  Figure figure;
  figure.title = "Which maps survive when the network is forgotten?";
  figure.subtitle = message(explained.network.value("few", 0),
                            " images; rank correlation with the map of the trained network; bands: 95 %");
  figure.x = {.label = "Layers drawn anew, from the last on", .whole = true};
  figure.y = {.label = "Rank correlation"};
  for (const std::string name :
       {"grad_cam_pp", "hires_cam", "integrated_gradients", "guided_backpropagation", "occlusion", "sobel"}) {
    const MethodFacts* const method = explained.find(name);
    if (method == nullptr || method->cascade.empty()) continue;
    Line line{.name = method->title, .x = {0}, .y = {1}, .low = {1}, .high = {1}, .markers = true};
    for (const auto& [layer, values] : method->cascade) {
      const MeanOf m = mean_of(values);
      if (std::isnan(m.mean)) continue;
      line.x.push_back(static_cast<double>(line.x.size()));
      line.y.push_back(m.mean);
      line.low.push_back(m.interval.low);
      line.high.push_back(m.interval.high);
      line.notes.push_back(message(method->title, ", down to ", layer, ": ", fixed(m.mean, 2)));
    }
    line.notes.insert(line.notes.begin(), method->title + ", trained");
    figure.lines.push_back(std::move(line));
  }
  return drawing("explain-cascade", figure);
}

Text faithfulness_reading(const ExplainFacts& explained, const Recommendation& choice) {
  Text text;
  if (!choice.no_better_than_random.empty())
    text.add(message("No ROAD above that of a random map could be shown for ",
                     titles(choice.no_better_than_random), ". "));
  if (!choice.insensitive.empty())
    text.add(message("Maps of ", titles(choice.insensitive),
                     " stay (rank correlation of at least 0.5) when all layers are drawn anew: they show the "
                     "image more than the network. "));
  const MethodFacts* const sobel = explained.find("sobel");
  const MethodFacts* const random = explained.find("random");
  if (sobel == nullptr || random == nullptr) return text;
  const auto test = compare_pairs(sobel->of("road"), random->of("road"));
  if (!test) return text;
  text.add(message("Sobel edges, which know nothing of the network, reach a ROAD of ",
                   fixed(mean_of(sobel->of("road")).mean, 3)));
  text.add(test->p < 0.05 && test->difference > 0
               ? message(", above the random map's (", shown_p(test->p),
                         "): a method that does not reach it has shown little.")
               : message(", not shown to differ from a random map's (", shown_p(test->p), ")."));
  return text;
}

void add_faithfulness(Document& document, const ExplainFacts& explained, const Recommendation& choice) {
  document.add(Heading{3, "explain-measures", "Which maps point at what the network uses?"});
  document.add(
      "ROAD: half the difference of the class's probability when the lowest and when the highest pixels of "
      "the map are interpolated from their neighbours; 0 for a random map, high is good. Deletion (low is "
      "good) and insertion (high): area under the probability while pixels go or come back. Average drop "
      "(low) and increase (high): what is left when only the marked parts are seen. Infidelity (0 is "
      "perfect, 1 explains nothing): whether the map predicts what hiding squares does. Sensitivity (low): "
      "how much a hardly changed image changes the map. Last, rank correlations: with the map of the second "
      "most probable class, and with the map after all layers are drawn anew (near 1: a drawing of the "
      "image).");
  const Text reading = faithfulness_reading(explained, choice);
  if (!reading.empty()) document.add(Note{Note::Kind::reading, reading});
  document.add(Gallery{{measure_figure(explained, "road", "Which method finds the pixels that count?", "ROAD",
                                       message(explained.network.value("images", 0), " test images")),
                        cascade_figure(explained)}});
  document.add(measures_table(explained));
  for (const MethodFacts& method : explained.methods)
    if (!method.error.empty())
      document.add(Text(message(method.title, " could not be used: ", method.error, ".")));
}

void add_mosaics(Document& document, const ExplainFacts& explained) {
  if (explained.network.value("mosaics", 0) < 2) return;
  document.add(Heading{3, "explain-mosaics", "Do maps point at the object that they are asked for?"});
  document.add(Text(message(
      "Four test images that the network gets right, of four classes, are shrunk into one: the map of one "
      "class must point into its quarter. Two numbers over ",
      explained.network.value("mosaics", 0),
      " mosaics: the share of the map's positive part inside (0.25 by chance) and whether its peak is.")));
  document.add(
      Gallery{{measure_figure(explained, "energy", "How much of a map lies in the right quarter?",
                              "Share inside", message(explained.network.value("mosaics", 0), " mosaics"))}});
}

Table verdict_table(const std::vector<Argument>& arguments) {
  Table table{
      .id = "verdict",
      .caption =
          "The same numbers; differences and intervals are those towards the bound or the other method",
      .columns = {{"Argument"},
                  {"Side"},
                  {"Difference", "", true},
                  {"Low", "", true},
                  {"High", "", true},
                  {"p, Holm", "", true},
                  {"Result"}},
      .rows = {}};
  for (const Argument& a : arguments) {
    std::vector<Cell> row{a.claim, a.in_favour ? "for" : "against"};
    if (a.test) {
      for (const double value : {a.test->difference, a.test->interval.low, a.test->interval.high})
        row.emplace_back(signed_number(value, 3), value);
      row.emplace_back(shown_p_value(a.p), a.p);
    } else {
      row.insert(row.end(), 4, Cell("\u2013"));
    }
    row.emplace_back(standing_name(a.standing));
    table.rows.push_back(std::move(row));
  }
  return table;
}

void add_verdict(Document& document, const ExplainFacts& explained) {
  const std::vector<Argument> arguments = verdict_on_plus_plus(explained);
  if (arguments.empty()) return;
  document.add(Heading{3, "explain-verdict", "Is Grad-CAM++ of tf-keras-vis a good choice?"});
  document.add(Note{Note::Kind::reading, Text(summary_of(arguments))});
  for (const bool in_favour : {true, false}) {
    document.add(Text().strong(in_favour ? "For Grad-CAM++" : "Against Grad-CAM++"));
    Points points;
    for (const Argument& a : arguments) {
      if (a.in_favour != in_favour) continue;
      Text item(a.claim + " ");
      item.strong(standing_name(a.standing)).add(message(": ", a.measured, "."));
      points.items.push_back(std::move(item));
    }
    document.add(std::move(points));
  }
  document.add(verdict_table(arguments));
}

std::string place_of(const ExplainFacts& explained, const std::string& name) {
  const MethodFacts* const mine = explained.find(name);
  if (mine == nullptr) return {};
  int place = 1, all = 0;
  for (const MethodFacts& method : explained.methods) {
    if (!method.error.empty() || method.baseline()) continue;
    ++all;
    place += mean_of(method.of("road")).mean > mean_of(mine->of("road")).mean ? 1 : 0;
  }
  return message(" By mean ROAD, ", mine->title, " is number ", place, " of ", all, ".");
}

}  // namespace

Text recommendation_text(const ExplainFacts& explained, const Recommendation& choice) {
  Text text;
  if (choice.method == nullptr)
    return text.strong("No method is recommended: ")
        .add("none beats a random map by ROAD and loses its map when all layers are drawn anew.");
  text.strong(choice.method->title + ": ");
  const Cell road = mean_cell(choice.method->of("road"), 3);
  text.add(message("its mean ROAD, ", plain(road.text),
                   ", is the highest of the methods that beat a random map (paired t-test, Holm, 5 %) and "
                   "whose map is lost when all layers are drawn anew. ROAD decides because removed pixels "
                   "are interpolated, so that holes give nothing away."));
  if (!choice.worse.empty()) text.add(message(" It is above ", titles(choice.worse), "."));
  if (!choice.undecided.empty())
    text.strong(" Undecided on these images")
        .add(message(" against ", titles(choice.undecided), ": the differences are not significant."));
  if (const MethodFacts* const sobel = explained.find("sobel")) {
    const auto test = compare_pairs(choice.method->of("road"), sobel->of("road"));
    const bool clear = test && test->p < 0.05;
    text.add(message(" Sobel edges reach ", fixed(mean_of(sobel->of("road")).mean, 3), ", ",
                     !clear                 ? "which is not shown to differ"
                     : test->difference > 0 ? "significantly less"
                                            : "significantly more",
                     test ? message(" (", shown_p(test->p), ").") : "."));
  }
  text.add(place_of(explained, "grad_cam_pp"));
  return text.add(" It was chosen on the images it is reported on, which favours luck a little.");
}

void add_explain(Document& document, const Facts& facts) {
  if (!is_about(facts)) return;
  const ExplainFacts explained(facts.explain);
  document.add(Heading{2, "explain", "Explain: why does the best network say what it says?"});
  if (explained.agreement.empty()) {
    document.add(
        "The best network has not been explained yet: its runs, or the measurements of this section, are "
        "still to come.");
    return;
  }
  const Recommendation choice = recommend(explained);
  add_network(document, facts, explained);
  add_sheets(document, facts, explained);
  add_faithfulness(document, explained, choice);
  add_agreement(document, explained);
  add_mosaics(document, explained);
  add_verdict(document, explained);
  document.add(Heading{3, "explain-recommended", "Which method is to be used here?"});
  document.add(Note{Note::Kind::reading, recommendation_text(explained, choice)});
}

}  // namespace study
