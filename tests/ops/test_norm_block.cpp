#include "each_isa.h"
#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

struct Case {
  Shape shape;
  NormBlockOptions options;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (Activation activation :
       {Activation::none, Activation::relu, Activation::leaky_relu, Activation::gelu, Activation::silu}) {
    for (bool pool : {false, true}) {
      for (double rate : {0.0, 0.4}) {
        const NormBlockOptions options{
            .epsilon = 1e-2, .activation = activation, .slope = 0.2, .pool = pool, .dropout = rate};
        all.push_back({{2, 5, 7, 3}, options});   // odd sizes leave a row and a column without a window
        all.push_back({{3, 2, 4, 19}, options});  // two vectors of doubles and three more channels
      }
    }
  }
  return all;
}

Tensor one_by_one(const std::vector<Tensor>& in, bool training, const NormBlockOptions& o,
                  std::uint64_t seed) {
  Generator generator(seed);
  Tensor y = batch_norm(in[0], in[1], in[2], in[3].clone(), in[4].clone(), training, {.epsilon = o.epsilon});
  y = o.activation == Activation::leaky_relu ? leaky_relu(y, o.slope) : activate(y, o.activation);
  if (o.pool) y = max_pool2d(y, 2);
  return dropout(y, o.dropout, generator);
}

Tensor at_once(const std::vector<Tensor>& in, bool training, const NormBlockOptions& o, std::uint64_t seed) {
  Generator generator(seed);
  return norm_block(in[0], in[1], in[2], in[3].clone(), in[4].clone(), training, o, generator);
}

std::vector<Tensor> operands(const Shape& shape, Dtype dtype = Dtype::f64) {
  const Shape channels{shape.dim(-1)};
  return {random_tensor(shape, 1, dtype).set_requires_grad(true),
          random_tensor(channels, 2, dtype).set_requires_grad(true),
          random_tensor(channels, 3, dtype).set_requires_grad(true), random_tensor(channels, 4, dtype),
          ones(channels, {dtype})};
}

}  // namespace

TEST_CASE("norm_block is its ops one by one, on every instruction set", "[fast][norm]") {
  for_each_isa([&](std::string_view isa) {
    for (const Case& c : cases()) {
      for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
        for (bool training : {true, false}) {
          INFO(message(isa, " ", c.shape, " ", dtype, " ", static_cast<int>(c.options.activation), " pool ",
                       c.options.pool, " dropout ", c.options.dropout, " training ", training));
          const std::vector<Tensor> in = operands(c.shape, dtype);
          const double tolerance = dtype == Dtype::f32 ? 2e-5 : 1e-12;
          const Tensor fused = at_once(in, training, c.options, 6);
          const Tensor plain = one_by_one(in, training, c.options, 6);
          CHECK(all_close(fused, plain, tolerance, tolerance));
          const GradOptions seed{.seed = random_tensor(fused.shape(), 9, dtype)};
          const std::vector<Tensor> wrt{in[0], in[1], in[2]};
          const std::vector<Tensor> a = grad(fused, wrt, seed), b = grad(plain, wrt, seed);
          for (std::size_t i = 0; i < wrt.size(); ++i) CHECK(all_close(a[i], b[i], tolerance, 4 * tolerance));
        }
      }
    }
  });
}

TEST_CASE("gradients of norm_block", "[fast][norm]") {
  for (const Case& c : cases()) {
    for (bool training : {true, false}) {
      INFO(message(c.shape, " ", static_cast<int>(c.options.activation), " pool ", c.options.pool,
                   " dropout ", c.options.dropout, " training ", training));
      const std::vector<Tensor> in = operands(c.shape);
      const auto f = [&](const std::vector<Tensor>& v) {
        const std::vector<Tensor> averages = moved({in[3], in[4]}, v[0].device());
        return at_once({v[0], v[1], v[2], averages[0], averages[1]}, training, c.options, 6);
      };
      check_gradients(f, {random_tensor(c.shape, 1), random_tensor({c.shape.dim(-1)}, 2),
                          random_tensor({c.shape.dim(-1)}, 3)});
    }
  }
}

TEST_CASE("norm_block takes rows, and parameters that are not there", "[fast][norm]") {
  const NormBlockOptions options{.activation = Activation::relu, .dropout = 0.3};
  const auto f = [&](const std::vector<Tensor>& in) {
    Generator generator(2);
    return norm_block(in[0], {}, {}, {}, {}, true, options, generator);
  };
  check_gradients(f, {random_tensor({7, 5})});  // rank 2; no vector is full
  const Tensor x = random_tensor({3, 4, 4, 2});
  CHECK(all_close(norm_block(x, {}, {}, {}, {}, true, {.pool = true}),
                  max_pool2d(batch_norm(x, {}, {}, {}, {}, true), 2), 1e-12, 1e-12));
}

TEST_CASE("norm_block moves its averages and its generator as its ops do", "[fast][norm]") {
  const std::vector<Tensor> in = operands({4, 6, 6, 5});
  const Tensor mean = in[3].clone(), variance = in[4].clone();
  Generator generator(1);
  norm_block(in[0], in[1], in[2], mean, variance, true, {.momentum = 0.75, .pool = true, .dropout = 0.1},
             generator);
  CHECK(generator.offset() == 4 * 3 * 3 * 5 / 4);
  batch_norm(in[0], in[1], in[2], in[3], in[4], true, {.momentum = 0.75});
  CHECK(equal(mean, in[3]));
  CHECK(equal(variance, in[4]));
}

TEST_CASE("norm_block lets not-a-number win and drops what is not finite", "[fast][norm]") {
  const Tensor x = zeros({1, 2, 2, 1});
  x.mutable_data<float>()[1] = NAN;
  const Tensor mean = zeros({1}), variance = ones({1});
  for (Activation activation : {Activation::none, Activation::relu, Activation::gelu}) {
    const Tensor y = norm_block(x, {}, {}, mean, variance, false, {.activation = activation, .pool = true});
    CHECK(std::isnan(y.item<float>()));
  }
  Generator generator(5);
  const Tensor huge = full({64, 1}, INFINITY);
  const Tensor y = norm_block(huge, {}, {}, mean, variance, false, {.dropout = 0.5}, generator);
  for (float value : y.to_vector<float>()) CHECK((value == 0 || std::isinf(value)));
}

TEST_CASE("norm_block does not depend on the number of threads", "[fast][norm]") {
  const std::vector<Tensor> all =
      operands({5, 31, 33, 18}, Dtype::f32);  // many lines, odd, a tail of channels
  for (bool pool : {false, true}) {
    const auto f = [&](const std::vector<Tensor>& in) {
      Generator generator(3);
      return norm_block(in[0], in[1], in[2], {}, {}, true,
                        {.activation = Activation::relu, .pool = pool, .dropout = 0.2}, generator);
    };
    check_thread_independence(f, {all[0], all[1], all[2]});
  }
}

TEST_CASE("norm_block says what is wrong", "[fast][norm]") {
  const Tensor x = zeros({2, 4, 4, 3});
  const auto block = [](const Tensor& input, const NormBlockOptions& options) {
    return norm_block(input, {}, {}, {}, {}, true, options);
  };
  CHECK_THROWS_WITH(block(x, {.activation = Activation::tanh}),
                    ContainsSubstring("norm_block: tanh cannot be fused; use the ops one by one"));
  CHECK_THROWS_WITH(block(x, {.activation = Activation::leaky_relu, .slope = -0.5}),
                    ContainsSubstring("leaky_relu of slope -0.5 cannot be fused"));
  CHECK_THROWS_WITH(block(x, {.dropout = 1}), ContainsSubstring("norm_block: rate 1 is not in [0, 1)"));
  CHECK_THROWS_WITH(block(zeros({8, 3}), {.pool = true}),
                    ContainsSubstring("to be pooled, x must be [n, h, w, c], not [8, 3]"));
  CHECK_THROWS_WITH(block(zeros({2, 1, 4, 3}), {.pool = true}),
                    ContainsSubstring("x [2, 1, 4, 3] is too small for 2x2 windows"));
  CHECK_THROWS_WITH(norm_block(x, ones({2}), {}, {}, {}, true),
                    ContainsSubstring("norm_block: gamma is [2] but x [2, 4, 4, 3] has 3 channels"));
  CHECK_THROWS_WITH(norm_block(x, {}, {}, {}, {}, false),
                    ContainsSubstring("norm_block: evaluation needs moving_mean"));
}
