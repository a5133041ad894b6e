#pragma once
/// \file
/// What noyau-explain shows: sheets of maps of one image, tables of measures.

#include "explain/items.h"
#include "explain/methods.h"
#include "noyau/stats.h"
#include "study/document.h"

namespace explain {

/// Maps of one image by several methods.
struct Sheet {
  std::string id;     ///< Name of its files.
  std::string svg;    ///< Pictures with what each is under it.
  noyau::Tensor png;  ///< The pictures alone, u8 [h, w, 3].
};
/// The sheet of `item`: the predicted class, or `question`'s; of a wrong one the true class and the difference too.
Sheet make_sheet(const noyau::Sequential& net, const Item& item, const noyau::DataInfo& info,
                 const std::vector<Method>& methods, const Question& question, const std::string& layer);

/// The measures of a method, one value an image.
struct Measures {
  std::string name;                                                           ///< Method::name, or a layer.
  std::string title;                                                          ///< In tables.
  std::vector<double> deletion, insertion, road, drop, increase, infidelity;  ///< See faithfulness.h.
  std::vector<double> sensitivity;                                            ///< Of the first images only.
  std::vector<double> randomized;  ///< Rank correlation with the map of a network without trained weights.
  double seconds = 0;              ///< An image.
};
/// What to tell of progress.
using Report = std::function<void(const std::string&)>;
/// Measures `methods` and the two baselines on images `x`, explaining what is predicted.
std::vector<Measures> compare(const noyau::Sequential& net, const noyau::Tensor& x,
                              std::vector<Method> methods, const Question& question, const Report& report);
/// Measures Grad-CAM at each layer with a map, best ROAD first.
std::vector<Measures> compare_layers(const noyau::Sequential& net, const noyau::Tensor& x,
                                     const Question& question, const Report& report);
/// The measures with their 95 % intervals over images.
study::Table table_of(const std::vector<Measures>& rows, const std::string& id,
                      const std::string& first_column);
/// Mean and half the width of its 95 % interval; NaN are left out.
std::pair<double, double> mean_and_half(const std::vector<double>& values);
/// What the numbers say, in words: which methods beat the random map, which do not, what fails the sanity check.
std::vector<study::Text> findings(const std::vector<Measures>& rows);

}  // namespace explain
