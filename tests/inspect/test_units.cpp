#include <cmath>

#include "catch2.h"
#include "inspect/planted.h"

namespace ny = noyau;
namespace in = noyau::inspect;

TEST_CASE("unit layers are convolutions and dense layers with what follows them", "[fast][inspect]") {
  ny::seed(1);
  ny::Sequential net = ny::make_model("resnet20", {.width_factor = 0.25});
  const std::vector<std::string> layers = in::unit_layers(net, {32, 32, 3});
  REQUIRE(layers.size() == 22);
  CHECK(layers[0] == "relu");
  CHECK(layers[1] == "residual.relu");
  CHECK(layers[2] == "residual");  // the sum and its activation follow the second convolution
  CHECK(layers.back() == "logits");
  CHECK_THROWS_WITH(in::unit_layers(net, {32, 32}),
                    ContainsSubstring("images are [32, 32] but must be [h, w, c]"));
}

TEST_CASE("outputs are reduced by unit, the same for any batch and number of threads", "[fast][inspect]") {
  ny::seed(2);
  const ny::Dataset data = two_pixels(31);
  ny::Sequential net(ny::Conv2d(1, 3, {1, 3}), ny::Relu(), ny::Flatten(), ny::Dense(6, 2));
  const auto outputs = in::measure_outputs(net, data, {"input", "relu", "output"});
  REQUIRE(outputs.size() == 3);
  REQUIRE(net.training());
  REQUIRE(outputs[1].shape == ny::Shape{1, 2, 3});
  REQUIRE(outputs[1].cells == 1);  // one row has no grid of 2 x 2
  net.train(false);
  const ny::Tensor y = tap(net, ny::normalize(data.images(), data.info()), {"relu"}).taps[0];
  CHECK(all_close(outputs[1].mean, ny::mean(y, {1, 2}), 1e-5, 1e-6));
  CHECK(equal(outputs[1].peak, ny::max(y, {1, 2})));
  CHECK(equal(outputs[1].place, ny::argmax(ny::reshape(y, {31, 2, 3}), 1)));
  CHECK(all_close(outputs[1].features, outputs[1].mean));
  CHECK(outputs[1].rms == Approx(std::sqrt(ny::mean(y * y).item<double>())));
  CHECK(outputs[1].lowest == 0);
  CHECK(outputs[2].units() == 2);
  const int threads = ny::num_threads();
  ny::set_num_threads(3);
  const auto again = in::measure_outputs(net, data, {"input", "relu", "output"}, {.batch = 7});
  ny::set_num_threads(threads);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(equal(again[i].mean, outputs[i].mean));
    CHECK(again[i].rms == Approx(outputs[i].rms));
  }
}

TEST_CASE("features are means over a grid of cells", "[fast][inspect]") {
  std::vector<std::uint8_t> pixels(5 * 6);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  ny::DataInfo info{.classes = {"one"}};
  info.mean = {0};
  info.deviation = {1.0 / 255};
  const ny::Dataset data(ny::from_vector(pixels, {1, 5, 6, 1}), ny::zeros({1}, {ny::Dtype::i32}), info);
  ny::Sequential net;
  net.push_back(ny::Flatten());
  const auto outputs = in::measure_outputs(net, data, {"input"}, {.features = 4});
  REQUIRE(outputs[0].cells == 2);  // rows 0-2 and 3-4, columns 0-2 and 3-5
  CHECK(all_close(outputs[0].features, ny::reshape(ny::tensor({7, 10, 22, 25}), {1, 4})));
  CHECK(outputs[0].mean.item<double>() == Approx(14.5));
}

TEST_CASE("unknown layers are answered with those there are", "[fast][inspect]") {
  const ny::Dataset data = two_pixels(4);
  ny::Sequential net = planted_network();
  CHECK_THROWS_WITH(in::measure_outputs(net, data, {"hiden"}),
                    ContainsSubstring("unknown layer 'hiden'; did you mean 'hidden'?") &&
                        ContainsSubstring("input, output, flatten, hidden, relu, logits"));
  CHECK_THROWS_WITH(in::measure_outputs(net, data, {}), ContainsSubstring("no layers were named"));
  CHECK_THROWS_WITH(in::measure_outputs(net, {}, {"hidden"}), ContainsSubstring("the data set is empty"));
  CHECK_THROWS_AS(in::measure_outputs(net, data, {"hidden"}, {.stop = [] { return true; }}), ny::Stopped);
}

TEST_CASE("selectivity and information of planted units", "[fast][inspect]") {
  const ny::Dataset data = two_pixels(400);
  ny::Sequential net = planted_network();
  const auto hidden = in::measure_outputs(net, data, {"relu"})[0];
  const std::vector<in::Selectivity> units = in::selectivity(hidden.mean, data.labels(), 2);
  CHECK(units[0].index == Approx(1));  // silent for class 0
  CHECK(units[0].best_class == 1);
  CHECK(units[0].information == Approx(1));
  CHECK(units[1].index < 0.1);  // noise
  CHECK(units[1].information < 0.03);
  CHECK(units[3].index == 0);  // dead
  CHECK(units[3].information == 0);
  CHECK(units[4].index > units[1].index);
  CHECK(units[4].index < units[0].index);
}

TEST_CASE("class selectivity of given means", "[fast][inspect]") {
  const ny::Tensor values = ny::reshape(ny::tensor({3, -1, 1, 1, 2, 1}), {3, 2});
  const std::vector<in::Selectivity> units =
      in::selectivity(values, ny::from_vector(std::vector<std::int32_t>{0, 1, 2}, {3}), 3);
  CHECK(units[0].index == Approx((3 - 1.5) / (3 + 1.5)));
  CHECK(std::isnan(units[1].index));  // a negative mean
  CHECK_THROWS_WITH(in::selectivity(values, ny::zeros({2}, {ny::Dtype::i32}), 3),
                    ContainsSubstring("3 rows need as many labels"));
  CHECK_THROWS_WITH(in::selectivity(values, ny::full({3}, 3, {ny::Dtype::i32}), 3),
                    ContainsSubstring("label 3 is out of range for 3 classes"));
}

TEST_CASE("information is 1 for a copy of the label and near 0 for noise", "[fast][inspect]") {
  std::vector<float> copy, noise;
  std::vector<std::int32_t> labels;
  ny::Generator generator(3);
  for (int i = 0; i < 2000; ++i) {
    labels.push_back(i % 10);
    copy.push_back(static_cast<float>(i % 10));
    noise.push_back(static_cast<float>(generator.uniform()));
  }
  CHECK(in::information(copy, labels, 10) == Approx(1));
  CHECK(in::information(noise, labels, 10) < 0.01);
  CHECK(in::information(std::vector<float>(2000, 1.0F), labels, 10) == 0);
  CHECK_THROWS_WITH(in::information(noise, {}, 10), ContainsSubstring("2000 values and 0 labels"));
}

TEST_CASE("ablation finds the one unit that the logits read", "[fast][inspect]") {
  const ny::Dataset data = two_pixels(200);
  ny::Sequential net = planted_network();
  const in::AblationResult result = in::ablate(net, data, "relu");
  REQUIRE(result.units.size() == 5);
  CHECK(result.images == std::vector<std::int64_t>{100, 100});
  CHECK(result.right == std::vector<std::int64_t>{100, 100});
  CHECK(result.units[0].lost == std::vector<std::int64_t>{0, 100});  // all become dark
  CHECK(result.units[0].drop(200) == Approx(0.5));
  for (std::size_t u = 1; u < 5; ++u) CHECK(result.units[u].drop(200) == 0);
  const std::vector<in::CausalUnit> causal = in::causal_units(result);
  REQUIRE(causal.size() == 1);
  CHECK(causal[0].unit == 0);
  CHECK(causal[0].label == 1);
  CHECK(causal[0].drop == Approx(1));
  const in::AblationResult mean =
      in::ablate(net, data, "relu", {.ablation = in::Ablation::mean, .units = {0}});
  REQUIRE(mean.units.size() == 1);
  CHECK(mean.units[0].lost ==
        std::vector<std::int64_t>{100, 0});  // 2 * 100 / 255 is above 0.5: all become bright
  CHECK_THROWS_WITH(in::ablate(net, data, "relu", {.units = {5}}),
                    ContainsSubstring("unit 5 is out of range for 5 units"));
  CHECK_THROWS_WITH(in::ablate(net, data, "output"), ContainsSubstring("'output' is no layer"));
}

TEST_CASE("dead, duplicate and redundant units are told apart", "[fast][inspect]") {
  const ny::Dataset data = two_pixels(300);
  ny::Sequential net = planted_network();
  const in::Health health = in::health(in::measure_outputs(net, data, {"relu"})[0]);
  CHECK(health.dead == std::vector<std::int64_t>{3});
  REQUIRE(health.duplicates.size() == 1);
  CHECK(health.duplicates[0] == std::vector<std::int64_t>{0, 2});
  CHECK(health.spare() == 1);
  CHECK(health.redundant == 4);  // each is a sum of others: two dimensions among four live units
  CHECK(std::isnan(health.explained[3]));
  CHECK(health.participation < 2.0001);
  CHECK(health.entropy_rank < 2.0001);
}

TEST_CASE("effective ranks of a known spectrum", "[fast][inspect]") {
  ny::seed(5);
  const std::int64_t n = 4000;
  in::LayerOutputs white;
  white.features = white.mean = white.peak = ny::normal({n, 3}, 0, 1);
  white.rms = 1;
  const in::Health even = in::health(white);
  CHECK(even.participation == Approx(3).margin(0.05));
  CHECK(even.entropy_rank == Approx(3).margin(0.05));
  CHECK(even.redundant == 0);
  CHECK(even.explained[0] == Approx(0).margin(0.01));
  in::LayerOutputs skewed = white;
  skewed.features = white.mean * ny::tensor({3, 1, 0});  // eigenvalues 9, 1, 0
  CHECK(in::health(skewed).participation == Approx(100.0 / 82).margin(0.05));
  const double entropy = -0.9 * std::log(0.9) - 0.1 * std::log(0.1);
  CHECK(in::health(skewed).entropy_rank == Approx(std::exp(entropy)).margin(0.05));
}
