#include <algorithm>

#include "each_isa.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "noyau/testing.h"
#include "ops/conv_reference.h"
#include "test_device.h"

namespace ny = noyau;
using ny::Shape;
using ny::Tensor;

namespace {

Tensor random(const Shape& shape, ny::Dtype dtype, unsigned seed) {
  ny::Generator generator(seed);
  return ny::normal(shape, 0, 1, {dtype}, generator);
}

// [m, k] x [k, n] by definition.
std::vector<double> reference_product(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = reference::values(a), y = reference::values(b);
  const auto m = static_cast<std::size_t>(a.dim(0)), k = static_cast<std::size_t>(a.dim(1)),
             n = static_cast<std::size_t>(b.dim(1));
  std::vector<double> z(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t p = 0; p < k; ++p) {
      for (std::size_t j = 0; j < n; ++j) z[i * n + j] += x[i * k + p] * y[p * n + j];
    }
  }
  return z;
}

Tensor transposed(const Tensor& x) {
  const std::vector<double> values = reference::values(x);
  const auto rows = static_cast<std::size_t>(x.dim(0)), columns = static_cast<std::size_t>(x.dim(1));
  std::vector<double> result(values.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) result[j * rows + i] = values[i * columns + j];
  }
  return ny::from_vector(result, {x.dim(1), x.dim(0)});
}

}  // namespace

TEST_CASE("matmul and its gradients are their definitions on every instruction set", "[matmul][fast]") {
  struct Case {
    const char* why;
    std::int64_t m, k, n;
  };
  const Case cases[] = {{"a single product", 1, 1, 1},
                        {"ten classes: less than a vector", 64, 128, 10},
                        {"one row", 1, 300, 70},
                        {"one column", 37, 41, 1},
                        {"no full tile in any direction", 13, 17, 19},
                        {"depth of more than one block, rows worth packing", 100, 530, 47},
                        {"more than one row and column block", 210, 33, 1050}};
  ny::testing::for_each_isa([&](std::string_view isa) {
    for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
      for (const Case& c : cases) {
        INFO(isa << ' ' << ny::message(dtype) << ' ' << c.why);
        const Tensor a = random({c.m, c.k}, dtype, 1).set_requires_grad(true);
        const Tensor b = random({c.k, c.n}, dtype, 2).set_requires_grad(true);
        const Tensor y = ny::matmul(a, b);
        const Tensor dy = random({c.m, c.n}, dtype, 3);
        const std::vector<Tensor> grads = ny::grad(y, {a, b}, {.seed = dy});
        const double tolerance = dtype == ny::Dtype::f32 ? 1e-6 : 1e-14;
        CHECK(reference::relative_error(y, reference_product(a, b)) < tolerance);
        CHECK(reference::relative_error(grads[0], reference_product(dy, transposed(b))) < tolerance);
        CHECK(reference::relative_error(grads[1], reference_product(transposed(a), dy)) < tolerance);
      }
    }
  });
}

TEST_CASE("matmul gives the same bits for any number of threads", "[matmul][fast]") {
  const int before = ny::num_threads();
  const Tensor a = random({3, 150, 300}, ny::Dtype::f32, 1);
  const Tensor b = random({3, 300, 200}, ny::Dtype::f32, 2);
  ny::set_num_threads(1);
  const Tensor serial = ny::matmul(a, b);
  for (const int threads : {2, 3, 5}) {
    ny::set_num_threads(threads);
    CHECK(ny::equal(serial, ny::matmul(a, b)));
  }
  ny::set_num_threads(before);
}

TEST_CASE("matmul broadcasts its leading axes", "[matmul][fast]") {
  const Tensor a = random({2, 1, 4, 5}, ny::Dtype::f64, 1);
  const Tensor b = random({3, 5, 6}, ny::Dtype::f64, 2);
  const Tensor y = ny::matmul(a, b);
  REQUIRE(y.shape() == Shape{2, 3, 4, 6});
  for (std::int64_t i = 0; i < 2; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) CHECK(ny::equal(y[i][j], ny::matmul(a[i][0], b[j])));
  }
  CHECK(ny::matmul(ny::zeros({0, 4, 5}), ny::zeros({5, 6})).shape() == Shape{0, 4, 6});
  CHECK(ny::equal(ny::matmul(ny::zeros({4, 0}), ny::zeros({0, 6})), ny::zeros({4, 6})));
}

TEST_CASE("matmul and dense pass gradient checks of first and second order", "[matmul][fast]") {
  const auto check = [](const auto& function, const std::vector<Tensor>& inputs) {
    ny::testing::check_gradients_on_device(function, inputs, {.second_order = true});
  };
  const auto matmul = [](const std::vector<Tensor>& in) { return ny::matmul(in[0], in[1]); };
  const auto dense = [](const std::vector<Tensor>& in) { return ny::dense(in[0], in[1], in[2]); };
  using D = ny::Dtype;
  check(matmul, {random({3, 5}, D::f64, 1), random({5, 2}, D::f64, 2)});  // odd in every direction
  check(matmul, {random({2, 3, 4}, D::f64, 1),
                 random({4, 3}, D::f64, 2)});  // b shared by the batch: one tall product
  check(matmul, {random({2, 1, 2, 3}, D::f64, 1), random({3, 3, 2}, D::f64, 2)});  // both sides repeat
  check(matmul, {random({2, 3}, D::f64, 1), random({2, 3, 4}, D::f64, 2)});        // a shared by the batch
  check(dense, {random({3, 5}, D::f64, 1), random({5, 17}, D::f64, 2),
                random({17}, D::f64, 3)});  // a vector and one lane
  check(dense, {random({2, 2, 3}, D::f64, 1), random({3, 4}, D::f64, 2),
                random({4}, D::f64, 3)});  // axes before the features
  check([](const std::vector<Tensor>& in) { return ny::dense(in[0], in[1]); },
        {random({3}, D::f64, 1), random({3, 4}, D::f64, 2)});  // a single row
  ny::take_kernel_trace();
  ny::matmul(random({3, 5}, D::f64, 1), random({5, 2}, D::f64, 2));
  CHECK(ny::take_kernel_trace() == std::vector<std::string>{"matmul/tile"});
}

TEST_CASE("dense adds its bias", "[matmul][fast]") {
  for (const std::int64_t out : {1, 10, 16, 33}) {
    const Tensor x = random({7, 600}, ny::Dtype::f32, 1);
    const Tensor kernel = random({600, out}, ny::Dtype::f32, 2);
    const Tensor bias = random({out}, ny::Dtype::f32, 3);
    CHECK(ny::all_close(ny::dense(x, kernel, bias), ny::matmul(x, kernel) + bias, 1e-5, 1e-5));
  }
}

TEST_CASE("matmul and dense say what is wrong", "[matmul][fast]") {
  const auto fails = [](const auto& call, const char* text) {
    REQUIRE_THROWS_WITH(call(), ContainsSubstring(text));
  };
  const Tensor x = ny::zeros({4, 5});
  fails(
      [&] {
        ny::matmul(x, ny::zeros({4, 5}));
      },
      "matmul: a has 5 columns but b has 4 rows (a [4, 5], b [4, 5])");
  fails([&] { ny::matmul(x, ny::zeros({5})); },
        "matmul: operands must have two axes or more (a [4, 5], b [5])");
  fails([&] { ny::matmul(ny::zeros({2, 4, 5}), ny::zeros({3, 5, 6})); }, "matmul: ");
  fails([&] { ny::matmul(x, {}); }, "matmul: b is undefined");
  fails([&] { ny::matmul({}, x); }, "matmul: a is undefined");
  fails(
      [&] {
        ny::matmul(x, ny::zeros({5, 6}, {ny::Dtype::f64}));
      },
      "matmul: operands of different dtypes (a f32, b f64)");
  fails(
      [&] {
        ny::dense(x, ny::zeros({4, 3}));
      },
      "dense: x has 5 features but kernel expects 4 (x [4, 5], kernel [4, 3])");
  fails([&] { ny::dense(x, ny::zeros({5})); }, "dense: kernel must be [in, out], not [5]");
  fails(
      [&] {
        ny::dense(x, ny::zeros({5, 3}), ny::zeros({5}));
      },
      "dense: bias is [5] but there are 3 outputs");
  fails([&] { ny::dense(ny::zeros({}), ny::zeros({5, 3})); }, "dense: x has no axis");
  fails([&] { ny::dense(x, {}); }, "dense: kernel is undefined");
}
