#include <algorithm>
#include <cmath>

#include "noyau/image.h"

namespace noyau::inline v0 {
namespace {

// What one pixel of the result is made of along an axis: in[first + k] with weights[k], which sum to 1.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

// In units of 1/out of a pixel, result i covers [i * in, (i + 1) * in) and pixel p [p * out, (p + 1) * out).
Taps area_taps(std::int64_t i, std::int64_t in, std::int64_t out) {
  Taps taps{i * in / out, {}};
  for (std::int64_t p = taps.first; p * out < (i + 1) * in; ++p) {
    const std::int64_t overlap = std::min((i + 1) * in, (p + 1) * out) - std::max(i * in, p * out);
    taps.weights.push_back(static_cast<float>(overlap) / static_cast<float>(in));
  }
  return taps;
}

Taps bilinear_taps(std::int64_t i, std::int64_t in, std::int64_t out) {
  const double place =
      (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
  const double inside = std::clamp(place, 0.0, static_cast<double>(in - 1));
  const auto first = std::min(static_cast<std::int64_t>(inside), std::max<std::int64_t>(in - 2, 0));
  const auto second = static_cast<float>(inside - static_cast<double>(first));
  return in == 1 ? Taps{0, {1}} : Taps{first, {1 - second, second}};
}

std::vector<Taps> axis_taps(std::int64_t in, std::int64_t out, Resample how) {
  std::vector<Taps> taps;
  for (std::int64_t i = 0; i < out; ++i) {
    if (how == Resample::area) taps.push_back(area_taps(i, in, out));
    if (how == Resample::bilinear) taps.push_back(bilinear_taps(i, in, out));
    if (how == Resample::nearest) taps.push_back({(2 * i + 1) * in / (2 * out), {1}});
  }
  return taps;
}

// out[j, i] = sum over k of x[j, first_i + k] * weight, for items of `inner` values; x [outer, in, inner].
template <class T>
std::vector<float> resize_axis(const T* x, std::int64_t outer, std::int64_t in, std::int64_t inner,
                               const std::vector<Taps>& taps) {
  std::vector<float> result(static_cast<std::size_t>(outer * inner) * taps.size());
  float* out = result.data();
  for (std::int64_t j = 0; j < outer; ++j) {
    for (const Taps& tap : taps) {
      for (std::size_t k = 0; k < tap.weights.size(); ++k) {
        const T* const from = x + (j * in + tap.first + static_cast<std::int64_t>(k)) * inner;
        for (std::int64_t i = 0; i < inner; ++i) out[i] += tap.weights[k] * static_cast<float>(from[i]);
      }
      out += inner;
    }
  }
  return result;
}

}  // namespace

Tensor resize_image(const Tensor& image, std::int64_t height, std::int64_t width, Resample how) {
  NOYAU_CHECK(image.defined() && image.dtype() == Dtype::u8 && (image.rank() == 3 || image.rank() == 4) &&
                  image.size() > 0,
              "resize_image: expected u8 [h, w, c] or [n, h, w, c], got ", image);
  NOYAU_CHECK(height > 0 && width > 0, "resize_image: to ", height, " x ", width, " pixels");
  const std::int64_t ih = image.dim(-3), iw = image.dim(-2), channels = image.dim(-1);
  if (ih == height && iw == width) return image;
  const std::int64_t count = image.size() / (ih * iw * channels);
  const std::vector<Taps> columns = axis_taps(iw, width, how), rows = axis_taps(ih, height, how);
  Shape shape = image.shape();
  shape[shape.rank() - 3] = height;
  shape[shape.rank() - 2] = width;
  const Tensor result = empty(shape, {Dtype::u8});
  std::uint8_t* out = result.mutable_data<std::uint8_t>();
  for (std::int64_t n = 0; n < count; ++n) {
    const std::vector<float> narrow =
        resize_axis(image.data<std::uint8_t>() + n * ih * iw * channels, ih, iw, channels, columns);
    for (const float value : resize_axis(narrow.data(), 1, ih, width * channels, rows)) {
      *out++ = static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
    }
  }
  return result;
}

}  // namespace noyau::inline v0
