#pragma once
// Data and networks whose inside is known.
#include "noyau/noyau.h"

// `n` grey images [1, 2] of two classes, by turns: the first pixel is 200 for class 1 and 0 for class 0, the second is noise.
inline noyau::Dataset two_pixels(std::int64_t n) {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  noyau::Generator generator(7);
  for (std::int64_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % 2));
    pixels.push_back(i % 2 == 1 ? 200 : 0);
    pixels.push_back(static_cast<std::uint8_t>(generator.below(256)));
  }
  noyau::DataInfo info{.name = "pixels", .classes = {"dark", "bright"}};
  info.mean = {0};
  info.deviation = {1};
  return {noyau::from_vector(pixels, {n, 1, 2, 1}), noyau::from_vector(labels, {n}), info};
}

inline void set(const noyau::Tensor& tensor, const std::vector<float>& values) {
  tensor.copy_from(noyau::from_vector(values, tensor.shape()));
}

// Two pixels to two logits through five units: 0 the first pixel, 1 the second, 2 three times the first, 3 nothing,
// 4 the sum of both. The logits read unit 0 alone.
inline noyau::Sequential planted_network() {
  noyau::Sequential net(noyau::Flatten(), noyau::named("hidden", noyau::Dense(2, 5)), noyau::Relu(),
                        noyau::named("logits", noyau::Dense(5, 2)));
  set(net.at<noyau::Dense>("hidden").kernel, {1, 0, 3, 0, 1, 0, 1, 0, 0, 1});
  set(net.at<noyau::Dense>("hidden").bias, {0, 0, 0, -1, 0});
  set(net.at<noyau::Dense>("logits").kernel, {0, 2, 0, 0, 0, 0, 0, 0, 0, 0});
  set(net.at<noyau::Dense>("logits").bias, {0.5, 0});
  return net;
}
