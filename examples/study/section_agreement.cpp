#include <cmath>
#include <set>

#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using namespace noyau::plot;

HeatMap agreement_map(const ExplainFacts& explained, const std::vector<std::string>& names) {
  HeatMap map;
  std::vector<const MethodFacts*> methods;
  for (const std::string& name : names)
    if (const MethodFacts* method = explained.find(name)) methods.push_back(method);
  for (const MethodFacts* a : methods) {
    map.rows.push_back(a->title);
    for (const MethodFacts* b : methods) {
      const auto pair = explained.agreement.find({a->name, b->name});
      const MeanOf m = a == b                              ? MeanOf{1, {1, 1}}
                       : pair == explained.agreement.end() ? mean_of({})
                                                           : mean_of(pair->second);
      map.values.push_back(m.mean);
      map.notes.push_back(message(a->title, ", ", b->title, ": ", fixed(m.mean, 2), " [",
                                  fixed(m.interval.low, 2), ", ", fixed(m.interval.high, 2), "]"));
    }
  }
  map.columns = map.rows;
  map.subtitle =
      message("mean rank correlation of two maps, ", explained.network.value("images", 0), " images");
  map.value = {.label = "Rank correlation", .low = 0, .high = 1};
  map.digits = 2;
  return map;
}

Table agreement_table(const ExplainFacts& explained) {
  Table table{.id = "agreement",
              .caption = "Agreement of all pairs of methods; all columns are in the file",
              .columns = {{"Method"}},
              .rows = {}};
  std::vector<const MethodFacts*> methods;
  for (const MethodFacts& method : explained.methods)
    if (method.error.empty()) methods.push_back(&method);
  const std::set<std::string> on_page = {"grad_cam_pp",          "grad_cam",  "hires_cam",
                                         "integrated_gradients", "occlusion", "sobel"};
  for (const MethodFacts* method : methods)
    table.columns.push_back({method->title, "", true, !on_page.contains(method->name)});
  for (const MethodFacts* a : methods) {
    std::vector<Cell> row{a->title};
    for (const MethodFacts* b : methods) {
      const auto pair = explained.agreement.find({a->name, b->name});
      const double mean = a == b ? 1 : pair == explained.agreement.end() ? NAN : mean_of(pair->second).mean;
      row.push_back(std::isnan(mean) ? Cell("\u2013") : Cell(signed_number(mean, 2), mean));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

void add_agreement(Document& document, const ExplainFacts& explained) {
  if (explained.agreement.empty()) return;
  document.add(Heading{3, "explain-agreement", "Do the methods agree?"});
  Gallery gallery;
  HeatMap variants = agreement_map(
      explained, {"grad_cam_pp", "grad_cam_pp_paper", "grad_cam_pp_authors", "grad_cam_pp_pytorch_grad_cam"});
  if (variants.rows.size() == 4) {
    variants.title = "Do the four methods called Grad-CAM++ agree?";
    variants.rows = variants.columns = {"tf_keras_vis", "paper", "authors", "pytorch_grad_cam"};
    gallery.drawings.push_back(drawing("explain-variants", variants));
  }
  HeatMap all = agreement_map(explained, {"grad_cam_pp", "grad_cam", "hires_cam", "layer_cam", "ablation_cam",
                                          "saliency", "integrated_gradients", "lrp", "occlusion", "sobel"});
  all.title = "Do different methods mark the same pixels?";
  for (std::string& row : all.rows) row = row.substr(0, row.find(" ("));
  all.columns.clear();
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    all.columns.push_back(std::to_string(i + 1));
    all.rows[i] = message(i + 1, " ", all.rows[i]);
  }
  gallery.drawings.push_back(drawing("explain-agreement-map", all));
  document.add(std::move(gallery));
  document.add(agreement_table(explained));
}

}  // namespace study
