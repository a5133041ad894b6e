#include <cmath>
#include <limits>

#include "catch2.h"
#include "noyau/ops.h"
#include "ops/check.h"

using namespace noyau;

namespace {

using Binary = Tensor (*)(const Tensor&, const Tensor&);
using Scalar = double (*)(double, double);

struct NamedBinary {
  const char* name;
  Binary op;
  Scalar reference;
};

const NamedBinary kBinaries[] = {
    {"add", add, [](double a, double b) { return a + b; }},
    {"sub", sub, [](double a, double b) { return a - b; }},
    {"mul", mul, [](double a, double b) { return a * b; }},
    {"div", div, [](double a, double b) { return a / b; }},
    {"minimum", minimum, [](double a, double b) { return std::min(a, b); }},
    {"maximum", maximum, [](double a, double b) { return std::max(a, b); }},
};

// The element of `x` that an index of the broadcast `shape` reads, by division of the flat index.
double broadcast_element(const Tensor& x, const Shape& shape, std::int64_t flat) {
  std::int64_t offset = 0;
  std::int64_t stride = 1;
  for (int back = 1; back <= shape.rank(); ++back) {
    const std::int64_t index = flat % shape[shape.rank() - back];
    flat /= shape[shape.rank() - back];
    if (back > x.rank()) continue;
    const std::int64_t extent = x.shape()[x.rank() - back];
    offset += extent == 1 ? 0 : index * stride;
    stride *= extent;
  }
  return x.data<double>()[offset];
}

struct ShapePair {
  Shape a;
  Shape b;
};

// Same shape; scalars on either side; trailing channels; inner and outer repetition; both repeated, crosswise; ranks
// that differ; extents of 1 between; more than a block of 4096 elements, in one row and in many.
const ShapePair kShapes[] = {
    {{3, 5}, {3, 5}},       {{3, 5}, {}},
    {{}, {3, 5}},           {{2, 3, 4, 7}, {7}},
    {{7}, {2, 3, 7}},       {{4, 1}, {4, 6}},
    {{4, 1}, {1, 6}},       {{2, 1, 3, 1}, {5, 1, 4}},
    {{1, 1, 3}, {2, 1, 1}}, {{}, {}},
    {{1}, {1, 1}},          {{5003}, {5003}},
    {{1700, 3}, {3}},       {{1700, 3}, {1700, 1}},
    {{0, 3}, {3}},
};

}  // namespace

TEST_CASE("binary ops broadcast as NumPy does", "[fast]") {
  for (const ShapePair& shapes : kShapes) {
    const Tensor a = random_f64(shapes.a, 1);
    const Tensor b = random_f64(shapes.b, 2);
    const Shape shape = broadcast_shapes("test", shapes.a, shapes.b);
    for (const NamedBinary& binary : kBinaries) {
      INFO(binary.name << to_string(a.detach()) << message(shapes.a, " ", shapes.b));
      const Tensor y = binary.op(a, b);
      REQUIRE(y.shape() == shape);
      bool same = true;
      for (std::int64_t i = 0; i < shape.size(); ++i) {
        same = same && y.data<double>()[i] ==
                           binary.reference(broadcast_element(a, shape, i), broadcast_element(b, shape, i));
      }
      CHECK(same);
      CHECK(all_close(binary.op(a.to(Dtype::f32), b.to(Dtype::f32)).to(Dtype::f64), y, 1e-3, 1e-5));
    }
  }
}

TEST_CASE("gradients of binary ops sum over the broadcast", "[fast]") {
  // the kinds of repetition above, small enough for central differences
  const ShapePair shapes[] = {
      {{2, 3}, {2, 3}}, {{2, 3, 4}, {4}}, {{}, {3, 2}}, {{3, 1}, {1, 4}}, {{2, 1, 3}, {4, 1}}};
  for (const ShapePair& pair : shapes) {
    for (const NamedBinary& binary : kBinaries) {
      INFO(binary.name << message(" ", pair.a, " ", pair.b));
      const Tensor b = random_f64(pair.b, 4);
      const Tensor away_from_zero = where(less(b, zeros({}, {Dtype::f64})), b - 0.5, b + 0.5);
      check_gradients([&](const std::vector<Tensor>& x) { return binary.op(x[0], x[1]); },
                      {random_f64(pair.a, 3), away_from_zero});
    }
  }
}

TEST_CASE("ops with a number", "[fast]") {
  const Tensor x = random_f64({3, 5}, 5);
  const Tensor two = full({}, 2, {Dtype::f64});
  CHECK(equal(x + 2.0, add(x, two)));
  CHECK(equal(2.0 + x, add(x, two)));
  CHECK(equal(x - 2.0, sub(x, two)));
  CHECK(equal(2.0 - x, sub(two, x)));
  CHECK(equal(x * 2.0, mul(x, two)));
  CHECK(equal(2.0 * x, mul(x, two)));
  CHECK(equal(x / 2.0, div(x, two)));
  CHECK(all_close(2.0 / x, div(two, x), 1e-15, 0));
  CHECK(equal(-x, mul(x, -1)));
  check_gradients([](const std::vector<Tensor>& v) { return (2.0 - v[0]) * 3.0 + 1.0 / (v[0] * v[0] + 1.0); },
                  {x});
}

TEST_CASE("minimum and maximum share ties and pass NaN on", "[fast]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor a = tensor({1, 2, nan, 0}).set_requires_grad(true);
  const Tensor b = tensor({1, 3, 0, nan}).set_requires_grad(true);
  for (const Binary op : {Binary(minimum), Binary(maximum)}) {
    const Tensor y = op(a, b);
    CHECK(std::isnan(y.data<float>()[2]));
    CHECK(std::isnan(y.data<float>()[3]));
    CHECK(grad(y, {a}, {.seed = ones({4})})[0].data<float>()[0] == 0.5f);
    CHECK(grad(y, {b}, {.seed = ones({4})})[0].data<float>()[0] == 0.5f);
  }
  CHECK(grad(maximum(a, b), {b}, {.seed = ones({4})})[0].data<float>()[1] == 1);
  CHECK(grad(minimum(a, b), {b}, {.seed = ones({4})})[0].data<float>()[1] == 0);
}

TEST_CASE("where chooses and sends the gradient where it chose", "[fast]") {
  const Tensor condition = from_vector<std::uint8_t>({1, 0, 7}, {3, 1});
  check_gradients(
      [&](const std::vector<Tensor>& x) { return where(condition.to(x[0].device()), x[0], x[1]); },
      {random_f64({4}, 1), random_f64({2, 3, 4}, 2)});
  const Tensor y =
      where(condition, from_vector<std::int32_t>({1}, {}), from_vector<std::int32_t>({5, 6}, {2}));
  CHECK(equal(y, from_vector<std::int32_t>({1, 1, 5, 6, 1, 1}, {3, 2})));
}

TEST_CASE("comparisons give u8 and no gradient", "[fast]") {
  const Tensor a = tensor({1, 2, 3}).set_requires_grad(true);
  CHECK(equal(less(a, tensor({2})), from_vector<std::uint8_t>({1, 0, 0}, {3})));
  CHECK(equal(equal_to(a, tensor({2})), from_vector<std::uint8_t>({0, 1, 0}, {3})));
  CHECK_FALSE(less(a, a).requires_grad());
  CHECK(equal(equal_to(from_vector<std::int32_t>({4, 5}, {2}), from_vector<std::int32_t>({5}, {1})),
              from_vector<std::uint8_t>({0, 1}, {2})));
}

TEST_CASE("elementwise errors say what is wrong", "[fast]") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH(
      add(x, zeros({2, 4})),
      ContainsSubstring("add: shapes [2, 3] and [2, 4] do not broadcast (3 against 4 at axis -1)"));
  CHECK_THROWS_WITH(mul(x, zeros({3}, {Dtype::f64})),
                    ContainsSubstring("mul: operands of different dtypes (a f32, b f64)"));
  CHECK_THROWS_WITH(sub(x, Tensor()), ContainsSubstring("sub: b is undefined"));
  CHECK_THROWS_WITH(div(Tensor(), x), ContainsSubstring("div: a is undefined"));
  CHECK_THROWS_WITH(add(x.to(Dtype::i32), x.to(Dtype::i32)), ContainsSubstring("add: not available for i32"));
  CHECK_THROWS_WITH(exp(x.to(Dtype::u8)), ContainsSubstring("exp: not available for u8"));
  CHECK_THROWS_WITH(less(x, Tensor()), ContainsSubstring("less: b is undefined"));
  CHECK_THROWS_WITH(where(x, x, x),
                    ContainsSubstring("where: condition is f32 [2, 3] on cpu, not u8 on cpu"));
  CHECK_THROWS_WITH(where(Tensor(), x, x), ContainsSubstring("where: condition is undefined"));
  CHECK_THROWS_WITH(where(less(x, x), x, Tensor()), ContainsSubstring("where: b is undefined"));
  CHECK_THROWS_WITH(clamp(x, 2, 1),
                    ContainsSubstring("clamp: the lower bound 2 is not below the upper bound 1"));
}
