#include <algorithm>

#include "noyau/image.h"

namespace noyau::inline v0 {
namespace {

// Images [n, h, w, c] in the middle of black ones of the given size, not smaller.
Tensor centred(const Tensor& images, std::int64_t height, std::int64_t width) {
  const std::int64_t ih = images.dim(1), iw = images.dim(2), channels = images.dim(3);
  if (ih == height && iw == width) return images;
  const Tensor result = zeros({images.dim(0), height, width, channels}, {Dtype::u8});
  const std::int64_t top = (height - ih) / 2, left = (width - iw) / 2;
  const std::uint8_t* x = images.data<std::uint8_t>();
  std::uint8_t* const out = result.mutable_data<std::uint8_t>();
  for (std::int64_t n = 0; n < images.dim(0); ++n) {
    for (std::int64_t y = 0; y < ih; ++y, x += iw * channels) {
      std::copy_n(x, iw * channels, out + ((n * height + top + y) * width + left) * channels);
    }
  }
  return result;
}

Tensor adapted(const Tensor& images, const AdaptOptions& options) {
  const std::int64_t height = options.height > 0 ? options.height : images.dim(1);
  const std::int64_t width = options.width > 0 ? options.width : images.dim(2);
  const Tensor shrunk = resize_image(images, std::min(height, images.dim(1)), std::min(width, images.dim(2)));
  return centred(convert_channels(shrunk, options.channels > 0 ? options.channels : images.dim(3)), height,
                 width);
}

}  // namespace

Split adapt(const Split& split, const AdaptOptions& options) {
  NOYAU_CHECK(!split.train.empty(), "adapt: there are no training images");
  DataInfo info = split.train.info();
  const Tensor images = adapted(split.train.images(), options);
  if (images.shape() == split.train.images().shape()) return split;
  info.note += message(info.note.empty() ? "" : "; ", "brought from ", info.height, " x ", info.width, " x ",
                       info.channels, " to ", images.dim(1), " x ", images.dim(2), " x ", images.dim(3));
  info.mean.clear();
  info.deviation.clear();
  Split result;
  result.train = Dataset(images, split.train.labels(), info);
  const auto follow = [&](const Dataset& part) {
    return part.empty() ? part : Dataset(adapted(part.images(), options), part.labels(), result.train.info());
  };
  result.validation = follow(split.validation);
  result.test = follow(split.test);
  return result;
}

}  // namespace noyau::inline v0
