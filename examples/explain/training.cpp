#include <algorithm>
#include <numeric>

#include "explain/pages.h"
#include "noyau/image.h"
#include "noyau/plot.h"

namespace explain {
namespace {

using noyau::Tensor;

// Training images whose features are computed at a time.
constexpr std::int64_t kChunk = 1000;

Tensor classes_of(const std::vector<Item>& items) {
  std::vector<std::int32_t> ids;
  for (const Item& item : items) ids.push_back(item.predicted);
  return noyau::from_vector(ids, {static_cast<std::int64_t>(ids.size())});
}

std::string picture(const Tensor& image) {
  const std::int64_t factor =
      std::max<std::int64_t>(1, 96 / std::max<std::int64_t>(1, std::max(image.dim(0), image.dim(1))));
  const Tensor large = noyau::resize_image(noyau::convert_channels(image, 3), image.dim(0) * factor,
                                           image.dim(1) * factor, noyau::Resample::nearest);
  const std::vector<std::uint8_t> bytes = noyau::encode_png(large);
  return {bytes.begin(), bytes.end()};
}

// The `count` highest of one image's relations, highest first; the lowest, lowest first, when `count` is negative.
std::vector<std::int64_t> extreme(const std::vector<float>& values, std::int64_t count) {
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto first = [&](std::int64_t a, std::int64_t b) {
    const float x = values[static_cast<std::size_t>(a)], y = values[static_cast<std::size_t>(b)];
    return count > 0 ? x > y : x < y;
  };
  order.resize(static_cast<std::size_t>(std::min<std::int64_t>(std::abs(count), std::ssize(order))));
  std::vector<std::int64_t> all(values.size());
  std::iota(all.begin(), all.end(), 0);
  std::partial_sort_copy(all.begin(), all.end(), order.begin(), order.end(), first);
  return order;
}

noyau::plot::Picture one_of(const noyau::Dataset& train, const noyau::DataInfo& info, std::int64_t index,
                            const std::string& relation) {
  const Tensor image = noyau::convert_channels(
      noyau::resize_image(train.images()[index], info.height, info.width), info.channels);
  return {picture(image),
          noyau::message(class_name(info, train.label(index)), " (training image ", index, "), ", relation)};
}

// Share of the training images `of` that have class `id`.
double share_of_class(const noyau::Dataset& train, const std::vector<std::int64_t>& of, std::int32_t id) {
  const auto same = std::ranges::count_if(of, [&](std::int64_t i) { return train.label(i) == id; });
  return static_cast<double>(same) / static_cast<double>(of.size());
}

std::string signed_number(double value) { return (value < 0 ? "" : "+") + noyau::plot::number(value); }

}  // namespace

Relations relate(const noyau::Sequential& net, const std::vector<Item>& items, const noyau::Dataset& train,
                 const noyau::DataInfo& info, bool cosines, bool influence, const Report& report) {
  const Tensor x = inputs_of(net, items, info);
  const noyau::LastLayer asked = last_layer(net, x, classes_of(items).to(x.device()));
  std::vector<Tensor> near;
  std::vector<Tensor> influential;
  for (std::int64_t begin = 0; begin < train.size(); begin += kChunk) {
    const std::int64_t end = std::min(train.size(), begin + kChunk);
    report(noyau::message("looking at training images ", begin, " to ", end));
    const Tensor part = inputs_of(net, slice(train.images(), 0, begin, end), info);
    const Tensor labels = slice(train.labels(), 0, begin, end).to(x.device());
    const noyau::LastLayer trained = last_layer(net, part, labels);
    if (cosines) near.push_back(cosine_similarity(asked.features, trained.features));
    if (influence) influential.push_back(last_layer_influence(asked, trained));
  }
  const auto joined = [](const std::vector<Tensor>& parts) {
    return parts.empty() ? Tensor() : noyau::concat(parts, 1);
  };
  return {joined(near), joined(influential)};
}

study::Drawing nearest_images(const Item& item, const Tensor& cosines, std::int64_t count,
                              const noyau::Dataset& train, const noyau::DataInfo& info, double* share) {
  const std::vector<float> values = cosines.to_vector<float>();
  const std::vector<std::int64_t> found = extreme(values, count);
  *share = share_of_class(train, found, item.predicted);
  noyau::plot::ImageGrid grid;
  grid.title = "Which training images are most like it to the network?";
  grid.subtitle = noyau::message(
      item.name, ", predicted ", class_name(info, item.predicted), ": ", noyau::plot::fixed(100 * *share, 0),
      " % of these have that class. Cosine of the features before the last layer.");
  grid.columns = 4;
  grid.width = 600;
  grid.pictures.push_back({picture(item.image), "the image"});
  for (const std::int64_t i : found) {
    const std::string relation = "cosine " + noyau::plot::fixed(values[static_cast<std::size_t>(i)], 3);
    grid.pictures.push_back(one_of(train, info, i, relation));
  }
  return {item.id + "-nearest", noyau::plot::to_svg(grid), grid.title};
}

study::Drawing influential_images(const Item& item, const Tensor& influence, std::int64_t count,
                                  const noyau::Dataset& train, const noyau::DataInfo& info) {
  const std::vector<float> values = influence.to_vector<float>();
  noyau::plot::ImageGrid grid;
  grid.title = "Which training images would a step on strengthen or weaken it most?";
  grid.subtitle = noyau::message(item.name, ", class ", class_name(info, item.predicted),
                                 " (predicted). TracIn of the last layer at the end of training: above 0, a "
                                 "step on the image lowers the loss of that class; below, it raises it.");
  grid.columns = 4;
  grid.width = 600;
  grid.pictures.push_back({picture(item.image), "the image"});
  for (const std::int64_t wanted : {count, -count}) {
    for (const std::int64_t i : extreme(values, wanted)) {
      grid.pictures.push_back(
          one_of(train, info, i, signed_number(static_cast<double>(values[static_cast<std::size_t>(i)]))));
    }
  }
  return {item.id + "-tracin", noyau::plot::to_svg(grid), grid.title};
}

}  // namespace explain
