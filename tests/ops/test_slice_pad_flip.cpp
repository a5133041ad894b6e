#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

std::vector<double> values(const Tensor& x) { return x.to(Dtype::f64).to_vector<double>(); }

}  // namespace

TEST_CASE("slice takes every step-th element along an axis", "[fast][shape]") {
  const Tensor x = arange(10, {Dtype::i32});
  CHECK(values(slice(x, 0, 2, 5)) == std::vector<double>{2, 3, 4});
  CHECK(values(slice(x, 0, 1, 9, 3)) == std::vector<double>{1, 4, 7});
  CHECK(values(slice(x, 0, -3, -1)) == std::vector<double>{7, 8});
  CHECK(slice(x, 0, 4, 4).shape() == Shape{0});
  const Tensor y = reshape(arange(24), {2, 3, 4});
  CHECK(values(slice(y, 1, 1, 2)) == std::vector<double>{4, 5, 6, 7, 16, 17, 18, 19});
  CHECK(values(slice(y, -1, 0, 4, 3)) == std::vector<double>{0, 3, 4, 7, 8, 11, 12, 15, 16, 19, 20, 23});
  CHECK(equal(slice(y, 0, 1, 2), reshape(y[1], {1, 3, 4})));
}

TEST_CASE("pad fills around or reflects", "[fast][shape]") {
  const Tensor x = reshape(arange(6), {2, 3});
  CHECK(values(pad(x, {{1, 0}, {0, 2}}, PadMode::constant, 9)) ==
        std::vector<double>{9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 3, 4, 5, 9, 9});
  CHECK(values(pad(x, {{1, 1}, {2, 1}}, PadMode::reflect)) ==
        std::vector<double>{5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1});
  CHECK(equal(pad(x, {{0, 0}, {0, 0}}), x));
  CHECK(values(pad(zeros({0, 1}), {{1, 0}, {0, 1}}, PadMode::constant, 4)) == std::vector<double>{4, 4});
  const Tensor bytes = pad(full({1}, 3, {Dtype::u8}), {{1, 1}}, PadMode::constant, 7);
  CHECK(values(bytes) == std::vector<double>{7, 3, 7});
}

TEST_CASE("pad of images is the copy its definition says", "[fast][shape]") {
  const Tensor x = random_tensor({2, 3, 4, 5});
  for (PadMode mode : {PadMode::constant, PadMode::reflect}) {
    const Tensor y = pad(x, {{0, 0}, {2, 1}, {1, 3}, {0, 0}}, mode, 0.5);
    bool same = true;
    for (std::int64_t h = 0; h < 6; ++h) {
      for (std::int64_t w = 0; w < 8; ++w) {
        std::int64_t ih = h - 2, iw = w - 1;
        const bool inside = ih >= 0 && ih < 3 && iw >= 0 && iw < 4;
        if (mode == PadMode::reflect) {
          ih = ih < 0 ? -ih : ih > 2 ? 4 - ih : ih;
          iw = iw < 0 ? -iw : iw > 3 ? 6 - iw : iw;
        }
        for (std::int64_t c = 0; c < 5; ++c) {
          const double expected = inside || mode == PadMode::reflect ? at(x, 1, ih, iw, c) : 0.5;
          same = same && at(y, 1, h, w, c) == expected;
        }
      }
    }
    CHECK(same);
  }
}

TEST_CASE("flip reverses axes", "[fast][shape]") {
  const Tensor x = reshape(arange(6), {1, 3, 2});
  CHECK(values(flip(x, {1})) == std::vector<double>{4, 5, 2, 3, 0, 1});
  CHECK(values(flip(x, {-1, 1})) == std::vector<double>{5, 4, 3, 2, 1, 0});
  CHECK(equal(flip(flip(x, {0, 1}), {0, 1}), x));
  CHECK(equal(flip(x, {}), x));
}

TEST_CASE("gradients of slice, pad and flip", "[fast][shape]") {
  const Tensor x = random_tensor({2, 5, 4});
  const auto square = [](const Tensor& t) { return t * t; };
  check_gradients_twice([&](const std::vector<Tensor>& in) { return slice(square(in[0]), 1, 1, 4); }, {x});
  // 5 cells at step 2 from 0 end on the last, from 1 do not; step 3 leaves two.
  for (std::int64_t begin : {0, 1}) {
    check_gradients_twice([&](const std::vector<Tensor>& in) { return slice(square(in[0]), 1, begin, 5, 2); },
                          {x});
  }
  check_gradients_twice([&](const std::vector<Tensor>& in) { return slice(square(in[0]), -1, 0, 4, 3); },
                        {x});
  check_gradients_twice([&](const std::vector<Tensor>& in) { return flip(square(in[0]), {0, 2}); }, {x});
  check_gradients_twice(
      [&](const std::vector<Tensor>& in) {
        return pad(square(in[0]), {{0, 0}, {1, 2}, {3, 0}});
      },
      {x});
  // Reflections as wide as allowed, on both sides of one axis and on one side of another.
  check_gradients_twice(
      [&](const std::vector<Tensor>& in) {
        return pad(square(in[0]), {{1, 0}, {4, 3}, {0, 3}}, PadMode::reflect);
      },
      {x});
}

TEST_CASE("the gradient of a row flows twice", "[fast][shape]") {
  check_gradients_twice([](const std::vector<Tensor>& in) { return (in[0] * in[0])[1]; },
                        {random_tensor({3, 2, 2})});
  check_gradients_twice([](const std::vector<Tensor>& in) { return (in[0] * in[0])[2]; },
                        {random_tensor({3})});
}

TEST_CASE("slice, pad and flip do not depend on the number of threads", "[fast][shape]") {
  const Tensor x = random_tensor({3, 41, 37, 5}, 1, Dtype::f32).set_requires_grad(true);
  check_thread_independence([](const std::vector<Tensor>& in) { return slice(in[0], 1, 1, 40, 2); }, {x});
  check_thread_independence([](const std::vector<Tensor>& in) { return flip(in[0], {1, 2}); }, {x});
  check_thread_independence(
      [](const std::vector<Tensor>& in) {
        return pad(in[0], {{0, 0}, {4, 4}, {4, 4}, {0, 0}}, PadMode::reflect);
      },
      {x});
}

TEST_CASE("slice, pad and flip say what is wrong", "[fast][shape]") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH(slice(x, 1, 2, 4), ContainsSubstring("slice: [2, 4) is not within axis 1 of [2, 3]"));
  CHECK_THROWS_WITH(slice(x, 1, 2, 1), ContainsSubstring("slice: [2, 1) is not within"));
  CHECK_THROWS_WITH(slice(x, 1, -4, 2), ContainsSubstring("slice: [-4, 2) is not within"));
  CHECK_THROWS_WITH(slice(x, 2, 0, 1), ContainsSubstring("slice: axis 2 is out of range"));
  CHECK_THROWS_WITH(slice(x, 0, 0, 1, 0), ContainsSubstring("step 0 is below 1; flip() reverses"));
  CHECK_THROWS_WITH(flip(x, {0, -2}), ContainsSubstring("flip: axis -2 is given twice"));
  CHECK_THROWS_WITH(flip(x, {5}), ContainsSubstring("flip: axis 5 is out of range"));
  CHECK_THROWS_WITH(pad(x, {{1, 1}}), ContainsSubstring("pad: 1 widths for x [2, 3]"));
  CHECK_THROWS_WITH(pad(x, {{0, 0}, {-1, 0}}),
                    ContainsSubstring("pad: negative width (-1, 0) of axis 1; slice() cuts"));
  CHECK_THROWS_WITH(pad(x, {{2, 0}, {0, 0}}, PadMode::reflect),
                    ContainsSubstring("needs an extent above it, but axis 0"));
  CHECK_THROWS_WITH(pad(Tensor(), {}), ContainsSubstring("pad: x is undefined"));
  CHECK_THROWS_WITH(slice(Tensor(), 0, 0, 0), ContainsSubstring("slice: x is undefined"));
  CHECK_THROWS_WITH(flip(Tensor(), {}), ContainsSubstring("flip: x is undefined"));
}
