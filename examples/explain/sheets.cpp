#include <algorithm>

#include "explain/pages.h"
#include "noyau/image.h"
#include "noyau/plot.h"

namespace explain {
namespace {

using noyau::Tensor;

constexpr int kColumns = 3;  // as many as can be asked of one image

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

std::string drawn(const Item& item, const noyau::DataInfo& info, const std::vector<Tensor>& pictures,
                  const std::vector<std::string>& captions) {
  noyau::plot::ImageGrid grid;
  grid.title = "Why does the network say " + class_name(info, item.predicted) + "?";
  grid.subtitle = subtitle(item, info);
  grid.columns = kColumns;
  grid.width = 600;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    grid.pictures.push_back({png_of(pictures[i]), captions[i]});
  return noyau::plot::to_svg(grid);
}

Tensor in_rows(const std::vector<Tensor>& pictures) {
  std::vector<Tensor> batches;
  for (const Tensor& picture : pictures)
    batches.push_back(reshape(picture, {1, picture.dim(0), picture.dim(1), 3}));
  return noyau::image_grid(noyau::concat(batches, 0), {.columns = kColumns, .gap = 6});
}

}  // namespace

Sheet make_sheet(const noyau::Sequential& net, const Item& item, const noyau::DataInfo& info,
                 const std::vector<Method>& methods, const Question& question, const std::string& layer) {
  const Tensor x = inputs_of(net, {item}, info);
  const std::vector<Asked> all_asked = asked_of(item, info, question.target);
  std::vector<Tensor> pictures;
  std::vector<std::string> captions;
  for (const Method& method : methods) {
    for (const Asked& asked : all_asked) {
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
      captions.push_back(caption(method, layer, question.score) + ": " + asked.words +
                         (problem.empty() ? "" : ". This map is " + problem));
    }
  }
  // Where several things are asked, each method has a row of its own and the image the first one.
  const std::size_t first_row = all_asked.size() == 1 ? 1 : kColumns;
  const Tensor image = widened(shown_image(item), pictures.front());
  pictures.insert(pictures.begin(), first_row, noyau::full(image.shape(), 255, {noyau::Dtype::u8}));
  pictures.front() = image;
  captions.insert(captions.begin(), first_row, "");
  captions.front() = "The image as the network sees it";
  return {item.id, drawn(item, info, pictures, captions), in_rows(pictures)};
}

}  // namespace explain
