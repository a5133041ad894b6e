#include "catch2.h"
#include "noyau/noyau.h"

namespace ny = noyau;
namespace in = noyau::inspect;

namespace {

ny::DataInfo format(std::int64_t channels) {
  ny::DataInfo info{.height = 12, .width = 10, .channels = channels};
  info.mean.assign(static_cast<std::size_t>(channels), 0.5);
  info.deviation.assign(static_cast<std::size_t>(channels), 0.25);
  return info;
}

// Unit 0 is the redness of the image, unit 1 its darkness, unit 2 vertical stripes, unit 3 is silent on grey.
ny::Sequential colour_network() {
  ny::Sequential net(ny::Conv2d(3, 4, {1, 3}), ny::Relu());
  net.at<ny::Conv2d>("conv2d").kernel.tensor().copy_from(
      ny::transpose(ny::reshape(ny::tensor({0,  0,  0,  1,  -1, -1, 0,  0,  0,   //
                                            0,  0,  0,  -1, -1, -1, 0,  0,  0,   //
                                            -1, -1, -1, 2,  2,  2,  -1, -1, -1,  //
                                            0,  0,  0,  1,  1,  1,  0,  0,  0}),
                                {4, 1, 3, 3}),
                    {1, 2, 3, 0}));
  net.at<ny::Conv2d>("conv2d").bias.tensor().copy_from(ny::tensor({1, 1, 0, -2}));
  return net;
}

double mean_of(const ny::Tensor& images, std::int64_t image, std::int64_t channel) {
  return ny::mean(ny::slice(images.to(ny::Dtype::f32)[image], 2, channel, channel + 1)).item<double>();
}

}  // namespace

TEST_CASE("maximisation finds the planted colours", "[fast][inspect]") {
  ny::Sequential net = colour_network();
  const std::vector<std::int64_t> units{0, 1, 2, 3};
  const in::Maximised result = in::maximise(net, format(3), "relu", units, {.steps = 100, .rate = 0.3});
  REQUIRE(result.images.shape() == ny::Shape{4, 12, 10, 3});
  CHECK(mean_of(result.images, 0, 0) > 150);
  CHECK(mean_of(result.images, 0, 1) < 60);
  CHECK(mean_of(result.images, 1, 1) < 40);
  for (std::size_t u = 0; u < 4; ++u) CHECK(result.value[u] > result.start[u] + 0.2);
  CHECK(net.training());
  for (const ny::Tensor& parameter : net.parameters()) CHECK(!parameter.grad().defined());
}

TEST_CASE("maximisation depends on seed and unit, not on threads or the units beside", "[fast][inspect]") {
  ny::Sequential net = colour_network();
  const std::vector<std::int64_t> units{0, 2}, other{2};
  const in::MaximiseOptions options{.steps = 10, .seed = 3};
  const in::Maximised both = in::maximise(net, format(3), "relu", units, options);
  const int threads = ny::num_threads();
  ny::set_num_threads(3);
  CHECK(equal(in::maximise(net, format(3), "relu", units, options).images, both.images));
  ny::set_num_threads(threads);
  CHECK(equal(in::maximise(net, format(3), "relu", other, options).images[0], both.images[1]));
  CHECK(!equal(in::maximise(net, format(3), "relu", units, {.steps = 10, .seed = 4}).images, both.images));
}

TEST_CASE("the pixel canvas follows the score and is held by its penalties", "[fast][inspect]") {
  ny::Sequential net = colour_network();
  const std::vector<std::int64_t> units{0};
  in::MaximiseOptions options{.canvas = in::Canvas::pixels, .steps = 150, .total_variation = 0, .norm = 0};
  const in::Maximised free = in::maximise(net, format(3), "conv2d", units, options);
  CHECK(free.value[0] > free.start[0]);
  options.norm = 100;  // all pixels are worth more dark
  const in::Maximised dark = in::maximise(net, format(3), "conv2d", units, options);
  CHECK(mean_of(dark.images, 0, 0) < mean_of(free.images, 0, 0));
}

TEST_CASE("the middle position alone may be maximised, of grey images too", "[fast][inspect]") {
  ny::seed(3);
  ny::Sequential net(ny::Conv2d(1, 2, 3), ny::Flatten(), ny::Dense(12 * 10 * 2, 3));
  const std::vector<std::int64_t> units{1};
  const in::Maximised centre =
      in::maximise(net, format(1), "conv2d", units, {.goal = in::Goal::centre, .steps = 30});
  CHECK(centre.images.shape() == ny::Shape{1, 12, 10, 1});
  CHECK(centre.value[0] > centre.start[0]);
  const in::Maximised logit = in::maximise(net, format(1), "output", units, {.steps = 30});
  CHECK(logit.value[0] > logit.start[0]);
}

TEST_CASE("bad requests of maximisation are answered", "[fast][inspect]") {
  ny::Sequential net = colour_network();
  const std::vector<std::int64_t> none, far{4}, first{0};
  CHECK_THROWS_WITH(in::maximise(net, format(3), "relu", none), ContainsSubstring("no units"));
  CHECK_THROWS_WITH(in::maximise(net, format(3), "relu", far), ContainsSubstring("unit 4 of layer 'relu'"));
  CHECK_THROWS_WITH(in::maximise(net, format(3), "reluu", first), ContainsSubstring("did you mean 'relu'?"));
  CHECK_THROWS_WITH(in::maximise(net, {}, "relu", first),
                    ContainsSubstring("size of the images is not known"));
  CHECK_THROWS_WITH(in::maximise(net, format(3), "relu", first, {}, ny::ones({1, 1})),
                    ContainsSubstring("colours are [1, 1]"));
}

TEST_CASE("the colour basis is the root of the covariance", "[fast][inspect]") {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 100; ++i) {
    const auto brightness = static_cast<std::uint8_t>(2 * i);
    pixels.insert(pixels.end(), {brightness, brightness, 100});
  }
  const ny::Tensor basis = in::colour_basis(ny::from_vector(pixels, {1, 10, 10, 3}));
  const ny::Tensor covariance = ny::matmul(basis, ny::transpose(basis));
  CHECK(all_close(covariance, ny::reshape(ny::tensor({0.5, 0.5, 0, 0.5, 0.5, 0, 0, 0, 0}), {3, 3}), 1e-5,
                  1e-5));
  CHECK(equal(in::colour_basis(ny::zeros({1, 2, 2, 1}, {ny::Dtype::u8})), ny::ones({1, 1})));
}
