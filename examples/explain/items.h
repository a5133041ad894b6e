#pragma once
/// \file
/// The images to explain: given ones, or a choice that shows a network at its best and worst.

#include "noyau/data.h"
#include "noyau/explain.h"

namespace explain {

/// An image and what the network says of it.
struct Item {
  noyau::Tensor image;                    ///< u8 [h, w, c] as the network sees it, before normalisation.
  std::string id;                         ///< For file names: "test-17", "cat".
  std::string name;                       ///< For people: "test image 17", "photos/cat.jpg".
  std::int32_t truth = -1;                ///< Class id; negative when not known.
  std::int32_t predicted = 0;             ///< Class of the largest output.
  std::vector<float> probabilities = {};  ///< Softmax of the output.
  std::string why = {};                   ///< Why it was chosen.

  /// True when the class is known and another was predicted.
  bool wrong() const { return truth >= 0 && truth != predicted; }
};

/// Reads what `list` names, separated by commas: indices of `test` (may be empty), image files, folders of them. A file in a
/// folder that is called like a class has that class. Images are brought to the network's size.
std::vector<Item> items_of(const std::string& list, const noyau::Dataset& test, const noyau::DataInfo& info);
/// Of every class the most and least confident right and wrong prediction, where there are such.
std::vector<Item> default_items(const noyau::Sequential& net, const noyau::Dataset& test,
                                const noyau::DataInfo& info);
/// The first `count` images of `test`.
std::vector<Item> first_items(std::int64_t count, const noyau::Dataset& test, const noyau::DataInfo& info);
/// Fills in what the network says.
void classify(std::vector<Item>& items, const noyau::Sequential& net, const noyau::DataInfo& info);
/// The items as input of `net`, [n, h, w, c], on its device.
noyau::Tensor inputs_of(const noyau::Sequential& net, const std::vector<Item>& items,
                        const noyau::DataInfo& info);
/// Images u8 [n, h, w, c] of any size as input of `net`, on its device.
noyau::Tensor inputs_of(const noyau::Sequential& net, const noyau::Tensor& images,
                        const noyau::DataInfo& info);
/// The class's name, or its id where there is none.
std::string class_name(const noyau::DataInfo& info, std::int32_t id);

}  // namespace explain
