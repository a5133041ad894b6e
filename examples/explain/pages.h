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
  noyau::Tensor map = {};          ///< [n, h, w] at the size of the images.
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
/// The methods and, where they lack, the random and Sobel maps.
std::vector<Method> with_baselines(std::vector<Method> methods);
/// Mean and half the width of its interval as people read them; "-" when there is none.
study::Cell interval_cell(const std::vector<double>& values);
/// Mean and half the width of its 95 % interval; NaN are left out.
std::pair<double, double> mean_and_half(const std::vector<double>& values);
/// What the numbers say, in words: which methods beat the random map, which do not, what fails the sanity check.
std::vector<study::Text> findings(const std::vector<Measures>& rows);

/// How a method's maps of mosaics meet the known answer, one value a mosaic; see faithfulness.h.
struct Pointing {
  std::string name;                  ///< Method::name.
  std::string title;                 ///< In tables.
  std::vector<double> peak, energy;  ///< Means over the quadrants.
};
/// Points at the four images of mosaics with `methods` and the baselines. Nothing when fewer than two mosaics can be made of
/// those `items` that are recognised.
std::vector<Pointing> point(const noyau::Sequential& net, std::vector<Item> items,
                            const noyau::DataInfo& info, const std::vector<Method>& methods,
                            Question question, const Report& report);
/// The measures of point().
study::Table pointing_table(const std::vector<Pointing>& rows);
/// How much the maps of methods agree, each with each.
study::Table agreement_table(const std::vector<Measures>& rows);

/// What training images are to items, [items, training images]; undefined where not asked for.
struct Relations {
  noyau::Tensor cosines;    ///< Cosine of the features before the last layer.
  noyau::Tensor influence;  ///< last_layer_influence() on the loss of the predicted class.
};
/// Looks at all training images.
Relations relate(const noyau::Sequential& net, const std::vector<Item>& items, const noyau::Dataset& train,
                 const noyau::DataInfo& info, bool cosines, bool influence, const Report& report);
/// The `count` nearest training images of an item, given its row of cosines; `share` becomes that of its predicted class.
study::Drawing nearest_images(const Item& item, const noyau::Tensor& cosines, std::int64_t count,
                              const noyau::Dataset& train, const noyau::DataInfo& info, double* share);
/// The `count` training images that strengthen an item's prediction most, then those that weaken it.
study::Drawing influential_images(const Item& item, const noyau::Tensor& influence, std::int64_t count,
                                  const noyau::Dataset& train, const noyau::DataInfo& info);

}  // namespace explain
