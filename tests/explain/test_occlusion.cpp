// Occlusion that computes only what a window reaches, against running the whole network.
#include "catch2.h"
#include "explain/nets.h"
#include "noyau/models.h"

namespace ny = noyau;

namespace {

double worst_difference(const ny::Sequential& net, const ny::Tensor& x, ny::OcclusionOptions options) {
  options.recompute = ny::Recompute::everything;
  const ny::Tensor whole = occlusion(net, x, options);
  options.recompute = ny::Recompute::reached;
  const ny::Tensor reached = occlusion(net, x, options);
  return (max(abs(whole - reached)) / max(abs(whole))).item<double>();
}

// Moving averages and biases away from where they begin.
void stir(ny::Sequential& net) {
  for (const ny::NamedTensor& t : net.state()) {
    if (t.name.ends_with("moving_variance")) t.tensor.copy_from(ny::uniform(t.tensor.shape(), 0.5, 2));
    if (t.name.ends_with("moving_mean") || t.name.ends_with("bias") || t.name.ends_with("beta")) {
      t.tensor.copy_from(ny::normal(t.tensor.shape(), 0, 0.3));
    }
  }
}

// Strides, dilation, groups, asymmetric padding, and a pool that leaves the map: the local part ends there.
ny::Sequential odd_net() {
  return ny::Sequential(ny::Conv2d(3, 6, {3, 2}, {.stride = {2, 1}, .padding = ny::Padding(2, 0, 0, 1)}),
                        ny::BatchNorm(6), ny::Gelu(), ny::Conv2d(6, 6, 3, {.dilation = 2, .groups = 3}),
                        ny::AveragePool(2, {.stride = ny::Size2(1)}),
                        ny::DepthwiseConv2d(6, 3, 2, {.stride = 2}), ny::Relu(),
                        ny::MaxPool(3, {.stride = ny::Size2(2), .padding = 1}), ny::Conv2d(12, 4, 3),
                        ny::GlobalAveragePool(), ny::Dense(4, 5));
}

ny::Sequential residual_net() {
  return ny::Sequential(
      ny::ConvBlock(3, 4, 3, {.pool = true, .dropout = 0.2}),
      ny::Residual(ny::Sequential(ny::ConvBlock(4, 4, 3), ny::Conv2d(4, 4, 3), ny::BatchNorm(4)),
                   {.activation = ny::Activation::relu}),
      ny::Residual(ny::Sequential(ny::Conv2d(4, 6, 3, {.stride = 2}), ny::BatchNorm(6)),
                   ny::Sequential(ny::Conv2d(4, 6, 1, {.stride = 2}))),
      ny::Sequential(ny::GlobalAveragePool(), ny::Dense(6, 5)));
}

}  // namespace

TEST_CASE("what a window reaches gives the same map as the whole network", "[fast][explain]") {
  const auto check = [](ny::Sequential net, std::int64_t h, std::int64_t w) {
    stir(net);
    net.to(ny::Dtype::f64);
    const ny::Tensor x = random_images({2, h, w, 3}, 3, ny::Dtype::f64);
    // A window that divides the image, one that is cut off at the border, a line, and the whole image.
    for (const auto& [window, stride] :
         {std::pair<ny::Size2, ny::Size2>{4, 2}, {3, 2}, {{1, 5}, {1, 3}}, {20, 7}}) {
      INFO("window " << ny::message(window) << " stride " << ny::message(stride));
      CHECK(worst_difference(net, x, {.window = window, .stride = stride}) < 1e-12);
    }
    const ny::OcclusionOptions other{.target = ny::Target::difference(1, 3),
                                     .score = ny::Score::probability,
                                     .baseline = ny::full({3}, 0.7, {ny::Dtype::f64})};
    CHECK(worst_difference(net, x, other) < 1e-12);
  };
  ny::seed(5);
  check(flatten_net(), 8, 8);
  check(odd_net(), 13, 10);
  check(residual_net(), 12, 9);
}

TEST_CASE("in f32 what a window reaches differs by rounding alone", "[fast][explain]") {
  ny::seed(6);
  ny::Sequential net = ny::make_model("reference", {.width_factor = 0.25});
  stir(net);
  net.train(false);
  CHECK(worst_difference(net, random_images({2, 32, 32, 3}, 4), {}) < 2e-5);
}

TEST_CASE("occlusion says why it cannot compute what a window reaches", "[fast][explain]") {
  const ny::Tensor x = random_images({1, 8, 8, 3}, 3);
  const ny::OcclusionOptions reached{.recompute = ny::Recompute::reached};
  const ny::Sequential dense(ny::Flatten(), ny::Dense(192, 3));
  CHECK_THROWS_WITH(occlusion(dense, x, reached),
                    ContainsSubstring("its first layer, flatten, sees all of the image at once"));
  const ny::Residual residual(ny::Sequential(ny::Flatten(), ny::Dense(192, 192), ny::Reshape({8, 8, 3})));
  CHECK_THROWS_WITH(occlusion(residual, x, reached), ContainsSubstring("the network is no Sequential"));
  CHECK(occlusion(dense, x).shape() == ny::Shape{1, 8, 8});
}
