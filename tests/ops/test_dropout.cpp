#include <cmath>

#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

TEST_CASE("dropout follows its documented rule", "[fast][dropout]") {
  // 131 elements: two runs of 64, and a last block of which three words are used.
  constexpr double kRate = 0.3;
  const Tensor x = random_tensor({131});
  Generator generator(0x123456789ull, 0xFFFFFFFFull);  // the offset carries into its upper word
  const Tensor y = dropout(x, kRate, generator);
  CHECK(generator.offset() == 0xFFFFFFFFull + 33);
  for (std::uint64_t i = 0; i < 131; ++i) {
    const std::uint64_t offset = 0xFFFFFFFFull + i / 4;
    const auto words =
        philox4x32({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(offset >> 32), 0, 0},
                   {0x23456789u, 1u});
    const bool kept = static_cast<double>(words[i % 4]) >= std::floor(kRate * 0x1p32);
    CHECK(y.data<double>()[i] == (kept ? x.data<double>()[i] * (1 / (1 - kRate)) : 0));
  }
}

TEST_CASE("dropout keeps the expectation and repeats with its generator", "[fast][dropout]") {
  for (double rate : {0.1, 0.5, 0.9}) {
    const Tensor x = ones({100000});
    Generator a(5), b(5);
    const Tensor y = dropout(x, rate, a);
    CHECK(equal(y, dropout(x, rate, b)));
    CHECK(!equal(y, dropout(x, rate, b)));
    CHECK(sum(y).item<double>() / 100000 == Approx(1).margin(5 * std::sqrt(rate / (1 - rate) / 100000)));
  }
}

TEST_CASE("dropout at rate 0 is its input", "[fast][dropout]") {
  Generator generator(5);
  const Tensor x = random_tensor({3});
  CHECK(dropout(x, 0, generator).shares_storage(x));
  CHECK(generator.offset() == 0);
}

TEST_CASE("gradients of dropout", "[fast][dropout]") {
  const auto f = [](const std::vector<Tensor>& in) {
    Generator generator(3);
    return dropout(in[0] * in[0], 0.4, generator);
  };
  check_gradients_twice(f, {random_tensor({7, 11})});  // 77 elements: one full run and part of the next
  const auto g = [](const std::vector<Tensor>& in) {
    Generator generator(3);
    return spatial_dropout(in[0] * in[0], 0.4, generator);
  };
  check_gradients_twice(g, {random_tensor({2, 3, 2, 5})});
}

TEST_CASE("dropped elements are zero even if not finite", "[fast][dropout]") {
  Generator generator(5);
  const Tensor y = dropout(full({64}, INFINITY), 0.5, generator);
  for (float value : y.to_vector<float>()) CHECK((value == 0 || std::isinf(value)));
}

TEST_CASE("spatial_dropout drops whole channels", "[fast][dropout]") {
  Generator generator(5), same(5);
  const Tensor x = ones({3, 4, 5, 7}, {Dtype::f64});
  const Tensor y = spatial_dropout(x, 0.5, generator);
  const Tensor mask = dropout(ones({3, 1, 1, 7}, {Dtype::f64}), 0.5, same);
  CHECK(equal(y, broadcast_to(mask, x.shape())));
  CHECK(spatial_dropout(x, 0, generator).shares_storage(x));
}

TEST_CASE("dropout does not depend on the number of threads", "[fast][dropout]") {
  check_thread_independence(
      [](const std::vector<Tensor>& in) {
        Generator generator(3);
        return dropout(in[0], 0.2, generator);
      },
      {random_tensor({50001}, 1, Dtype::f32).set_requires_grad(true)});
}

TEST_CASE("dropout says what is wrong", "[fast][dropout]") {
  const Tensor x = zeros({1, 2, 2, 2});
  CHECK_THROWS_WITH(dropout(x, 1), ContainsSubstring("dropout: rate 1 is not in [0, 1)"));
  CHECK_THROWS_WITH(dropout(x, -0.5), ContainsSubstring("rate -0.5"));
  CHECK_THROWS_WITH(dropout(x, NAN), ContainsSubstring("is not in [0, 1)"));
  CHECK_THROWS_WITH(dropout(Tensor(), 0.5), ContainsSubstring("dropout: x is undefined"));
  CHECK_THROWS_WITH(dropout(x.to(Dtype::i32), 0.5), ContainsSubstring("not available for i32"));
  CHECK_THROWS_WITH(spatial_dropout(x, 2), ContainsSubstring("spatial_dropout: rate 2"));
  CHECK_THROWS_WITH(spatial_dropout(zeros({2, 2}), 0.5), ContainsSubstring("x must be [n, h, w, c]"));
}
