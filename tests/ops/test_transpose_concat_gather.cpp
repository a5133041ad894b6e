#include <algorithm>

#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

Tensor ids_of(const std::vector<std::int32_t>& values, const Shape& shape) {
  return from_vector(values, shape);
}

}  // namespace

TEST_CASE("transpose reorders axes", "[fast][shape]") {
  const Tensor x = reshape(arange(6), {2, 3});
  CHECK(transpose(x).to_vector<float>() == std::vector<float>{0, 3, 1, 4, 2, 5});
  CHECK(transpose(tensor({4})[0]).item<int>() == 4);
  CHECK(transpose(zeros({0, 3, 2}), {2, 0, 1}).shape() == Shape{2, 0, 3});
}

TEST_CASE("transpose by every order of four axes", "[fast][shape]") {
  // 17 and 33 are one more than one and two tiles; the extent of 1 is dropped.
  for (const Shape& shape : {Shape{3, 17, 2, 33}, Shape{2, 1, 5, 18}}) {
    const Tensor x = random_tensor(shape);
    Axes order{0, 1, 2, 3};
    do {
      const Tensor y = transpose(x, order);
      bool same = true;
      std::int64_t i[4];
      for (i[0] = 0; i[0] < shape[0]; ++i[0]) {
        for (i[1] = 0; i[1] < shape[1]; ++i[1]) {
          for (i[2] = 0; i[2] < shape[2]; ++i[2]) {
            for (i[3] = 0; i[3] < shape[3]; ++i[3]) {
              same = same && at(y, i[order[0]], i[order[1]], i[order[2]], i[order[3]]) ==
                                 at(x, i[0], i[1], i[2], i[3]);
            }
          }
        }
      }
      CHECK(same);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("concat joins along an axis", "[fast][shape]") {
  const Tensor a = reshape(arange(4), {2, 2});
  const Tensor b = tensor({8, 9});
  CHECK(concat({a, reshape(b, {2, 1})}, 1).to_vector<float>() == std::vector<float>{0, 1, 8, 2, 3, 9});
  CHECK(concat({a, reshape(b, {1, 2}), zeros({0, 2})}, -2).to_vector<float>() ==
        std::vector<float>{0, 1, 2, 3, 8, 9});
  CHECK(equal(concat({a}, 0), a));
}

TEST_CASE("gather picks rows", "[fast][shape]") {
  const Tensor x = reshape(arange(6), {3, 2});
  const Tensor y = gather(x, ids_of({2, 0, 2, 1}, {2, 2}));
  CHECK(y.shape() == Shape{2, 2, 2});
  CHECK(y.to_vector<float>() == std::vector<float>{4, 5, 0, 1, 4, 5, 2, 3});
  CHECK(gather(x, ids_of({1, 1, 0}, {3}), 1).to_vector<float>() ==
        std::vector<float>{1, 1, 0, 3, 3, 2, 5, 5, 4});
  CHECK(gather(x, ids_of({2}, {}), 0).shape() == Shape{2});
  CHECK(gather(x, ids_of({}, {0}), 0).shape() == Shape{0, 2});
}

TEST_CASE("one_hot", "[fast][shape]") {
  const Tensor y = one_hot(ids_of({2, 0}, {2}), 3);
  CHECK(y.to_vector<float>() == std::vector<float>{0, 0, 1, 1, 0, 0});
  CHECK(one_hot(ids_of({1, 1}, {2, 1}), 2, Dtype::u8).shape() == Shape{2, 1, 2});
  CHECK(one_hot(ids_of({}, {0}), 2, Dtype::f64).shape() == Shape{0, 2});
}

TEST_CASE("gradients of transpose, concat and gather", "[fast][shape]") {
  const Tensor x = random_tensor({2, 3, 4});
  check_gradients_twice(
      [](const std::vector<Tensor>& in) {
        return transpose(in[0] * in[0], {1, 2, 0});
      },
      {x});
  check_gradients_twice([](const std::vector<Tensor>& in) { return transpose(in[0] * in[0]); }, {x});
  check_gradients(
      [](const std::vector<Tensor>& in) {
        return concat({in[0], in[1], in[0]}, 1);
      },
      {x, random_tensor({2, 1, 4}, 2)});
  check_gradients_twice(
      [](const std::vector<Tensor>& in) {
        const Tensor y = concat({in[0], in[1]}, -1);
        return y * y;
      },
      {x, random_tensor({2, 3, 2}, 2)});
  // An index that comes twice adds up; one that never comes has gradient 0. 67 columns: a run of 64 and three more.
  for (const auto& [axis, shape] : {std::pair<int, Shape>{0, {4, 67}}, {1, {2, 4, 3}}, {-1, {3, 4}}}) {
    check_gradients([at_axis = axis](const std::vector<Tensor>& in) { return gather(in[0], in[1], at_axis); },
                    {random_tensor(shape), ids_of({3, 0, 3, 1, 3, 0}, {3, 2})});
  }
  check_gradients_twice([](const std::vector<Tensor>& in) { return gather(in[0] * in[0], in[1], 1); },
                        {random_tensor({2, 4, 3}), ids_of({3, 0, 3, 1}, {4})});
}

TEST_CASE("transpose and gather do not depend on the number of threads", "[fast][shape]") {
  const Tensor x = random_tensor({67, 31, 35}, 1, Dtype::f32).set_requires_grad(true);
  check_thread_independence([](const std::vector<Tensor>& in) { return transpose(in[0]); }, {x});
  const Tensor rows = gather(arange(9, {Dtype::i32}), ids_of({1, 0, 2, 0, 1}, {5}));
  check_thread_independence([&](const std::vector<Tensor>& in) { return gather(in[0], rows, 1); }, {x});
  check_thread_independence([](const std::vector<Tensor>& in) { return concat({in[0], in[0]}, 1); }, {x});
}

TEST_CASE("transpose, concat, gather and one_hot say what is wrong", "[fast][shape]") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH(transpose(x, {0}), ContainsSubstring("transpose: 1 axes for x [2, 3]"));
  CHECK_THROWS_WITH(transpose(x, {0, -2}), ContainsSubstring("transpose: axis 0 is given twice"));
  CHECK_THROWS_WITH(transpose(x, {0, 2}), ContainsSubstring("transpose: axis 2 is out of range"));
  CHECK_THROWS_WITH(transpose(Tensor()), ContainsSubstring("transpose: x is undefined"));
  CHECK_THROWS_WITH(concat({}, 0), ContainsSubstring("concat: nothing to join"));
  CHECK_THROWS_WITH(concat({x, Tensor()}, 0), ContainsSubstring("concat: part 1 is undefined"));
  CHECK_THROWS_WITH(concat({x, zeros({2, 4})}, 0),
                    ContainsSubstring("concat: part 1 is [2, 4] but the first [2, 3]"));
  CHECK_THROWS_WITH(concat({x, zeros({2})}, 0), ContainsSubstring("concat: parts of ranks 2 and 1"));
  CHECK_THROWS_WITH(concat({x, zeros({2, 3}, {Dtype::f64})}, 0),
                    ContainsSubstring("concat: operands of different dtypes"));
  CHECK_THROWS_WITH(concat({x}, 2), ContainsSubstring("concat: axis 2 is out of range"));
  CHECK_THROWS_WITH(gather(x, ids_of({0, 2}, {2})),
                    ContainsSubstring("gather: indices hold 2, which is not in [0, 2)"));
  CHECK_THROWS_WITH(gather(x, ids_of({-1, 7}, {2}), 1), ContainsSubstring("gather: indices hold -1"));
  CHECK_THROWS_WITH(gather(x, tensor({0})),
                    ContainsSubstring("gather: indices must be i32, not f32 [1] on cpu"));
  CHECK_THROWS_WITH(gather(Tensor(), x), ContainsSubstring("gather: x is undefined"));
  CHECK_THROWS_WITH(one_hot(ids_of({3}, {1}), 3),
                    ContainsSubstring("one_hot: ids hold 3, which is not in [0, 3)"));
  CHECK_THROWS_WITH(one_hot(ids_of({0}, {1}), 0), ContainsSubstring("one_hot: 0 classes"));
  CHECK_THROWS_WITH(one_hot(Tensor(), 3),
                    ContainsSubstring("one_hot: ids must be i32, not undefined tensor"));
}
