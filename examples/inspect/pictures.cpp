#include "inspect/pictures.h"

#include <algorithm>

#include "noyau/image.h"

namespace inspection {
namespace {

constexpr std::int64_t kSide = 32;  // pixels of a picture on a card
constexpr std::int64_t kAcross = 5;

std::string png(const noyau::Tensor& image) {
  const std::vector<std::uint8_t> bytes = noyau::encode_png(image);
  return {bytes.begin(), bytes.end()};
}

noyau::Tensor square(const noyau::Tensor& images) {
  const bool small = images.dim(1) <= kSide && images.dim(2) <= kSide;
  return noyau::resize_image(images, kSide, kSide, small ? noyau::Resample::nearest : noyau::Resample::area);
}

}  // namespace

std::string unit_picture(const Survey& survey, const LayerCard& card, std::size_t i) {
  const noyau::Tensor& images = survey.images.images();
  const auto which = static_cast<std::int64_t>(i);
  std::vector<noyau::Tensor> parts{square(noyau::slice(card.maximised.images, 0, which, which + 1))};
  const auto strongest = std::min<std::size_t>(kAcross - 1, card.top[i].size());
  parts.push_back(square(noyau::inspect::cut(images, std::span(card.top[i]).first(strongest))));
  parts.push_back(square(noyau::inspect::cut(images, card.deciles[i])));
  return png(noyau::image_grid(noyau::concat(parts, 0), {.columns = kAcross, .gap = 1}));
}

std::string filter_picture(const Filters& filters) {
  const std::int64_t side = std::max<std::int64_t>(1, 24 / filters.images.dim(1));
  return png(noyau::image_grid(filters.images, {.columns = 8, .gap = 3, .scale = side}));
}

}  // namespace inspection
