#include "inspect/pictures.h"

#include <algorithm>

#include "noyau/image.h"
#include "noyau/ops.h"

namespace inspection {
namespace {

constexpr std::int64_t kSide = 32;  // pixels of a picture on a card

std::string png(const noyau::Tensor& image) {
  const std::vector<std::uint8_t> bytes = noyau::encode_png(image);
  return {bytes.begin(), bytes.end()};
}

noyau::Tensor square(const noyau::Tensor& images) {
  const bool small = images.dim(1) <= kSide && images.dim(2) <= kSide;
  return noyau::resize_image(images, kSide, kSide, small ? noyau::Resample::nearest : noyau::Resample::area);
}

}  // namespace

std::string unit_picture(const noyau::Tensor& maximising, const noyau::Tensor& strongest,
                         const noyau::Tensor& deciles) {
  const std::vector<noyau::Tensor> parts{square(maximising), square(strongest), square(deciles)};
  return png(noyau::image_grid(noyau::concat(parts, 0), {.columns = kAcross, .gap = 1}));
}

std::string filter_picture(const noyau::Tensor& filters) {
  const std::int64_t side = std::max<std::int64_t>(1, 24 / filters.dim(1));
  return png(noyau::image_grid(filters, {.columns = 8, .gap = 3, .scale = side}));
}

}  // namespace inspection
