#include <cmath>

#include "catch2.h"
#include "noyau/noyau.h"

namespace ny = noyau;
namespace in = noyau::inspect;

namespace {

// A kernel [3, 3, c, 1] with `weights` for the taps, times `colour` for the channels.
ny::Tensor kernel(const std::vector<float>& weights, const std::vector<float>& colour) {
  std::vector<float> values;
  for (const float weight : weights)
    for (const float channel : colour) values.push_back(weight * channel);
  return ny::from_vector(values, {3, 3, static_cast<std::int64_t>(colour.size()), 1});
}

const std::vector<float> kAcross{-1, 0, 1, -1, 0, 1, -1, 0, 1};  // changes from left to right
const std::vector<float> kDown{-1, -1, -1, 0, 0, 0, 1, 1, 1};
const std::vector<float> kRising{0, 1, 1, -1, 0, 1, -1, -1, 0};  // stripes run from top left to bottom right
const std::vector<float> kSpot(9, 1);

}  // namespace

TEST_CASE("brightness and opponent colours are told apart", "[fast][inspect]") {
  const in::FilterType grey = in::filter_types(kernel(kAcross, {1, 1, 1}))[0];
  CHECK(grey.opponency == Approx(0).margin(1e-6));
  CHECK(grey.separable == Approx(1));
  CHECK(in::filter_types(kernel(kSpot, {1, -1, 0}))[0].opponency == Approx(1));
  CHECK(in::filter_types(kernel(kSpot, {1, 0, 0}))[0].opponency == Approx(1 - 1 / std::sqrt(3.0)));
  CHECK(in::filter_types(kernel(kSpot, {1}))[0].opponency == 0);
}

TEST_CASE("orientation and frequency of planted filters", "[fast][inspect]") {
  const in::FilterType across = in::filter_types(kernel(kAcross, {1, 1, 1}))[0];
  CHECK(across.orientation == Approx(90));                   // vertical stripes
  CHECK(across.frequency == Approx(0.25).margin(1.0 / 64));  // -1 0 1 is largest at four pixels a cycle
  CHECK(across.directed == Approx(1).margin(1e-6));
  const in::FilterType down = in::filter_types(kernel(kDown, {1, 1, 1}))[0];
  CHECK(down.orientation == Approx(0).margin(1e-6));
  CHECK(in::filter_types(kernel(kRising, {1, 1, 1}))[0].orientation == Approx(135).margin(5));
  const in::FilterType spot = in::filter_types(kernel(kSpot, {1, 1, 1}))[0];
  CHECK(spot.frequency == 0);
  CHECK(spot.directed == 0);
}

TEST_CASE("pictures of filters keep 0 at mid-grey", "[fast][inspect]") {
  const ny::Tensor images = in::filter_images(kernel(kAcross, {1, 0.5F, 0}));
  REQUIRE(images.shape() == ny::Shape{1, 3, 3, 3});
  const std::vector<std::uint8_t> values = images.to_vector<std::uint8_t>();
  CHECK(values[0] == 0);
  CHECK(values[1] == 64);
  CHECK(values[2] == 128);
  CHECK(values[6] == 255);
  CHECK_THROWS_WITH(in::filter_images(ny::zeros({3, 3, 8, 2})), ContainsSubstring("filters of 8 channels"));
  CHECK_THROWS_WITH(in::filter_types(ny::zeros({8, 2})),
                    ContainsSubstring("kernel must be [kh, kw, c, filters]"));
}

TEST_CASE("receptive fields are where the gradient of a cell is", "[fast][inspect]") {
  ny::seed(4);
  ny::Sequential net(ny::Conv2d(1, 2, 3, {.padding = ny::Padding::valid()}), ny::MaxPool(2),
                     ny::Conv2d(2, 2, 3, {.stride = 2}), ny::named("last", ny::Conv2d(2, 1, 2)));
  const in::ReceptiveField field = in::receptive_field(net, {22, 22, 1}, "last");
  const ny::Tensor x = ny::uniform({1, 22, 22, 1}, 0, 1).set_requires_grad(true);
  const ny::Tensor y = net(x);  // [1, 5, 5, 1]
  const ny::Tensor middle = ny::slice(ny::slice(y, 1, 2, 3), 2, 1, 2);
  const ny::Tensor reach = grad(ny::sum(middle), {x})[0];
  double top = 22, bottom = -1, left = 22, right = -1;
  for (int i = 0; i < 22; ++i) {
    for (int j = 0; j < 22; ++j) {
      if (reach.data<float>()[i * 22 + j] == 0) continue;
      top = std::min<double>(top, i), bottom = std::max<double>(bottom, i);
      left = std::min<double>(left, j), right = std::max<double>(right, j);
    }
  }
  const double row = field.centre[0] + 2 * field.step[0], column = field.centre[1] + field.step[1];
  CHECK(top >= row - field.size[0] / 2);
  CHECK(bottom <= row + field.size[0] / 2);
  CHECK(left >= column - field.size[1] / 2);
  CHECK(right <= column + field.size[1] / 2);
  CHECK(bottom - top >= field.size[0] - 2);  // a maximum hides a cell of its window on either side
  CHECK(right - left >= field.size[1] - 2);
  CHECK_THROWS_WITH(in::receptive_field(net, {22, 22, 1}, "lost"),
                    ContainsSubstring("there is no layer 'lost'"));
}

TEST_CASE("top patches hold what the unit looks for", "[fast][inspect]") {
  const std::int64_t n = 20;  // image i has a spot of brightness 10 i at row i % 5, column i % 6
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(n * 8 * 8));
  for (std::int64_t i = 0; i < n; ++i)
    pixels[static_cast<std::size_t>((i * 8 + i % 5) * 8 + i % 6)] = static_cast<std::uint8_t>(10 * i);
  ny::DataInfo info{.classes = {"spot"}};
  info.mean = {0};
  info.deviation = {1};
  const ny::Dataset data(ny::from_vector(pixels, {n, 8, 8, 1}), ny::zeros({n}, {ny::Dtype::i32}), info);
  ny::Sequential net(ny::Conv2d(1, 1, 3, {.bias = false}));
  net.at<ny::Conv2d>("conv2d").kernel.tensor().copy_from(
      ny::reshape(ny::tensor({0, 0, 0, 0, 1, 0, 0, 0, 0}), {3, 3, 1, 1}));
  const in::LayerOutputs outputs = in::measure_outputs(net, data, {"conv2d"})[0];
  const in::ReceptiveField field = in::receptive_field(net, {8, 8, 1}, "conv2d");
  const std::vector<in::Patch> top = in::patches(outputs, 0, field, 8, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].image == 19);
  CHECK(top[1].image == 18);
  CHECK(top[0].top == 19 % 5 - 1);
  CHECK(top[0].left == 19 % 6 - 1);
  const ny::Tensor cuts = in::cut(data.images(), top);
  REQUIRE(cuts.shape() == ny::Shape{3, 3, 3, 1});
  CHECK(cuts.data<std::uint8_t>()[4] == 190);
  CHECK(cuts.data<std::uint8_t>()[9 + 4] == 180);
  CHECK(cuts.data<std::uint8_t>()[9] == 128);  // image 18 has its spot in column 0
  const std::vector<in::Patch> deciles = in::patches(outputs, 0, field, 8, 3, in::Pick::deciles);
  CHECK(deciles[0].image == 19);
  CHECK(deciles[1].image == 10);
  CHECK(deciles[2].image == 0);
  CHECK_THROWS_WITH(in::patches(outputs, 1, field, 8),
                    ContainsSubstring("unit 1 of layer 'conv2d' is out of range"));
}
