#include <cmath>
#include <limits>

#include "catch2.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "ops/check.h"

using namespace noyau;

namespace {

struct Case {
  Shape shape;
  Axes axes;
};

// All axes; rows; columns; a middle axis; two neighbours; two apart (two steps); negative; extents of 1 among them;
// rows too short for a lane; more rows than a slice; more columns than a tile; narrow columns, packed.
const Case kCases[] = {
    {{3, 5}, {}},        {{3, 5}, {1}},
    {{3, 5}, {0}},       {{2, 3, 4}, {1}},
    {{2, 3, 4}, {1, 2}}, {{2, 3, 4}, {0, 2}},
    {{2, 3, 4}, {-1}},   {{1, 3, 1, 4}, {2}},
    {{2, 1, 4}, {0, 1}}, {{}, {}},
    {{2, 40000}, {1}},   {{3, 1100}, {0}},
    {{20011, 3}, {0}},   {{3, 700, 2, 5}, {1, 3}},
    {{1, 1}, {0}},
};

// `join`s the elements of x that fall together, in order, by division of the flat index.
template <class Join>
std::vector<double> reference(const Tensor& x, const Axes& axes, double start, Join join) {
  std::vector<bool> reduced(static_cast<std::size_t>(x.rank()), axes.empty());
  for (const int axis : axes) reduced[static_cast<std::size_t>(axis < 0 ? axis + x.rank() : axis)] = true;
  std::int64_t count = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    count *= reduced[static_cast<std::size_t>(axis)] ? 1 : x.shape()[axis];
  std::vector<double> result(static_cast<std::size_t>(count), start);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    std::int64_t rest = i;
    std::int64_t at = 0;
    std::int64_t stride = 1;
    for (int axis = x.rank() - 1; axis >= 0; --axis) {
      const std::int64_t index = rest % x.shape()[axis];
      rest /= x.shape()[axis];
      if (reduced[static_cast<std::size_t>(axis)]) continue;
      at += index * stride;
      stride *= x.shape()[axis];
    }
    double& total = result[static_cast<std::size_t>(at)];
    total = join(total, x.data<double>()[i]);
  }
  return result;
}

bool close(const Tensor& y, const std::vector<double>& expected) {
  return all_close(reshape(y, {y.size()}),
                   from_vector(expected, {static_cast<std::int64_t>(expected.size())}), 1e-11, 1e-11);
}

}  // namespace

TEST_CASE("reductions agree with the definition", "[fast]") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const Case& c : kCases) {
    INFO(message(c.shape, " over ", c.axes.size(), " axes"));
    const Tensor x = random_f64(c.shape, 3);
    const std::vector<double> total = reference(x, c.axes, 0, [](double a, double b) { return a + b; });
    const double count = static_cast<double>(x.size()) / static_cast<double>(total.size());
    std::vector<double> average = total;
    for (double& value : average) value /= count;
    CHECK(close(sum(x, c.axes), total));
    CHECK(close(mean(x, c.axes), average));
    CHECK(close(max(x, c.axes),
                reference(x, c.axes, -kInfinity, [](double a, double b) { return std::max(a, b); })));
    CHECK(close(min(x, c.axes),
                reference(x, c.axes, kInfinity, [](double a, double b) { return std::min(a, b); })));
    const Tensor centered = x - mean(x, c.axes, true);
    CHECK(all_close(variance(x, c.axes), mean(centered * centered, c.axes), 1e-12, 1e-14));
  }
}

TEST_CASE("reductions keep or drop their axes", "[fast]") {
  const Tensor x = random_f64({2, 3, 4}, 1);
  CHECK(sum(x, {1}).shape() == Shape{2, 4});
  CHECK(sum(x, {1}, true).shape() == Shape{2, 1, 4});
  CHECK(mean(x).shape() == Shape{});
  CHECK(max(x, {0, 2}, true).shape() == Shape{1, 3, 1});
  CHECK(variance(x, {-1}).shape() == Shape{2, 3});
  CHECK(argmax(x, 1).shape() == Shape{2, 4});
  CHECK(argmax(x, 1, true).shape() == Shape{2, 1, 4});
}

TEST_CASE("gradients of reductions", "[fast]") {
  // all, rows, columns, both sides of a kept axis, neighbours around an extent of 1
  const Case cases[] = {{{2, 3}, {}}, {{3, 4}, {1}}, {{3, 4}, {0}}, {{2, 3, 2}, {0, 2}}, {{2, 1, 3}, {1, 2}}};
  for (const Case& c : cases) {
    for (const bool keep : {false, true}) {
      const Tensor x = random_f64(c.shape, 7);
      check_gradients([&](const std::vector<Tensor>& v) { return sum(v[0] * v[0], c.axes, keep); }, {x});
      check_gradients([&](const std::vector<Tensor>& v) { return mean(v[0] * v[0], c.axes, keep); }, {x});
      check_gradients([&](const std::vector<Tensor>& v) { return variance(v[0], c.axes, keep, 1); }, {x});
      check_gradients([&](const std::vector<Tensor>& v) { return max(v[0] * v[0], c.axes, keep); }, {x});
      check_gradients([&](const std::vector<Tensor>& v) { return min(v[0] * v[0], c.axes, keep); }, {x});
    }
  }
}

TEST_CASE("broadcast_to and sum_to are each other's gradient", "[fast]") {
  check_gradients(
      [](const std::vector<Tensor>& x) {
        return broadcast_to(x[0], {2, 3, 4});
      },
      {random_f64({3, 1}, 1)});
  check_gradients(
      [](const std::vector<Tensor>& x) {
        return sum_to(x[0] * x[0], {3, 1});
      },
      {random_f64({2, 3, 4}, 2)});
  CHECK(equal(sum_to(ones({2, 3, 4}), {3, 1}), full({3, 1}, 8)));
  CHECK(equal(broadcast_to(tensor({1, 2}), {2, 2}), from_vector<float>({1, 2, 1, 2}, {2, 2})));
  const Tensor x = ones({2, 3});
  CHECK(sum_to(x, {2, 3}).shares_storage(x));
}

TEST_CASE("sums of ten million elements stay accurate", "[fast]") {
  const std::int64_t count = 10'000'000;
  Generator generator(5);
  const Tensor x = uniform({count}, 0, 1, {}, generator);
  long double exact = 0;
  for (std::int64_t i = 0; i < count; ++i) exact += x.data<float>()[i];
  CHECK(sum(x).item<double>() == Approx(static_cast<double>(exact)).epsilon(1e-7));
  CHECK(sum(reshape(x, {count / 10, 10}), {0}).data<float>()[0] ==
        Approx(static_cast<double>(exact) / 10).epsilon(1e-2));
}

TEST_CASE("variance does not cancel", "[fast]") {
  const Tensor x = random_f64({1000}, 4).to(Dtype::f32);
  CHECK(variance(x + 1000.0).item<double>() == Approx(variance(x).item<double>()).epsilon(1e-3));
  CHECK(variance(x, {}, false, 1).item<double>() ==
        Approx(variance(x).item<double>() * 1000 / 999).epsilon(1e-6));
}

TEST_CASE("extrema share the gradient among ties and pass NaN on", "[fast]") {
  const Tensor x = tensor({3, 1, 3, 1, 1, 2}).set_requires_grad(true);
  CHECK(equal(grad(max(x), {x})[0], tensor({0.5, 0, 0.5, 0, 0, 0})));
  CHECK(all_close(grad(min(x), {x})[0], tensor({0, 1.0 / 3, 0, 1.0 / 3, 1.0 / 3, 0})));
  const Tensor with_nan = tensor({1, std::nan(""), 2});
  CHECK(std::isnan(max(with_nan).item<double>()));
  CHECK(std::isnan(min(with_nan).item<double>()));
  CHECK(std::isnan(max(from_vector<float>({1, 2, std::nanf(""), 3}, {2, 2}), {0}).data<float>()[0]));
}

TEST_CASE("argmax gives the first of the largest", "[fast]") {
  CHECK(argmax(tensor({1, 5, 5, 2})).item<int>() == 1);
  CHECK(argmax(tensor({1, std::nan(""), 9, std::nan("")})).item<int>() == 1);
  const Tensor x = from_vector<float>({1, 9, 7, 2, 7, 3}, {3, 2});
  CHECK(equal(argmax(x, 0), from_vector<std::int32_t>({1, 0}, {2})));
  CHECK(equal(argmax(x), from_vector<std::int32_t>({1, 0, 0}, {3})));
  CHECK_FALSE(argmax(x).requires_grad());
}

TEST_CASE("empty tensors reduce to what the definition says", "[fast]") {
  CHECK(sum(zeros({0, 3})).item<double>() == 0);
  CHECK(equal(sum(zeros({0, 3}), {0}), zeros({3})));
  CHECK(sum(zeros({0, 3}), {1}).shape() == Shape{0});
  CHECK(std::isnan(mean(zeros({0})).item<double>()));
  CHECK(argmax(zeros({0, 3})).shape() == Shape{0});
  CHECK(argmax(zeros({3, 0}), 0).shape() == Shape{0});
}

TEST_CASE("reductions do not depend on the number of threads", "[fast]") {
  const int before = num_threads();
  const Tensor x = random_f64({300, 701}, 9).to(Dtype::f32);
  const auto results = [&](int threads) {
    set_num_threads(threads);
    return std::vector<Tensor>{sum(x),        sum(x, {0}),   sum(x, {1}), max(x, {0}),    softmax(x),
                               softmax(x, 0), noyau::exp(x), gelu(x),     x * sum(x, {0})};
  };
  const std::vector<Tensor> one = results(1);
  for (const int threads : {2, 3, 5}) {
    const std::vector<Tensor> several = results(threads);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(equal(one[i], several[i]));
  }
  set_num_threads(before);
}

TEST_CASE("reduction errors say what is wrong", "[fast]") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH(sum(x, {2}), ContainsSubstring("sum: axis 2 is out of range for rank 2"));
  CHECK_THROWS_WITH(mean(x, {0, -2}), ContainsSubstring("mean: axis -2 is given twice"));
  CHECK_THROWS_WITH(sum(x.to(Dtype::i32)), ContainsSubstring("sum: not available for i32"));
  CHECK_THROWS_WITH(mean(x.to(Dtype::u8)), ContainsSubstring("mean: not available for u8"));
  CHECK_THROWS_WITH(max(Tensor()), ContainsSubstring("max: x is undefined"));
  CHECK_THROWS_WITH(max(zeros({0, 3}), {0}),
                    ContainsSubstring("max: x [0, 3] has no elements along the reduced axes"));
  CHECK_THROWS_WITH(argmax(zeros({2, 0})),
                    ContainsSubstring("argmax: x [2, 0] has no elements along axis -1"));
  CHECK_THROWS_WITH(argmax(x, 3), ContainsSubstring("argmax: axis 3 is out of range for rank 2"));
  CHECK_THROWS_WITH(variance(x, {0}, false, 2),
                    ContainsSubstring("variance: correction 2 leaves nothing of 2 elements"));
  CHECK_THROWS_WITH(sum_to(x, {2, 2}),
                    ContainsSubstring("sum_to: shapes [2, 3] and [2, 2] do not broadcast"));
  CHECK_THROWS_WITH(sum_to(x, {4, 2, 3}),
                    ContainsSubstring("sum_to: [4, 2, 3] does not broadcast to x [2, 3]"));
  CHECK_THROWS_WITH(broadcast_to(x, {3}),
                    ContainsSubstring("broadcast_to: x [2, 3] does not broadcast to [3]"));
  CHECK_THROWS_WITH(softmax(x, 2), ContainsSubstring("softmax: axis 2 is out of range for rank 2"));
  CHECK_THROWS_WITH(log_softmax(zeros({})),
                    ContainsSubstring("log_softmax: axis -1 is out of range for rank 0"));
}
