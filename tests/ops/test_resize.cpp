#include <cmath>
#include <limits>

#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

constexpr ResizeMode kModes[] = {ResizeMode::nearest, ResizeMode::bilinear,
                                 ResizeMode::bilinear_align_corners, ResizeMode::area};

// Up and down, whole and fractional ratios, one axis each way, from and to one cell.
const std::vector<std::pair<Size2, Size2>> kSizes{{{4, 6}, {8, 3}}, {{5, 7}, {3, 11}}, {{1, 3}, {4, 1}},
                                                  {{6, 5}, {4, 5}}, {{3, 3}, {7, 8}},  {{8, 9}, {2, 3}}};

std::vector<double> row(const std::vector<double>& cells, std::int64_t out, ResizeMode mode) {
  const auto in = static_cast<std::int64_t>(cells.size());
  return resize(from_vector(cells, {1, 1, in, 1}), {1, out}, mode).to_vector<double>();
}

double dot(const Tensor& a, const Tensor& b) { return sum(a * b).item<double>(); }

}  // namespace

TEST_CASE("resize of one row by hand", "[fast][resize]") {
  using Row = std::vector<double>;
  CHECK(row({1, 2, 3}, 6, ResizeMode::nearest) == Row{1, 1, 2, 2, 3, 3});
  CHECK(row({0, 1, 2, 3, 4}, 2, ResizeMode::nearest) == Row{1, 3});
  CHECK(row({0, 4}, 4, ResizeMode::bilinear) == Row{0, 1, 3, 4});
  CHECK(row({0, 2, 4, 6}, 2, ResizeMode::bilinear) == Row{1, 5});
  CHECK(row({0, 3}, 4, ResizeMode::bilinear_align_corners)[1] == Approx(1));
  CHECK(row({5, 7, 9}, 1, ResizeMode::bilinear_align_corners) == Row{5});
  CHECK(row({0, 2, 4, 6}, 2, ResizeMode::area) == Row{1, 5});
  const Row thirds = row({1, 2, 3}, 2, ResizeMode::area);  // cell 1 is shared: (1 + 2 / 2) / 1.5
  CHECK(thirds[0] == Approx(4.0 / 3));
  CHECK(thirds[1] == Approx(8.0 / 3));
  CHECK(row({1, 4}, 3, ResizeMode::area) == Row{1, 2.5, 4});
}

TEST_CASE("resize of a constant is that constant", "[fast][resize]") {
  for (ResizeMode mode : kModes) {
    for (const auto& [in, out] : kSizes) {
      const Tensor y = resize(full({2, in.h, in.w, 3}, 1.75, {Dtype::f64}), out, mode);
      CHECK(y.shape() == Shape{2, out.h, out.w, 3});
      CHECK(all_close(y, full(y.shape(), 1.75, {Dtype::f64}), 1e-14));
    }
  }
}

TEST_CASE("resize is separable", "[fast][resize]") {
  const Tensor x = random_tensor({1, 5, 7, 2});
  for (ResizeMode mode : kModes) {
    CHECK(all_close(resize(resize(x, {5, 4}, mode), {9, 4}, mode), resize(x, {9, 4}, mode), 1e-13, 1e-13));
    CHECK(equal(resize(x, {5, 7}, mode), x));
    CHECK(all_close(resize(x.to(Dtype::f32), {9, 4}, mode).to(Dtype::f64), resize(x, {9, 4}, mode), 1e-5,
                    1e-5));
  }
}

TEST_CASE("the gradient of resize is its exact adjoint", "[fast][resize]") {
  for (ResizeMode mode : kModes) {
    for (const auto& [in, out] : kSizes) {
      const Tensor x = random_tensor({2, in.h, in.w, 3}).set_requires_grad(true);
      const Tensor y = resize(x, out, mode);
      const Tensor v = random_tensor(y.shape(), 2);
      const Tensor adjoint = grad(y, {x}, {.seed = v})[0];
      CHECK(dot(y.detach(), v) == Approx(dot(x.detach(), adjoint)).epsilon(1e-12));
    }
  }
}

TEST_CASE("gradients of resize", "[fast][resize]") {
  for (ResizeMode mode : kModes) {
    for (const auto& [in, out] : kSizes) {
      const auto f = [&, size = out](const std::vector<Tensor>& t) {
        return resize(t[0] * t[0], size, mode);
      };
      check_gradients_twice(f, {random_tensor({1, in.h, in.w, 2})});
    }
  }
}

TEST_CASE("a cell that is not read does not spread its NaN", "[fast][resize]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(row({1, nan, 3}, 2, ResizeMode::bilinear_align_corners) == std::vector<double>{1, 3});
  CHECK(std::isnan(row({1, nan, 3}, 3 + 2, ResizeMode::bilinear)[2]));
}

TEST_CASE("resize does not depend on the number of threads", "[fast][resize]") {
  const Tensor x = random_tensor({3, 45, 39, 5}, 1, Dtype::f32).set_requires_grad(true);
  check_thread_independence([](const std::vector<Tensor>& in) { return resize(in[0], {64, 21}); }, {x});
}

TEST_CASE("resize says what is wrong", "[fast][resize]") {
  const Tensor x = zeros({1, 2, 2, 1});
  CHECK_THROWS_WITH(resize(zeros({2, 2}), 3),
                    ContainsSubstring("resize: x must be [n, h, w, c], not f32 [2, 2]"));
  CHECK_THROWS_WITH(resize(x, 0), ContainsSubstring("resize: size 0x0 must be at least 1x1"));
  CHECK_THROWS_WITH(resize(zeros({1, 0, 2, 1}), 3), ContainsSubstring("resize: empty images [1, 0, 2, 1]"));
  CHECK_THROWS_WITH(resize(x.to(Dtype::u8), 3), ContainsSubstring("resize: not available for u8"));
}
