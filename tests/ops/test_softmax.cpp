#include <cmath>
#include <limits>

#include "catch2.h"
#include "noyau/ops.h"
#include "ops/check.h"

using namespace noyau;

namespace {

struct Case {
  Shape shape;
  int axis;
};

// One element; a row shorter than a vector; longer than the lanes, with a remainder; the first, a middle and the last
// axis; more columns than a tile.
const Case kCases[] = {{{3, 1}, 1},    {{2, 5}, 1},       {{2, 53}, -1}, {{5, 3}, 0},
                       {{2, 4, 3}, 1}, {{2, 3, 2, 2}, 3}, {{3, 131}, 0}};

}  // namespace

TEST_CASE("softmax and log_softmax agree with the definition", "[fast]") {
  for (const Case& c : kCases) {
    INFO(message(c.shape, " axis ", c.axis));
    const Tensor x = random_f64(c.shape, 3) * 3.0;
    const Tensor expected = noyau::exp(x) / sum(noyau::exp(x), {c.axis}, true);
    CHECK(all_close(softmax(x, c.axis), expected, 1e-13, 0));
    CHECK(all_close(log_softmax(x, c.axis), noyau::log(expected), 1e-12, 1e-13));
    CHECK(all_close(softmax(x.to(Dtype::f32), c.axis).to(Dtype::f64), expected, 3e-6, 1e-9));
    CHECK(all_close(log_softmax(x.to(Dtype::f32), c.axis).to(Dtype::f64), noyau::log(expected), 2e-6, 2e-6));
  }
}

TEST_CASE("gradients of softmax and log_softmax", "[fast]") {
  for (const Case& c : kCases) {
    if (Shape(c.shape).size() > 60) continue;  // second derivatives by differences cost size^2 passes
    INFO(message(c.shape, " axis ", c.axis));
    check_gradients([&](const std::vector<Tensor>& x) { return softmax(x[0], c.axis); },
                    {random_f64(c.shape, 4)});
    check_gradients([&](const std::vector<Tensor>& x) { return log_softmax(x[0], c.axis); },
                    {random_f64(c.shape, 5)});
  }
}

TEST_CASE("the kernels of the softmax gradients agree with the ops", "[fast]") {
  for (const Case& c : kCases) {
    const Tensor x = random_f64(c.shape, 6).set_requires_grad(true);
    const Tensor weights = random_f64(c.shape, 7);
    for (const Tensor& y : {softmax(x, c.axis), log_softmax(x, c.axis)}) {
      const Tensor kernel = grad(y, {x}, {.seed = weights})[0];
      const Tensor ops = grad(y, {x}, {.seed = weights, .create_graph = true})[0];
      CHECK(all_close(kernel, ops, 1e-12, 1e-13));
    }
  }
}

TEST_CASE("softmax does not overflow", "[fast]") {
  const Tensor x = tensor({1000, 0, -1000});
  CHECK(equal(softmax(x), tensor({1, 0, 0})));
  CHECK(all_close(log_softmax(x), tensor({0, -1000, -2000})));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(all_close(softmax(tensor({0, -infinity, 0})), tensor({0.5, 0, 0.5})));
  CHECK(std::isnan(softmax(tensor({0, std::nan("")})).data<float>()[0]));
}

TEST_CASE("softmax of an empty tensor is empty", "[fast]") {
  const Tensor x = zeros({0, 3}).set_requires_grad(true);
  CHECK(softmax(x).shape() == Shape{0, 3});
  CHECK(grad(softmax(x), {x}, {.seed = zeros({0, 3})})[0].shape() == Shape{0, 3});
}
