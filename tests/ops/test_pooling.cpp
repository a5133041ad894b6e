#include <cmath>
#include <limits>

#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

struct Case {
  const char* why;
  Shape x;
  Size2 window;
  Pool2dOptions options;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"2x2 fast path; c = 17 is a full vector and one more", {2, 4, 6, 17}, 2, {}},
      {"2x2 fast path; odd height and width leave cells without a window", {2, 5, 7, 3}, 2, {}},
      {"stride 1: windows overlap", {2, 5, 4, 3}, 2, {.stride = Size2(1)}},
      {"window 3 stride 2 given padding, as in ResNet stems",
       {1, 7, 6, 2},
       3,
       {.stride = Size2(2), .padding = 1}},
      {"same padding with an odd total: the extra cell is below and right",
       {1, 6, 5, 2},
       {4, 3},
       {.stride = Size2(2, 1), .padding = Padding::same()}},
      {"same padding of a 2x2 window on odd extents", {1, 5, 3, 2}, 2, {.padding = Padding::same()}},
      {"stride above the window skips cells", {1, 8, 7, 2}, 2, {.stride = Size2(3, 4)}},
      {"padding differs on every side",
       {1, 5, 6, 2},
       {3, 4},
       {.stride = Size2(2, 3), .padding = {2, 1, 0, 3}}},
      {"padding counted as cells",
       {1, 5, 6, 2},
       3,
       {.stride = Size2(2), .padding = 1, .count_padding = true}},
      {"window of one row", {2, 3, 8, 1}, {1, 3}, {.stride = Size2(1, 2)}},
      {"no image in the batch", {0, 4, 4, 2}, 2, {}},
  };
  return all;
}

std::int64_t padding_before(std::int64_t in, std::int64_t out, std::int64_t window, std::int64_t stride,
                            const Padding& padding, std::int64_t given) {
  if (padding.kind == Padding::Kind::given) return given;
  if (padding.kind == Padding::Kind::valid) return 0;
  return std::max<std::int64_t>(0, (out - 1) * stride + window - in) / 2;
}

// Value of the window by the definition.
double pooled(bool largest, const Tensor& x, const Case& c, const Shape& out, std::int64_t n, std::int64_t oh,
              std::int64_t ow, std::int64_t channel) {
  const Size2 stride = c.options.stride.value_or(c.window);
  const Padding& p = c.options.padding;
  const std::int64_t top = oh * stride.h - padding_before(x.dim(1), out[1], c.window.h, stride.h, p, p.top);
  const std::int64_t left = ow * stride.w - padding_before(x.dim(2), out[2], c.window.w, stride.w, p, p.left);
  double sum = 0;
  double most = -std::numeric_limits<double>::infinity();
  double cells = 0;
  for (std::int64_t h = top; h < top + c.window.h; ++h) {
    for (std::int64_t w = left; w < left + c.window.w; ++w) {
      if (h < 0 || w < 0 || h >= x.dim(1) || w >= x.dim(2)) continue;
      sum += at(x, n, h, w, channel);
      most = std::max(most, at(x, n, h, w, channel));
      ++cells;
    }
  }
  if (largest) return most;
  return sum / (c.options.count_padding ? static_cast<double>(c.window.h * c.window.w) : cells);
}

void check_against_definition(bool largest) {
  for (const Case& c : cases()) {
    INFO(c.why);
    const Tensor x = random_tensor(c.x);
    const Tensor y = largest ? max_pool2d(x, c.window, c.options) : average_pool2d(x, c.window, c.options);
    double worst = 0;
    for (std::int64_t n = 0; n < y.dim(0); ++n) {
      for (std::int64_t oh = 0; oh < y.dim(1); ++oh) {
        for (std::int64_t ow = 0; ow < y.dim(2); ++ow) {
          for (std::int64_t i = 0; i < y.dim(3); ++i) {
            worst = std::max(worst,
                             std::fabs(at(y, n, oh, ow, i) - pooled(largest, x, c, y.shape(), n, oh, ow, i)));
          }
        }
      }
    }
    CHECK(worst < 1e-14);
    const Tensor narrow = x.to(Dtype::f32);
    const Tensor z =
        largest ? max_pool2d(narrow, c.window, c.options) : average_pool2d(narrow, c.window, c.options);
    CHECK(all_close(z.to(Dtype::f64), y, 1e-6, 1e-6));
  }
}

}  // namespace

TEST_CASE("max pooling is what its definition says", "[fast][pooling]") { check_against_definition(true); }

TEST_CASE("average pooling is what its definition says", "[fast][pooling]") {
  check_against_definition(false);
}

TEST_CASE("output extents of pooling", "[fast][pooling]") {
  const Tensor x = zeros({1, 7, 5, 1});
  CHECK(max_pool2d(x, 2).shape() == Shape{1, 3, 2, 1});
  CHECK(max_pool2d(x, 2, {.padding = Padding::same()}).shape() == Shape{1, 4, 3, 1});
  CHECK(max_pool2d(x, 3, {.stride = Size2(2), .padding = 1}).shape() == Shape{1, 4, 3, 1});
  CHECK(average_pool2d(x, {7, 5}).shape() == Shape{1, 1, 1, 1});
}

TEST_CASE("gradients of pooling", "[fast][pooling]") {
  for (const Case& c : cases()) {
    if (c.x.size() == 0) continue;
    INFO(c.why);
    const Tensor x = random_tensor(c.x);
    check_gradients([&](const std::vector<Tensor>& in) { return max_pool2d(in[0], c.window, c.options); },
                    {x});
    check_gradients(
        [&](const std::vector<Tensor>& in) { return average_pool2d(in[0] * in[0], c.window, c.options); },
        {x}, {.second_order = c.x.size() < 100});
  }
}

TEST_CASE("global pooling", "[fast][pooling]") {
  const Tensor x = random_tensor({2, 5, 3, 4});
  CHECK(all_close(global_average_pool(x), sum(x, {1, 2}) / 15.0));
  const Tensor wide = random_tensor({1, 17, 18, 2});  // 306 cells: the winner's place does not fit a byte
  const Tensor winners = global_max_pool(wide);
  CHECK(winners.shape() == Shape{1, 2});
  CHECK(equal(winners, reshape(max_pool2d(wide, {17, 18}), {1, 2})));
  check_gradients([](const std::vector<Tensor>& in) { return global_max_pool(in[0]); }, {wide});
  check_gradients_twice([](const std::vector<Tensor>& in) { return global_average_pool(in[0] * in[0]); },
                        {random_tensor({2, 3, 2, 3})});
}

TEST_CASE("the first of equals gets the gradient of max pooling", "[fast][pooling]") {
  for (const Pool2dOptions& options :
       {Pool2dOptions{}, Pool2dOptions{.stride = Size2(2), .padding = Padding(0, 0, 0, 1)}}) {
    const Tensor x = from_vector<float>({1, 2, 2, 2}, {1, 2, 2, 1}).set_requires_grad(true);
    backward(sum(max_pool2d(x, 2, options)));
    CHECK(x.grad().to_vector<float>() == std::vector<float>{0, 1, 0, 0});
  }
}

TEST_CASE("NaN wins max pooling and takes the gradient", "[fast][pooling]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Pool2dOptions& options :
       {Pool2dOptions{}, Pool2dOptions{.stride = Size2(2), .padding = Padding(0, 0, 0, 1)}}) {
    for (std::size_t place = 0; place < 4; ++place) {
      std::vector<float> values{5, 5, 5, 5};
      values[place] = nan;
      const Tensor x = from_vector(values, {1, 2, 2, 1}).set_requires_grad(true);
      const Tensor y = max_pool2d(x, 2, options);
      CHECK(std::isnan(y.item<float>()));
      backward(y, ones(y.shape()));
      CHECK(x.grad().data<float>()[place] == 1);
    }
  }
}

TEST_CASE("max pooling of minus infinity stays inside the image", "[fast][pooling]") {
  const Tensor x = full({1, 2, 2, 1}, -std::numeric_limits<double>::infinity()).set_requires_grad(true);
  const Tensor y = max_pool2d(x, 2, {.stride = Size2(1), .padding = 1});
  backward(y, ones(y.shape()));
  CHECK(sum(x.grad()).item<double>() == 9);
}

TEST_CASE("pooling is the same without a tape", "[fast][pooling]") {
  const Tensor x = random_tensor({2, 6, 7, 5}).set_requires_grad(true);
  const Tensor taped = max_pool2d(x, 2);
  const NoGrad off;
  CHECK(equal(max_pool2d(x, 2), taped));
}

TEST_CASE("pooling does not depend on the number of threads", "[fast][pooling]") {
  const Tensor x = random_tensor({5, 33, 31, 9}, 1, Dtype::f32).set_requires_grad(true);
  for (const Pool2dOptions& options :
       {Pool2dOptions{}, Pool2dOptions{.stride = Size2(1), .padding = Padding::same()}}) {
    check_thread_independence([&](const std::vector<Tensor>& in) { return max_pool2d(in[0], 2, options); },
                              {x});
    check_thread_independence(
        [&](const std::vector<Tensor>& in) { return average_pool2d(in[0], 2, options); }, {x});
  }
}

TEST_CASE("pooling says what is wrong", "[fast][pooling]") {
  const Tensor x = zeros({1, 4, 4, 2});
  CHECK_THROWS_WITH(max_pool2d(zeros({4, 4, 2}), 2),
                    ContainsSubstring("max_pool2d: x must be [n, h, w, c], not [4, 4, 2]"));
  CHECK_THROWS_WITH(max_pool2d(Tensor(), 2), ContainsSubstring("max_pool2d: x is undefined"));
  CHECK_THROWS_WITH(max_pool2d(x, 5),
                    ContainsSubstring("max_pool2d: window of 5 cells is larger than the 4 cells"));
  CHECK_THROWS_WITH(max_pool2d(x, 0), ContainsSubstring("must be at least 1"));
  CHECK_THROWS_WITH(max_pool2d(x, 2, {.stride = Size2(0)}), ContainsSubstring("stride 0 must be at least 1"));
  CHECK_THROWS_WITH(average_pool2d(x, 2, {.padding = 2}),
                    ContainsSubstring("must be smaller than the window 2x2"));
  CHECK_THROWS_WITH(average_pool2d(x, 2, {.padding = {0, -1, 0, 0}}),
                    ContainsSubstring("negative padding (0, -1)"));
  CHECK_THROWS_WITH(average_pool2d(x.to(Dtype::i32), 2),
                    ContainsSubstring("average_pool2d: not available for i32"));
  CHECK_THROWS_WITH(max_pool2d(x.to(Dtype::u8), 2), ContainsSubstring("max_pool2d: not available for u8"));
  CHECK_THROWS_WITH(max_pool2d(zeros({1, 0, 4, 2}), 2, {.padding = Padding::same()}),
                    ContainsSubstring("empty images"));
  CHECK_THROWS_WITH(global_average_pool(zeros({2, 3})),
                    ContainsSubstring("global_average_pool: x must be [n, h, w, c]"));
  CHECK_THROWS_WITH(global_max_pool(zeros({2, 3})),
                    ContainsSubstring("global_max_pool: x must be [n, h, w, c]"));
}
