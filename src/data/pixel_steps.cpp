#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/pipeline.h"

namespace noyau::inline v0 {
namespace {

double between(double low, double high, Generator& generator) {
  return low + (high - low) * generator.uniform();
}

// Luma of ITU-R BT.601.
float luma(const float* rgb) { return 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2]; }

// value becomes anchor + factor * (value - anchor), within [0, 255].
float stretched(float value, float anchor, float factor) {
  return std::clamp(anchor + factor * (value - anchor), 0.0F, 255.0F);
}

float mean_luma(const Pixels& pixels) {
  double sum = 0;
  for (std::size_t i = 0; i < pixels.values.size(); i += static_cast<std::size_t>(pixels.channels)) {
    sum += pixels.channels == 3 ? luma(&pixels.values[i]) : pixels.values[i];
  }
  return static_cast<float>(sum / static_cast<double>(pixels.height * pixels.width));
}

// A rotation about the grey axis of the colour cube by `angle`, which keeps luma nearly and hue differences exactly.
std::array<float, 3> turned(const float* rgb, float cosine, float sine) {
  const float third = (1 - cosine) / 3, root = sine * std::numbers::inv_sqrt3_v<float>;
  const float r = rgb[0], g = rgb[1], b = rgb[2];
  return {(cosine + third) * r + (third - root) * g + (third + root) * b,
          (third + root) * r + (cosine + third) * g + (third - root) * b,
          (third - root) * r + (third + root) * g + (cosine + third) * b};
}

void turn_hue(const Pixels& pixels, double turns) {
  const auto cosine = static_cast<float>(std::cos(2 * std::numbers::pi * turns));
  const auto sine = static_cast<float>(std::sin(2 * std::numbers::pi * turns));
  for (std::size_t i = 0; i < pixels.values.size(); i += 3) {
    const std::array<float, 3> rgb = turned(&pixels.values[i], cosine, sine);
    for (std::size_t c = 0; c < 3; ++c) pixels.values[i + c] = std::clamp(rgb[c], 0.0F, 255.0F);
  }
}

// Bilinear value of `image` at (y, x); outside it is black.
void sample(const std::vector<float>& image, const Pixels& size, float y, float x, float* out) {
  const float floor_y = std::floor(y), floor_x = std::floor(x);
  const auto top = static_cast<std::int64_t>(floor_y), left = static_cast<std::int64_t>(floor_x);
  const float down = y - floor_y, right = x - floor_x;
  std::fill_n(out, size.channels, 0.0F);
  for (std::int64_t dy = 0; dy < 2; ++dy) {
    for (std::int64_t dx = 0; dx < 2; ++dx) {
      const std::int64_t iy = top + dy, ix = left + dx;
      if (iy < 0 || iy >= size.height || ix < 0 || ix >= size.width) continue;
      const float weight = (dy == 1 ? down : 1 - down) * (dx == 1 ? right : 1 - right);
      const float* const pixel = image.data() + (iy * size.width + ix) * size.channels;
      for (std::int64_t c = 0; c < size.channels; ++c) out[c] += weight * pixel[c];
    }
  }
}

// Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000.
double gamma_variate(double shape, Generator& generator) {
  if (shape < 1) return gamma_variate(shape + 1, generator) * std::pow(1 - generator.uniform(), 1 / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = generator.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - generator.uniform()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace

void jitter_color(const Augment::Step& step, const Pixels& pixels, Generator& generator) {
  const auto factor = [&](double reach) {
    return static_cast<float>(between(1 - reach, 1 + reach, generator));
  };
  const float brightness = factor(step.values[0]), contrast = factor(step.values[1]),
              saturation = factor(step.values[2]);
  const double turns = between(-step.values[3], step.values[3], generator);
  for (float& value : pixels.values) value = stretched(value, 0, brightness);
  const float anchor = mean_luma(pixels);
  for (float& value : pixels.values) value = stretched(value, anchor, contrast);
  if (pixels.channels != 3) return;
  for (std::size_t i = 0; i < pixels.values.size(); i += 3) {
    const float grey = luma(&pixels.values[i]);
    for (std::size_t c = 0; c < 3; ++c)
      pixels.values[i + c] = stretched(pixels.values[i + c], grey, saturation);
  }
  if (step.values[3] > 0) turn_hue(pixels, turns);
}

// out(p) = in(centre + M^-1 (p - centre)) with M = scale * rotation * shear.
void warp_affine(const Augment::Step& step, const Pixels& pixels, std::vector<float>& scratch,
                 Generator& generator) {
  const double radians = std::numbers::pi / 180;
  const double angle = between(-step.values[0], step.values[0], generator) * radians;
  const double scale = between(step.values[1], step.values[2], generator);
  const double shear = std::tan(between(-step.values[3], step.values[3], generator) * radians);
  const auto cosine = static_cast<float>(std::cos(angle) / scale),
             sine = static_cast<float>(std::sin(angle) / scale);
  const auto slant = static_cast<float>(shear);
  const float centre_y = static_cast<float>(pixels.height - 1) / 2,
              centre_x = static_cast<float>(pixels.width - 1) / 2;
  scratch.assign(pixels.values.begin(), pixels.values.end());
  float* out = pixels.values.data();
  for (std::int64_t y = 0; y < pixels.height; ++y) {
    for (std::int64_t x = 0; x < pixels.width; ++x, out += pixels.channels) {
      const float dy = static_cast<float>(y) - centre_y, dx = static_cast<float>(x) - centre_x;
      const float turned_x = cosine * dx + sine * dy, turned_y = cosine * dy - sine * dx;
      sample(scratch, pixels, centre_y + turned_y, centre_x + turned_x - slant * turned_y, out);
    }
  }
}

double symmetric_beta(double alpha, Generator& generator) {
  const double a = gamma_variate(alpha, generator), b = gamma_variate(alpha, generator);
  return a + b > 0 ? a / (a + b) : generator.uniform() < 0.5 ? 0.0 : 1.0;
}

}  // namespace noyau::inline v0
