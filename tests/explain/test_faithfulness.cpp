// Measures of explanations on cases whose value is known.
#include <cmath>

#include "catch2.h"
#include "explain/nets.h"
#include "noyau/faithfulness.h"
#include "noyau/stats.h"

namespace ny = noyau;

namespace {

double worst(const ny::Tensor& a, const ny::Tensor& b) { return max(abs(a - b)).item<double>(); }

// The score is a weighted sum of pixels: the right map is weight times pixel.
ny::Sequential additive_net(const ny::Tensor& weights) {
  return ny::Sequential(ny::Flatten(), [weights](const ny::Tensor& x) { return matmul(x, weights); });
}

ny::Tensor column_image(std::int64_t size, double (*value)(double)) {
  const ny::Tensor x = ny::zeros({1, size, size, 1}, {ny::Dtype::f64});
  for (std::int64_t i = 0; i < size * size; ++i)
    x.mutable_data<double>()[i] = value(static_cast<double>(i % size));
  return x;
}

ny::NetworkMapFunction grad_cam_map() {
  return [](const ny::NetworkView& net, const ny::Tensor& images) {
    return resize_map(grad_cam(net, images, {.layer = "last", .target = 1, .positive = false}),
                      {images.dim(1), images.dim(2)});
  };
}

}  // namespace

TEST_CASE("no map beats the right one of an additive score, and a random one is half way",
          "[fast][explain]") {
  const ny::Tensor weights = random_images({1, 6, 6, 1}, 1);
  const ny::Sequential net = additive_net(reshape(weights, {36, 1}));
  const ny::Tensor x = random_images({4, 6, 6, 1}, 2);
  const ny::Tensor right = reshape(x * weights, {4, 6, 6});
  const ny::CurveOptions options{.target = 0, .score = ny::Score::logit, .steps = 36};
  const auto deletion = [&](const ny::Tensor& map) {
    return curve_area(deletion_curve(net, x, map, options));
  };
  const ny::Tensor best = deletion(right);
  std::vector<double> shares;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const ny::Tensor random = deletion(ny::random_map(x, seed));
    CHECK(max(best - random).item<double>() <= 1e-5);
    CHECK(max(random - deletion(-right)).item<double>() <= 1e-5);
    // half way between the whole score and none
    shares.push_back(mean(random - class_scores(net, x, 0) * 0.5).item<double>());
  }
  const ny::stats::Interval interval = ny::stats::mean_interval(shares, 0.999);
  CHECK((interval.low <= 0 && interval.high >= 0));
}

TEST_CASE("curves begin and end where they must", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({2, 8, 8, 3}, 3);
  const ny::Tensor map = edge_map(x);
  const ny::Tensor down = deletion_curve(net, x, map, {.target = 1, .steps = 5});
  const ny::Tensor up = insertion_curve(net, x, map, {.target = 1, .steps = 5});
  REQUIRE(down.shape() == ny::Shape{2, 6});
  const auto at = [](const ny::Tensor& curve, std::int64_t i) {
    return reshape(slice(curve, 1, i, i + 1), {2});
  };
  const ny::Tensor whole = class_scores(net, x, 1, ny::Score::probability);
  CHECK(worst(at(down, 0), whole) < 1e-6);
  CHECK(worst(at(up, 5), whole) < 1e-6);
  CHECK(worst(at(down, 5), class_scores(net, ny::zeros(x.shape()), 1, ny::Score::probability)) < 1e-6);
  CHECK(worst(at(up, 0), class_scores(net, gaussian_blur(x, 1.5 * 8 / 32), 1, ny::Score::probability)) <
        1e-6);
  CHECK(worst(curve_area(reshape(ny::tensor({1, 0.5, 0, 0, 0, 1}), {2, 3})), ny::tensor({0.5, 0.25})) < 1e-6);
}

TEST_CASE("a blur keeps constants and totals", "[fast][explain]") {
  CHECK(worst(gaussian_blur(ny::full({1, 5, 7, 2}, 3), 1.2), ny::full({1, 5, 7, 2}, 3)) < 1e-5);
  const ny::Tensor x = random_images({1, 9, 9, 1}, 4);
  CHECK(variance(gaussian_blur(x, 1)).item<double>() < variance(x).item<double>());
}

TEST_CASE("interpolation restores what is linear", "[fast][explain]") {
  const ny::Tensor flat = column_image(7, [](double) { return 0.7; });
  const ny::Tensor ramp = column_image(7, [](double column) { return 2 * column - 1; });
  ny::Tensor hole = ny::zeros({7, 7});
  for (const int cell : {16, 17, 23, 24, 25, 31, 40})
    hole.mutable_data<float>()[cell] = 1;  // inside, in two groups
  CHECK(worst(interpolate_removed(flat, hole), flat) < 1e-12);
  CHECK(worst(interpolate_removed(ramp, hole), ramp) < 1e-12);
  ny::Tensor all_but_one = ny::ones({7, 7});
  all_but_one.mutable_data<float>()[30] = 0;
  CHECK(worst(interpolate_removed(flat, all_but_one), flat) < 1e-9);
  CHECK_THROWS_WITH(interpolate_removed(flat, ny::ones({7, 7})),
                    ContainsSubstring("nothing of the image is left"));
}

TEST_CASE("ROAD, insertion and drop prefer the planted square", "[fast][explain]") {
  const ny::Sequential net = planted_net();
  const ny::Tensor x = planted_image(8, 3, 2, 7);
  const ny::Tensor grey = ny::full({1, 1, 1, 3}, 0.5);
  const auto hidden = [&](int target) {
    return occlusion(net, x, {.target = target, .window = 2, .stride = 1, .baseline = grey});
  };
  const ny::Tensor map = hidden(0);
  const ny::Tensor wrong = hidden(1);
  const ny::RoadOptions options{.target = 0, .score = ny::Score::logit};
  CHECK(road(net, x, map, options).item<double>() > road(net, x, wrong, options).item<double>());
  CHECK(road(net, x, map, options).item<double>() > 0);
  const ny::CurveOptions curve{.target = 0, .score = ny::Score::logit, .baseline = grey};
  CHECK(curve_area(deletion_curve(net, x, map, curve)).item<double>() <
        curve_area(deletion_curve(net, x, wrong, curve)).item<double>());
  const auto drop = [&](const ny::Tensor& seen) {
    return confidence_drop(net, x, seen, curve).drop.item<double>();
  };
  CHECK(drop(map) < drop(wrong));
  CHECK(drop(wrong) == Approx(1));
}

TEST_CASE("infidelity is 0 for exact attributions and 1 for none", "[fast][explain]") {
  const ny::Tensor weights = random_images({1, 8, 8, 1}, 1);
  const ny::Sequential net = additive_net(reshape(weights, {64, 1}));
  const ny::Tensor x = random_images({3, 8, 8, 1}, 2);
  const ny::Tensor right = reshape(x * weights, {3, 8, 8});
  CHECK(max(infidelity(net, x, right * 7.0, {.target = 0})).item<double>() < 1e-6);
  CHECK(min(infidelity(net, x, -right, {.target = 0})).item<double>() == 1);
  CHECK(min(infidelity(net, x, ny::random_map(x), {.target = 0})).item<double>() > 0.2);
}

TEST_CASE("sensitivity is 0 for maps that do not move", "[fast][explain]") {
  const ny::Tensor x = random_images({2, 8, 8, 3}, 5);
  CHECK(max(sensitivity([](const ny::Tensor& t) { return ny::random_map(t, 1); }, x)).item<double>() == 0);
  const ny::Tensor linear = sensitivity([](const ny::Tensor& t) { return pixel_map(t); }, x, 0.1, 20);
  CHECK((min(linear).item<double>() > 0 && max(linear).item<double>() < 0.2));
  const ny::Sequential net = gap_net();
  const auto gradients = [&](const ny::Tensor& t) {
    return pixel_map(input_times_gradient(net, t, {.target = 1}));
  };
  CHECK(max(sensitivity(gradients, x, 1e-4)).item<double>() < 0.5);
}

TEST_CASE("the cascade tells maps of the network from drawings of the image", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = gaussian_blur(random_images({6, 8, 8, 3}, 6), 1);
  const auto last = [&](const ny::NetworkMapFunction& map) {
    const std::vector<ny::CascadeStage> stages = randomization_cascade(net, x, map, 3);
    REQUIRE(stages.size() == 3);
    CHECK(stages[0].layer == "head");
    CHECK(stages[2].layer == "conv2d");
    return mean(stages[2].similarity).item<double>();
  };
  CHECK(last([](const ny::NetworkView&, const ny::Tensor& t) { return edge_map(t); }) == Approx(1));
  CHECK(last(grad_cam_map()) < 0.6);
  CHECK(equal(class_scores(net, x, 0), class_scores(flatten_net(), x, 0)));  // the network is as it was
}

TEST_CASE("agreement of maps is Spearman's rank correlation", "[fast][explain]") {
  const ny::Tensor a = ny::random_map(ny::zeros({2, 5, 6, 1}), 1);
  CHECK(worst(map_agreement(a, exp(a)), ny::ones({2}, {ny::Dtype::f64})) < 1e-12);
  CHECK(worst(map_agreement(a, -a), ny::full({2}, -1, {ny::Dtype::f64})) < 1e-12);
  CHECK(std::isnan(map_agreement(a, ny::zeros(a.shape()))[0].item<double>()));
}

TEST_CASE("a mosaic has a known answer", "[fast][explain]") {
  const ny::Tensor images = ny::concat({ny::full({1, 6, 6, 1}, 1), ny::full({1, 6, 6, 1}, 2),
                                        ny::full({1, 6, 6, 1}, 3), ny::full({1, 6, 6, 1}, 4)},
                                       0);
  const ny::Tensor scene = ny::mosaic(images);
  REQUIRE(scene.shape() == ny::Shape{1, 6, 6, 1});
  const std::vector<float> pixels = scene.to_vector<float>();
  CHECK((pixels[0] == 1 && pixels[5] == 2 && pixels[30] == 3 && pixels[35] == 4));
  for (int quadrant = 0; quadrant < 4; ++quadrant) {
    const ny::Tensor map = ny::quadrant_mask(6, 6, quadrant);
    CHECK(energy_inside(map, map)[0].item<double>() == 1);
    CHECK(energy_inside(ny::ones({1, 6, 6}), map)[0].item<double>() == Approx(0.25));
    CHECK(peak_inside(map, map)[0].item<double>() == 1);
    CHECK(peak_inside(1.0 - map, map)[0].item<double>() == 0);
  }
  CHECK(std::isnan(energy_inside(ny::zeros({1, 6, 6}), ny::quadrant_mask(6, 6, 0))[0].item<double>()));
}

TEST_CASE("measures tell what does not fit", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({2, 8, 8, 3}, 3);
  const ny::Tensor map = edge_map(x);
  CHECK_THROWS_WITH(deletion_curve(net, x, ny::zeros({2, 4, 4})), ContainsSubstring("resize_map()"));
  CHECK_THROWS_WITH(deletion_curve(net, x, map, {.steps = 0}), ContainsSubstring("curve: 0 steps"));
  CHECK_THROWS_WITH(road(net, x, map, {.shares = {}}), ContainsSubstring("road: no shares"));
  CHECK_THROWS_WITH(road(net, x, map, {.shares = {1}}), ContainsSubstring("road: a share of 1"));
  CHECK_THROWS_WITH(infidelity(net, x, map, {.samples = 1}), ContainsSubstring("infidelity: 1 samples"));
  CHECK_THROWS_WITH(ny::mosaic(x), ContainsSubstring("mosaic: 2 images instead of 4"));
  CHECK_THROWS_WITH(ny::quadrant_mask(4, 4, 4), ContainsSubstring("4 is no quadrant"));
  CHECK_THROWS_WITH(gaussian_blur(x, 0), ContainsSubstring("sigma is 0"));
  CHECK_THROWS_WITH(curve_area(ny::zeros({3})), ContainsSubstring("curve_area"));
  CHECK_THROWS_WITH(energy_inside(map, ny::zeros({1, 4, 4})), ContainsSubstring("masks"));
}
