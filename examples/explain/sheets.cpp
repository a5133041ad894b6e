#include <algorithm>

#include "explain/pages.h"
#include "noyau/image.h"
#include "noyau/plot.h"

namespace explain {
namespace {

using noyau::Tensor;

std::string png_of(const Tensor& picture) {
  const std::vector<std::uint8_t> bytes = noyau::encode_png(picture);
  return {bytes.begin(), bytes.end()};
}

struct Asked {
  std::string words;
  noyau::Target target;
  bool is_difference = false;
};

// What is explained of an image, in the order of the sheet.
std::vector<Asked> asked_of(const Item& item, const noyau::DataInfo& info, const noyau::Target& wanted) {
  if (!wanted.ids().empty()) return {{"why " + class_name(info, wanted.ids()[0]), wanted}};
  const std::string predicted = class_name(info, item.predicted);
  std::vector<Asked> asked{{"why " + predicted + " (predicted)", item.predicted}};
  if (!item.wrong()) return asked;
  const std::string truth = class_name(info, item.truth);
  asked.push_back({"why " + truth + " (true)", item.truth});
  asked.push_back(
      {predicted + " rather than " + truth, noyau::Target::difference(item.predicted, item.truth), true});
  return asked;
}

Tensor shown_image(const Item& item) {
  const std::int64_t longer = std::max(item.image.dim(0), item.image.dim(1));
  const std::int64_t factor = std::max<std::int64_t>(1, (127 + longer) / longer);
  return noyau::resize_image(noyau::convert_channels(item.image, 3), item.image.dim(0) * factor,
                             item.image.dim(1) * factor, noyau::Resample::nearest);
}

// `image` on white as wide as `like`.
Tensor widened(const Tensor& image, const Tensor& like) {
  const std::int64_t before = (like.dim(1) - image.dim(1)) / 2;
  return noyau::pad(image.to(noyau::Dtype::f32),
                    {{0, 0}, {before, like.dim(1) - image.dim(1) - before}, {0, 0}}, noyau::PadMode::constant,
                    255)
      .to(noyau::Dtype::u8);
}

std::string percent(double share) { return noyau::plot::fixed(100 * share, 1) + " %"; }

std::string subtitle(const Item& item, const noyau::DataInfo& info) {
  std::string text = item.name + ": predicted " + class_name(info, item.predicted) + " with " +
                     percent(item.probabilities[static_cast<std::size_t>(item.predicted)]);
  if (item.truth >= 0) text += ", true class " + class_name(info, item.truth);
  if (item.wrong()) text += " (" + percent(item.probabilities[static_cast<std::size_t>(item.truth)]) + ")";
  if (!item.why.empty()) text += "; " + item.why;
  return text +
         ". Each pair: the map at its own resolution, and over the image; colours go from 0 (maps with "
         "signs: from minus) to the largest value.";
}

}  // namespace

Sheet make_sheet(const noyau::Sequential& net, const Item& item, const noyau::DataInfo& info,
                 const std::vector<Method>& methods, const Question& question, const std::string& layer) {
  const Tensor x = inputs_of({item}, info);
  noyau::plot::ImageGrid grid;
  grid.title = "Why does the network say " + class_name(info, item.predicted) + "?";
  grid.subtitle = subtitle(item, info);
  grid.columns = 3;
  grid.width = 600;
  std::vector<Tensor> pictures;
  for (const Asked& asked : asked_of(item, info, question.target)) {
    for (const Method& method : methods) {
      Question own = question;
      own.target = asked.target;
      own.layer = layer;
      Tensor map = method.map(net, x, own);
      bool has_signs = method.has_signs;
      if (asked.is_difference && method.at_layer) {  // what CAMs cut off below 0 is the other class
        own.target = noyau::Target::difference(item.truth, item.predicted);
        map = map - method.map(net, x, own);
        has_signs = true;
      }
      const std::string problem = noyau::diagnose_map(map);
      pictures.push_back(noyau::map_picture(item.image, map[0], {.has_signs = has_signs}));
      grid.pictures.push_back(
          {png_of(pictures.back()), caption(method, layer, question.score) + ": " + asked.words +
                                        (problem.empty() ? "" : ". This map is " + problem)});
    }
  }
  const Tensor image = widened(shown_image(item), pictures.front());
  grid.pictures.insert(grid.pictures.begin(), {png_of(image), "The image as the network sees it"});
  pictures.insert(pictures.begin(), image);
  std::vector<Tensor> rows;
  for (const Tensor& picture : pictures) {
    rows.push_back(reshape(picture, {1, picture.dim(0), picture.dim(1), 3}));
  }
  return {item.id, noyau::plot::to_svg(grid),
          noyau::image_grid(noyau::concat(rows, 0), {.columns = 3, .gap = 6})};
}

}  // namespace explain
