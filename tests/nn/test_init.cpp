#include <cmath>

#include "catch2.h"
#include "noyau/init.h"

namespace ny = noyau;

namespace {

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const ny::Shape& shape, const ny::Initializer& rule) {
  const ny::Tensor kernel = ny::empty(shape, {ny::Dtype::f64});
  ny::Generator generator(3);
  initialize(kernel, rule, generator);
  Moments m;
  const double* const v = kernel.data<double>();
  for (std::int64_t i = 0; i < kernel.size(); ++i) {
    m.mean += v[i] / static_cast<double>(kernel.size());
    m.variance += v[i] * v[i] / static_cast<double>(kernel.size());
    m.largest = std::max(m.largest, std::fabs(v[i]));
  }
  return m;
}

}  // namespace

TEST_CASE("random initialisers have the variance of their fans", "[fast]") {
  const ny::Shape kernel{3, 3, 16, 64};  // in 144, out 576
  const auto check = [&](const char* rule, double variance, double bound) {
    INFO(rule);
    const Moments m = moments(kernel, rule);
    REQUIRE(m.mean == Approx(0).margin(0.01 * std::sqrt(variance) * 3));
    REQUIRE(m.variance == Approx(variance).epsilon(0.05));
    if (bound > 0) {
      REQUIRE(m.largest <= bound);
      REQUIRE(m.largest > 0.99 * bound);
    }
  };
  check("glorot_uniform", 2.0 / 720, std::sqrt(6.0 / 720));
  check("glorot_normal", 2.0 / 720, 0);
  check("he_uniform", 2.0 / 144, std::sqrt(6.0 / 144));
  check("he_normal", 2.0 / 144, 0);
  check("lecun_uniform", 1.0 / 144, std::sqrt(3.0 / 144));
  check("lecun_normal", 1.0 / 144, 0);
}

TEST_CASE("fans follow the kernel's shape and groups", "[fast]") {
  REQUIRE(ny::fans({20, 30}).in == 20);
  REQUIRE(ny::fans({20, 30}).out == 30);
  REQUIRE(ny::fans({5, 3, 4, 8}).in == 60);
  REQUIRE(ny::fans({5, 3, 4, 8}).out == 120);
  REQUIRE(ny::fans({3, 3, 1, 8}, 8).out == 9);  // depthwise: an input feeds one output channel
}

TEST_CASE("orthogonal kernels have orthonormal columns or rows", "[fast]") {
  const ny::Shape shape = GENERATE(ny::Shape{7, 5}, ny::Shape{5, 7}, ny::Shape{3, 2, 2, 9},
                                   ny::Shape{3, 3, 4, 6}, ny::Shape{4, 4});
  const ny::Tensor kernel = ny::empty(shape, {ny::Dtype::f64});
  initialize(kernel, {ny::Init::orthogonal, 2});
  const std::int64_t columns = shape.dim(-1), rows = shape.size() / columns;
  const bool tall = rows >= columns;
  const double* const v = kernel.data<double>();
  for (std::int64_t a = 0; a < std::min(rows, columns); ++a) {
    for (std::int64_t b = 0; b <= a; ++b) {
      double dot = 0;
      for (std::int64_t k = 0; k < std::max(rows, columns); ++k) {
        dot += tall ? v[k * columns + a] * v[k * columns + b] : v[a * columns + k] * v[b * columns + k];
      }
      REQUIRE(dot == Approx(a == b ? 4 : 0).margin(1e-12));  // scale 2, squared
    }
  }
}

TEST_CASE("dirac kernels pass channels through, group by group", "[fast]") {
  const ny::Tensor kernel = ny::empty({3, 3, 2, 6});
  initialize(kernel, ny::Init::dirac, ny::fans(kernel.shape(), 2));  // groups of 3 outputs reading 2 inputs
  const float* const v = kernel.data<float>();
  for (std::int64_t i = 0; i < kernel.size(); ++i) {
    const std::int64_t tap = i / 12, in = i / 6 % 2, out = i % 6;
    REQUIRE(v[i] == (tap == 4 && out % 3 == in ? 1.0F : 0.0F));
  }
}

TEST_CASE("plain initialisers and their errors", "[fast]") {
  const ny::Tensor kernel = ny::empty({2, 2});
  initialize(kernel, {ny::Init::constant, 0.25});
  REQUIRE(equal(kernel, ny::full({2, 2}, 0.25)));
  initialize(kernel, "ones");
  REQUIRE(equal(kernel, ny::ones({2, 2})));
  initialize(kernel, "zeros");
  REQUIRE(equal(kernel, ny::zeros({2, 2})));
  for (const std::string& name : ny::initializer_names())
    REQUIRE(ny::message(ny::Initializer(name).init) == name);
  REQUIRE_THROWS_WITH(ny::Initializer("he_norm"),
                      ContainsSubstring("unknown rule 'he_norm'; did you mean 'he_normal'?"));
  REQUIRE_THROWS_WITH(initialize(kernel, "dirac"), ContainsSubstring("needs a convolution kernel"));
  REQUIRE_THROWS_WITH(initialize(ny::empty({3}), "orthogonal"), ContainsSubstring("rank 2 or more, not [3]"));
}
