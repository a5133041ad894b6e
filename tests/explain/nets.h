#pragma once
// Small networks of which the right explanation is known.
#include "noyau/explain.h"

// Standard normal images that depend on `seed` alone.
inline noyau::Tensor random_images(const noyau::Shape& shape, std::uint64_t seed,
                                   noyau::Dtype dtype = noyau::Dtype::f32) {
  noyau::Generator generator(seed);
  return noyau::normal(shape, 0, 1, {dtype}, generator);
}

// conv - batch norm - relu - pool - conv - relu "last" and a head, with random weights and moving averages.
inline noyau::Sequential random_net(noyau::AnyLayer pool, std::int64_t features, std::uint64_t seed = 1) {
  noyau::seed(seed);
  noyau::Sequential net(noyau::Conv2d(3, 6, 3), noyau::BatchNorm(6), noyau::Relu(), noyau::MaxPool(2),
                        noyau::Conv2d(6, 8, 3), noyau::named("last", noyau::Relu()),
                        noyau::named("pool", std::move(pool)),
                        noyau::named("head", noyau::Dense(features, 5)));
  for (const noyau::NamedTensor& t : net.state()) {
    if (t.name.ends_with("moving_variance")) t.tensor.copy_from(noyau::uniform(t.tensor.shape(), 0.5, 2));
    if (t.name.ends_with("moving_mean") || t.name.ends_with("bias") || t.name.ends_with("beta"))
      t.tensor.copy_from(noyau::normal(t.tensor.shape(), 0, 0.3));
  }
  return net;
}
inline noyau::Sequential gap_net(std::uint64_t seed = 1) {
  return random_net(noyau::GlobalAveragePool(), 8, seed);
}
inline noyau::Sequential flatten_net(std::uint64_t seed = 1) {
  return random_net(noyau::Flatten(), 8 * 4 * 4, seed);  // for images 8 x 8
}

// Class 0 counts red squares of 2 x 2, class 1 blue ones: hand-set weights, images [n, h, w, 3] in [0, 1].
inline noyau::Sequential planted_net() {
  noyau::Sequential net(noyau::Conv2d(3, 2, 2), noyau::named("last", noyau::Relu()), noyau::GlobalMaxPool(),
                        noyau::Dense(2, 2));
  std::vector<float> kernel;
  for (int tap = 0; tap < 4; ++tap) kernel.insert(kernel.end(), {1, -1, -1, -1, -1, 1});
  net.at<noyau::Conv2d>("conv2d").kernel = noyau::Parameter(noyau::from_vector(kernel, {2, 2, 3, 2}));
  net.at<noyau::Conv2d>("conv2d").bias = noyau::Parameter(noyau::full({2}, -3));
  net.at<noyau::Dense>("dense").kernel =
      noyau::Parameter(noyau::from_vector(std::vector<float>{1, 0, 0, 1}, {2, 2}));
  return net;
}

// A grey image with some noise, a red square at (row, column) and a blue one at (blue_row, blue_column).
inline noyau::Tensor planted_image(std::int64_t row, std::int64_t column, std::int64_t blue_row,
                                   std::int64_t blue_column, std::int64_t size = 12) {
  noyau::Generator generator(7);
  const noyau::Tensor x = noyau::uniform({1, size, size, 3}, 0.4, 0.6, {}, generator);
  float* const pixels = x.mutable_data<float>();
  const auto paint = [&](std::int64_t top, std::int64_t left, int colour) {
    for (std::int64_t i = 0; i < 4; ++i) {
      for (int c = 0; c < 3; ++c)
        pixels[((top + i / 2) * size + left + i % 2) * 3 + c] = c == colour ? 1.F : 0.F;
    }
  };
  paint(row, column, 0);
  paint(blue_row, blue_column, 2);
  return x;
}

// Row and column of the largest value of a map [1, h, w], in an image of `size`.
inline std::pair<std::int64_t, std::int64_t> peak(const noyau::Tensor& map, std::int64_t size) {
  const std::int64_t at = argmax(reshape(map, {1, -1})).item<std::int64_t>();
  return {at / map.dim(2) * size / map.dim(1), at % map.dim(2) * size / map.dim(2)};
}
