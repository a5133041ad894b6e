#include <limits>

#include "catch2.h"
#include "each_isa.h"
#include "noyau/optim.h"
#include "noyau/profile.h"
#include "noyau/sequential.h"
#include "noyau/testing.h"

namespace ny = noyau;
using ny::Tensor;

namespace {

ny::Conv2d convolution(std::int64_t in, std::int64_t out, ny::Size2 window,
                       const ny::Conv2dLayerOptions& options) {
  ny::Conv2d layer(in, out, window, options);
  if (layer.bias.defined()) layer.bias.tensor().copy_from(ny::normal({out}, 0, 1));
  return layer;
}

struct Case {
  const char* why;
  ny::Size2 window;
  std::int64_t channels;
  ny::Conv2dLayerOptions options;
};

// Odd sizes, so that tiles and vectors have tails.
std::vector<Case> cases() {
  return {{"tiles of 4x4", 3, 37, {.algorithm = ny::ConvAlgorithm::winograd4}},
          {"tiles of 2x2, no bias", 3, 24, {.bias = false, .algorithm = ny::ConvAlgorithm::winograd2}},
          {"the sum itself", 3, 35, {.algorithm = ny::ConvAlgorithm::exact}},
          {"a product", 1, 21, {}},
          {"each channel by itself", 3, 19, {.groups = 19}},
          {"groups", 3, 18, {.groups = 2}}};
}

Tensor without_fusion(const ny::Sequential& net, const Tensor& x) {
  ny::set_fusion(false);
  const Tensor y = net(x);
  ny::set_fusion(true);
  return y;
}

std::vector<std::string> ops_of(const ny::Sequential& net, const Tensor& x) {
  ny::Profile profile;
  net(x);
  profile.stop();
  std::vector<std::string> names;
  for (const ny::ProfileRow& row : profile.rows()) names.push_back(row.name);
  return names;
}

}  // namespace

TEST_CASE("off the tape a convolution ends with its ReLU and the sum of a residual, on every instruction set",
          "[fast]") {
  ny::seed(1);
  const ny::NoGrad off;
  ny::testing::for_each_isa([&](std::string_view isa) {
    for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
      for (const Case& c : cases()) {
        INFO(isa << ' ' << ny::message(dtype) << ' ' << c.why);
        const auto layer = [&] { return convolution(c.channels, c.channels, c.window, c.options); };
        ny::Sequential net(
            layer(), ny::Relu(),
            ny::Residual(ny::Sequential(layer(), ny::Relu(), layer()), {.activation = ny::Activation::relu}),
            ny::Residual(ny::Sequential(layer()), ny::Sequential(layer()),
                         {.activation = ny::Activation::none}));
        net.to(dtype);
        const Tensor x = ny::normal({2, 7, 9, c.channels}, 0, 1, {dtype});
        CHECK(equal(net(x), without_fusion(net, x)));
        CHECK(ops_of(net, x) == std::vector<std::string>{"conv2d"});
      }
    }
  });
}

TEST_CASE("a convolution that ends with a ReLU keeps not-a-number and drops what is below zero", "[fast]") {
  const ny::NoGrad off;
  const double infinity = std::numeric_limits<double>::infinity();
  for (const ny::ConvAlgorithm algorithm : {ny::ConvAlgorithm::exact, ny::ConvAlgorithm::winograd4}) {
    ny::Sequential net(ny::Conv2d(1, 2, 3, {.algorithm = algorithm}), ny::Relu());
    net.at<ny::Conv2d>("conv2d").bias.tensor().copy_from(
        ny::tensor({-infinity, std::numeric_limits<double>::quiet_NaN()}));
    const std::vector<float> y = net(ny::ones({1, 4, 4, 1})).to_vector<float>();
    for (std::size_t i = 0; i < y.size(); i += 2) {
      REQUIRE(y[i] == 0);
      REQUIRE(y[i + 1] != y[i + 1]);
    }
  }
}

TEST_CASE("what cannot be a convolution's last write runs by itself", "[fast]") {
  ny::seed(1);
  const ny::Sequential net(
      ny::Conv2d(3, 8, 3), ny::Relu(),
      ny::Residual(ny::Sequential(ny::Conv2d(8, 8, 3)),
                   ny::Sequential(ny::GlobalAveragePool(), ny::named("square", [](const Tensor& x) {
                                    return reshape(x, {x.dim(0), 1, 1, x.dim(-1)});
                                  }))));
  const Tensor x = ny::normal({2, 6, 6, 3}, 0, 1);
  const Tensor recorded = net(x);  // with gradients
  CHECK(grad(sum(recorded), {net.parameters()[0]})[0].size() == 3 * 3 * 3 * 8);
  const ny::NoGrad off;
  CHECK(equal(net(x), without_fusion(net, x)));  // a residual that is broadcast
  CHECK(equal(net(x), recorded));
  const auto [y, taps] = tap(net, x, {"conv2d"});
  CHECK(ny::min(taps[0]).item<double>() < 0);  // watched: its ReLU is apart
  CHECK(equal(y, recorded));
}

TEST_CASE("a user's own kind of convolution is not taken for a Conv2d", "[fast]") {
  struct Doubled : ny::Conv2d {
    using Conv2d::Conv2d;
    Tensor operator()(const Tensor& x) const { return Conv2d::operator()(x) * 2.0; }
  };
  const ny::NoGrad off;
  const ny::Sequential net(Doubled(2, 3, 3), ny::Relu());
  const Tensor x = ny::normal({1, 4, 4, 2}, 0, 1);
  CHECK(equal(net(x), without_fusion(net, x)));
}

namespace {

// The kernel's transform is kept: that the result follows the kernel is seen against the sum itself.
void check_follows(const Tensor& x, const Tensor& kernel) {
  const ny::NoGrad off;
  const auto conv = [&](ny::ConvAlgorithm algorithm) {
    return ny::conv2d(x, kernel, {}, {.algorithm = algorithm});
  };
  const Tensor exact = conv(ny::ConvAlgorithm::exact);
  for (int again = 0; again < 2; ++again) {
    CHECK(all_close(conv(ny::ConvAlgorithm::winograd4), exact, 1e-4, 1e-3));
    CHECK(all_close(conv(ny::ConvAlgorithm::winograd2), exact, 1e-4, 1e-3));
  }
}

}  // namespace

TEST_CASE("a convolution follows every way to write its kernel", "[fast]") {
  ny::seed(2);
  const Tensor x = ny::normal({2, 8, 8, 16}, 0, 1);
  const Tensor kernel = ny::normal({3, 3, 16, 16}, 0, 1).set_requires_grad(true);
  check_follows(x, kernel);
  kernel.copy_from(ny::normal(kernel.shape(), 0, 1));
  check_follows(x, kernel);
  kernel.mutable_data<float>()[7] = 50;
  check_follows(x, kernel);
  for (const bool decoupled : {false, true}) {
    ny::Sgd sgd({kernel}, {.rate = 0.1});
    ny::AdamW adam({kernel}, {.rate = 0.1});
    ny::Optimizer& optimizer = decoupled ? static_cast<ny::Optimizer&>(adam) : sgd;
    optimizer.minimize(sum(ny::conv2d(x, kernel)));
    check_follows(x, kernel);
  }
  ny::testing::for_each_isa([&](std::string_view) { check_follows(x, kernel); });
}

TEST_CASE("kernels that share a storage do not share their transforms", "[fast]") {
  ny::seed(3);
  const Tensor x = ny::normal({2, 8, 8, 16}, 0, 1);
  const Tensor kernels = ny::normal({2, 3, 3, 16, 16}, 0, 1);
  check_follows(x, kernels[0]);
  check_follows(x, kernels[1]);
  const Tensor wide = reshape(ny::slice(kernels, 0, 0, 1), {3, 3, 8, 32});
  check_follows(ny::normal({2, 8, 8, 8}, 0, 1), wide);
  check_follows(x, reshape(wide, {3, 3, 16, 16}));
}

TEST_CASE("an image alone has the output it has in a batch", "[fast]") {
  ny::seed(4);
  const ny::NoGrad off;
  const ny::Sequential net(ny::Conv2d(3, 24, 3), ny::Relu(), ny::Conv2d(24, 70, 3), ny::Relu());
  const Tensor x = ny::normal({40, 9, 9, 3}, 0, 1);
  const Tensor together = net(x);
  for (const std::int64_t n : {0, 39}) {
    CHECK(equal(net(ny::slice(x, 0, n, n + 1)), ny::slice(together, 0, n, n + 1)));
  }
}
