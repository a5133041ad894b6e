#include <algorithm>
#include <cmath>

#include "explain/pages.h"
#include "noyau/faithfulness.h"
#include "noyau/plot.h"

namespace explain {
namespace {

using noyau::Tensor;

std::vector<double> numbers(const Tensor& t) { return t.to(noyau::Dtype::f64).to_vector<double>(); }

Tensor large(const Tensor& map, const Tensor& x) {
  return map.dim(1) == x.dim(1) && map.dim(2) == x.dim(2) ? map
                                                          : noyau::resize_map(map, {x.dim(1), x.dim(2)});
}

// Mosaics of images that are recognised, four of different classes each.
struct Mosaics {
  std::vector<Tensor> images;                 // [1, h, w, c]
  std::vector<std::int32_t> classes[4] = {};  // of each quadrant
};

Mosaics mosaics_of(const noyau::Sequential& net, const std::vector<Item>& items,
                   const noyau::DataInfo& info) {
  Mosaics mosaics;
  std::vector<Item> waiting;
  for (const Item& item : items) {
    const bool there = std::ranges::any_of(waiting, [&](const Item& w) { return w.truth == item.truth; });
    if (item.wrong() || there) continue;
    waiting.push_back(item);
    if (waiting.size() < 4) continue;
    mosaics.images.push_back(noyau::mosaic(inputs_of(net, waiting, info)));
    for (std::size_t q = 0; q < 4; ++q) mosaics.classes[q].push_back(waiting[q].truth);
    waiting.clear();
  }
  return mosaics;
}

std::vector<double> mean_of(const std::vector<std::vector<double>>& quadrants) {
  std::vector<double> means;
  for (std::size_t i = 0; i < quadrants[0].size(); ++i) {
    std::vector<double> there;
    for (const std::vector<double>& values : quadrants) {
      if (std::isfinite(values[i])) there.push_back(values[i]);
    }
    means.push_back(there.empty() ? NAN : noyau::stats::mean(there));
  }
  return means;
}

}  // namespace

std::vector<Pointing> point(const noyau::Sequential& net, std::vector<Item> items,
                            const noyau::DataInfo& info, const std::vector<Method>& methods,
                            Question question, const Report& report) {
  classify(items, net, info);
  const Mosaics mosaics = mosaics_of(net, items, info);
  if (mosaics.images.size() < 2) return {};
  const Tensor x = noyau::concat(mosaics.images, 0);
  std::vector<Pointing> rows;
  for (const Method& method : with_baselines(methods)) {
    report("pointing with " + method.title);
    std::vector<std::vector<double>> peak, energy;
    for (int q = 0; q < 4; ++q) {
      question.target = mosaics.classes[q];
      const Tensor map = large(method.map(net, x, question), x);
      const Tensor mask = noyau::quadrant_mask(x.dim(1), x.dim(2), q);
      peak.push_back(numbers(peak_inside(map, mask)));
      energy.push_back(numbers(energy_inside(map, mask)));
    }
    rows.push_back({method.name, method.title, mean_of(peak), mean_of(energy)});
  }
  return rows;
}

study::Table pointing_table(const std::vector<Pointing>& rows) {
  study::Table table;
  table.id = "pointing";
  table.caption = study::Text(noyau::message(
      "Images with a known answer: ", rows[0].peak.size(),
      " mosaics of four recognised test images of different classes, each class explained in turn. Share of "
      "largest values inside the quadrant of that class (pointing game), and of what is positive in the map "
      "(energy); means over mosaics with half the width of their 95 % interval. By chance both are 0.25."));
  table.columns = {{"method"}, {"pointing game", "", true}, {"energy inside", "", true}};
  for (const Pointing& row : rows)
    table.rows.push_back({row.title, interval_cell(row.peak), interval_cell(row.energy)});
  return table;
}

study::Table agreement_table(const std::vector<Measures>& rows) {
  study::Table table;
  table.id = "agreement";
  table.caption = study::Text(
      "Do the methods agree? Spearman's rank correlation of the maps of two methods, means over images with "
      "half the width of their 95 % interval. Two that agree may both be wrong; the random map shows what "
      "chance gives, Sobel what the image gives without any network.");
  table.columns = {{"method"}};
  for (const Measures& row : rows) table.columns.push_back({row.title, "", true});
  for (const Measures& row : rows) {
    std::vector<study::Cell> cells{row.title};
    for (const Measures& column : rows) {
      const bool same = &row == &column;
      cells.push_back(same ? study::Cell("1") : interval_cell(numbers(map_agreement(row.map, column.map))));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace explain
