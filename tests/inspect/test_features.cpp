#include <cmath>
#include <numbers>
#include <set>

#include "catch2.h"
#include "noyau/noyau.h"

namespace ny = noyau;
namespace in = noyau::inspect;

namespace {

// Images of one colour each, by hue in turns.
ny::Tensor coloured(const std::vector<double>& hues) {
  std::vector<std::uint8_t> pixels;
  for (const double hue : hues)
    for (int pixel = 0; pixel < 16; ++pixel)
      for (int channel = 0; channel < 3; ++channel) {
        const double angle = 2 * std::numbers::pi * (hue - channel / 3.0);
        pixels.push_back(static_cast<std::uint8_t>(std::lround(128 + 60 * std::cos(angle))));
      }
  return ny::from_vector(pixels, {static_cast<std::int64_t>(hues.size()), 4, 4, 3});
}

// Grey waves whose stripes run along `degrees` from horizontal.
ny::Tensor striped(const std::vector<double>& degrees) {
  std::vector<std::uint8_t> pixels;
  for (const double degree : degrees) {
    const double angle = degree * std::numbers::pi / 180;
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 16; ++x)
        pixels.push_back(static_cast<std::uint8_t>(
            std::lround(128 + 100 * std::cos(0.8 * (std::sin(angle) * x + std::cos(angle) * y)))));
  }
  return ny::from_vector(pixels, {static_cast<std::int64_t>(degrees.size()), 16, 16, 1});
}

std::vector<std::int32_t> cycle(std::int64_t n, std::int32_t classes) {
  std::vector<std::int32_t> targets;
  for (std::int64_t i = 0; i < n; ++i) targets.push_back(static_cast<std::int32_t>(i % classes));
  return targets;
}

}  // namespace

TEST_CASE("hue ranges follow the colour wheel from magenta", "[fast][inspect]") {
  const auto ranges = in::attribute_ranges(coloured({0, 1.0 / 3, 2.0 / 3, 0.9}), in::Attribute::hue, 4);
  CHECK(ranges == std::vector<std::int32_t>{1, 2, 3, 0});
  CHECK(in::attribute_ranges(ny::full({3, 4, 4, 3}, 77, {ny::Dtype::u8}), in::Attribute::hue) ==
        std::vector<std::int32_t>{-1, -1, -1});
  CHECK(in::attribute_ranges(striped({10, 20}), in::Attribute::hue) == std::vector<std::int32_t>{-1, -1});
  CHECK_THROWS_WITH(in::attribute_ranges(ny::zeros({3, 4, 4, 3}), in::Attribute::hue),
                    ContainsSubstring("images must be u8 [n, h, w, c]"));
}

TEST_CASE("orientation ranges follow the stripes", "[fast][inspect]") {
  const auto ranges = in::attribute_ranges(striped({90, 120, 0, 30}), in::Attribute::orientation, 4);
  CHECK(std::set<std::int32_t>(ranges.begin(), ranges.end()).size() == 4);
  CHECK((ranges[1] - ranges[0] + 4) % 4 == 1);  // 90, 120, 180 and 210 degrees lie in this order
  CHECK((ranges[2] - ranges[1] + 4) % 4 == 1);
  CHECK((ranges[3] - ranges[2] + 4) % 4 == 1);
  CHECK(in::attribute_ranges(ny::full({1, 8, 8, 1}, 9, {ny::Dtype::u8}), in::Attribute::orientation)[0] ==
        -1);
}

TEST_CASE("a probe finds what is linear and nothing else", "[fast][inspect]") {
  ny::seed(8);
  const std::vector<std::int32_t> targets = cycle(600, 3);
  const ny::Tensor noise = ny::normal({600, 8}, 0, 1);
  const ny::Tensor planted = ny::concat(
      {noise, ny::one_hot(ny::from_vector(targets, {600}), 3) + 0.05 * ny::normal({600, 3}, 0, 1)}, 1);
  const in::ProbeResult found = in::linear_probe(planted, targets);
  CHECK(found.accuracy == 1);
  CHECK(found.fitted == 300);
  CHECK(found.tested == 300);
  CHECK(found.chance < 0.4);
  const in::ProbeResult nothing = in::linear_probe(noise, targets);
  CHECK(nothing.interval.low < nothing.chance);
  CHECK(nothing.right.size() == found.right.size());
}

TEST_CASE("a probe of more features than rows agrees with one of fewer", "[fast][inspect]") {
  ny::seed(9);
  const std::vector<std::int32_t> targets = cycle(60, 2);
  const ny::Tensor few = ny::normal({60, 5}, 0, 1) +
                         ny::from_vector(std::vector<float>(targets.begin(), targets.end()), {60, 1});
  const ny::Tensor many = ny::concat({few, ny::zeros({60, 100})}, 1);
  in::ProbeOptions options{.penalties = {1}};
  const in::ProbeResult a = in::linear_probe(few, targets, options);
  options.penalties = {21};  // the mean variance of a feature is 21 times smaller
  const in::ProbeResult b = in::linear_probe(many, targets, options);
  CHECK(a.right == b.right);
}

TEST_CASE("rows without a target are left out of a probe", "[fast][inspect]") {
  std::vector<std::int32_t> targets = cycle(100, 2);
  for (std::size_t i = 0; i < 40; ++i) targets[i] = -1;
  ny::seed(1);
  const ny::Tensor x = ny::normal({100, 2}, 0, 1);
  CHECK(in::linear_probe(x, targets).tested + in::linear_probe(x, targets).fitted == 60);
  CHECK_THROWS_WITH(in::linear_probe(x, std::vector<std::int32_t>(100, -1)),
                    ContainsSubstring("0 rows have a target"));
  CHECK_THROWS_WITH(in::linear_probe(x, std::vector<std::int32_t>(100, 1)),
                    ContainsSubstring("the same target"));
  CHECK_THROWS_WITH(in::linear_probe(x, cycle(5, 2)), ContainsSubstring("100 rows and 5 targets"));
  CHECK_THROWS_WITH(in::linear_probe(x, targets, {.held_out = 1}), ContainsSubstring("must be in (0, 1)"));
}

TEST_CASE("cka is 1 for a turned copy and near 0 for unrelated features", "[fast][inspect]") {
  ny::seed(10);
  const ny::Tensor x = ny::normal({200, 3}, 0, 1);
  const double c = std::cos(0.7), s = std::sin(0.7);
  const ny::Tensor turn = ny::reshape(ny::tensor({c, s, 0, -s, c, 0, 0, 0, 1}), {3, 3});
  CHECK(in::cka(x, ny::matmul(x, turn) * 5.0) == Approx(1));
  CHECK(in::cka(x, x + 7.0) == Approx(1));
  // Many more features than images: the biased measure would be near 1.
  CHECK(in::cka(ny::normal({200, 3000}, 0, 1), ny::normal({200, 3000}, 0, 1)) == Approx(0).margin(0.02));
  CHECK(std::isnan(in::cka(x, ny::ones({200, 2}))));
  CHECK_THROWS_WITH(in::cka(x, ny::ones({100, 2})), ContainsSubstring("features of 100 and 200 images"));
  CHECK_THROWS_WITH(in::cka(ny::ones({3, 2}), ny::ones({3, 2})), ContainsSubstring("four images are needed"));
}

TEST_CASE("the unbiased HSIC is the mean over ordered quadruples", "[fast][inspect]") {
  ny::seed(11);
  const std::int64_t n = 6;
  const ny::Tensor x = ny::normal({n, 2}, 0, 1), y = ny::normal({n, 2}, 0, 1);
  const auto k = [&](const ny::Tensor& z, int i, int j) { return ny::sum(z[i] * z[j]).item<double>(); };
  // E[K_ij L_ij + K_ij L_qr - 2 K_ij L_iq] over distinct i, j, q, r (Song et al., 2012, eq. 4)
  const auto hsic = [&](const ny::Tensor& a, const ny::Tensor& b) {
    double sum = 0;
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j)
        for (int q = 0; q < n; ++q)
          for (int r = 0; r < n; ++r) {
            if (i == j || i == q || i == r || j == q || j == r || q == r) continue;
            sum += k(a, i, j) * (k(b, i, j) + k(b, q, r) - 2 * k(b, i, q));
          }
    return sum;
  };
  const double expected = hsic(x, y) / std::sqrt(hsic(x, x) * hsic(y, y));
  CHECK(in::cka(x, y) == Approx(expected).margin(1e-6));
}

TEST_CASE("minibatches give nearly the cka of all images", "[fast][inspect]") {
  ny::seed(12);
  const ny::Tensor x = ny::normal({1000, 4}, 0, 1);
  const ny::Tensor y = ny::concat({ny::slice(x, 1, 0, 2), ny::normal({1000, 2}, 0, 1)}, 1);
  const std::vector<ny::Tensor> both{x, y};
  const std::vector<double> matrix = in::cka(both, both, 100);
  CHECK(matrix[0] == Approx(1));
  CHECK(matrix[1] == Approx(matrix[2]));
  CHECK(matrix[1] == Approx(in::cka(x, y)).margin(0.05));
}

TEST_CASE("principal components of a known ellipse", "[fast][inspect]") {
  ny::seed(13);
  const ny::Tensor x = ny::normal({500, 3}, 0, 1) * ny::tensor({1, 4, 0.1});
  const in::Pca result = in::pca(x, 5);
  REQUIRE(result.scores.shape() == ny::Shape{500, 3});
  CHECK(result.explained[0] == Approx(16.0 / 17.01).margin(0.02));
  CHECK(result.explained[0] + result.explained[1] + result.explained[2] == Approx(1));
  const ny::Tensor centred = ny::slice(x, 1, 1, 2) - ny::mean(ny::slice(x, 1, 1, 2));
  CHECK(ny::max(ny::abs(ny::slice(result.scores, 1, 0, 1) - centred)).item<double>() < 0.5);
  const in::Pca wide = in::pca(ny::concat({x, ny::zeros({500, 600})}, 1), 2);  // the other Gram matrix
  CHECK(all_close(wide.scores, ny::slice(result.scores, 1, 0, 2), 1e-3, 1e-3));
  CHECK_THROWS_WITH(in::pca(x, 0), ContainsSubstring("0 components"));
}

TEST_CASE("t-SNE keeps separate clusters apart and its quality is measured", "[fast][inspect]") {
  ny::seed(14);
  std::vector<ny::Tensor> parts;
  for (int cluster = 0; cluster < 3; ++cluster)
    parts.push_back(ny::normal({30, 10}, 0, 1) +
                    20.0 * ny::one_hot(ny::full({30}, cluster, {ny::Dtype::i32}), 10));
  const ny::Tensor x = ny::concat(parts, 0);
  const in::Tsne map = in::tsne(x, {.perplexity = 10, .iterations = 400, .early = 100});
  const in::MapQuality quality = in::map_quality(x, map.points);
  CHECK(map.kl > 0);
  CHECK(map.kl < 1);
  CHECK(quality.trustworthiness > 0.85);
  CHECK(quality.continuity > 0.85);
  CHECK(quality.preserved > 0.3);
  for (int i = 0; i < 90; ++i) {
    double nearest = 1e30;
    int found = -1;
    for (int j = 0; j < 90; ++j) {
      const double far = ny::sum(ny::pow(map.points[i] - map.points[j], 2)).item<double>();
      if (j != i && far < nearest) nearest = far, found = j;
    }
    CHECK(found / 30 == i / 30);
  }
  const int threads = ny::num_threads();
  ny::set_num_threads(3);
  CHECK(equal(in::tsne(x, {.perplexity = 10, .iterations = 400, .early = 100}).points, map.points));
  ny::set_num_threads(threads);
  CHECK_THROWS_WITH(in::tsne(ny::ones({5, 2})), ContainsSubstring("5 rows; ten are needed"));
}

TEST_CASE("a perfect map has full quality and a shuffled one has not", "[fast][inspect]") {
  ny::seed(15);
  const ny::Tensor x = ny::normal({60, 2}, 0, 1);
  const in::MapQuality perfect = in::map_quality(x, x * 3.0, 5);
  CHECK(perfect.trustworthiness == 1);
  CHECK(perfect.continuity == 1);
  CHECK(perfect.preserved == 1);
  const in::MapQuality random = in::map_quality(x, ny::normal({60, 2}, 0, 1), 5);
  CHECK(random.trustworthiness == Approx(0.5).margin(0.15));
  CHECK(random.preserved < 0.3);
  CHECK_THROWS_WITH(in::map_quality(x, x, 30), ContainsSubstring("30 neighbours of 60 rows"));
}
