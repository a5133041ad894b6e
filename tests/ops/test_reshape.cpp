#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

TEST_CASE("reshape is a view", "[fast][shape]") {
  const Tensor x = random_tensor({2, 3, 4});
  const Tensor y = reshape(x, {4, -1});
  CHECK(y.shape() == Shape{4, 6});
  CHECK(y.shares_storage(x));
  CHECK(reshape(x[1], {12}).data<double>() == x.data<double>() + 12);
  CHECK(reshape(x, {-1}).shape() == Shape{24});
  CHECK(reshape(tensor({7}), Shape{}).item<int>() == 7);
  CHECK(reshape(zeros({0, 3}), {3, -1}).shape() == Shape{3, 0});
  CHECK(flatten(x).shape() == Shape{2, 12});
  CHECK(flatten(zeros({0, 3, 2})).shape() == Shape{0, 6});
  CHECK(flatten(zeros({5})).shape() == Shape{5, 1});
}

TEST_CASE("gradients of reshape and rows", "[fast][shape]") {
  const Tensor x = random_tensor({2, 3, 4});
  check_gradients_twice([](const std::vector<Tensor>& in) { return reshape(in[0] * in[0], {3, 8}); }, {x});
  check_gradients_twice([](const std::vector<Tensor>& in) { return flatten(in[0] * in[0]); }, {x});
}

TEST_CASE("reshape says what is wrong", "[fast][shape]") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH(reshape(x, {4, 2}), ContainsSubstring("reshape: [2, 3] has 6 elements but [4, 2] has 8"));
  CHECK_THROWS_WITH(reshape(x, {-1, -1}), ContainsSubstring("2 extents are -1"));
  CHECK_THROWS_WITH(reshape(x, {-1, 4}), ContainsSubstring("no extent for -1"));
  CHECK_THROWS_WITH(reshape(x, {-1, 0}), ContainsSubstring("no extent for -1"));
  CHECK_THROWS_WITH(reshape(x, {1, 1, 1, 1, 1, 1, 1, 1, -1}), ContainsSubstring("9 extents"));
  CHECK_THROWS_WITH(reshape(Tensor(), {1}), ContainsSubstring("reshape: x is undefined"));
  CHECK_THROWS_WITH(flatten(tensor({1})[0]), ContainsSubstring("flatten: a scalar has no leading axis"));
}
