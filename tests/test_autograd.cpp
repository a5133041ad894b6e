#include "catch2.h"
#include "noyau/ops.h"
#include "noyau/testing.h"

using namespace noyau;

namespace {

Tensor random(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return normal(shape, 0, 1, {Dtype::f64}, generator);
}

}  // namespace

TEST_CASE("backward accumulates into leaves", "[fast]") {
  const Tensor x = tensor({1, -2, 3}).set_requires_grad(true);
  backward(sum(x * x + relu(x)));
  CHECK(equal(x.grad(), tensor({3, -4, 7})));
  backward(sum(x));
  CHECK(equal(x.grad(), tensor({4, -3, 8})));
}

TEST_CASE("gradcheck of the first ops", "[fast]") {
  const auto f = [](const std::vector<Tensor>& x) {
    return relu(mul(add(x[0], x[1]), broadcast_to(neg(x[1]), {2, 3, 4})));
  };
  const GradcheckResult result = gradcheck(f, {random({2, 3, 4}, 1), random({3, 1}, 2)}, {.second_order = true});
  INFO(result.what);
  CHECK(result.passed);
}
