// norm_block() with a residual.
#include "each_isa.h"
#include "kernel_trace.h"
#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::leaky_relu,
                                       Activation::gelu, Activation::silu};

// x, gamma, beta, residual, and averages that nobody differentiates.
std::vector<Tensor> operands(const Shape& shape, Dtype dtype = Dtype::f64) {
  const Shape channels{shape.dim(-1)};
  std::vector<Tensor> all{random_tensor(shape, 1, dtype), random_tensor(channels, 2, dtype),
                          random_tensor(channels, 3, dtype), random_tensor(shape, 4, dtype)};
  for (const Tensor& tensor : all) tensor.set_requires_grad(true);
  all.push_back(random_tensor(channels, 5, dtype));
  all.push_back(full(channels, 1.5, {dtype}));
  return all;
}

Tensor one_by_one(const std::vector<Tensor>& in, bool training, const NormBlockOptions& o) {
  Generator generator(6);
  Tensor y =
      batch_norm(in[0], in[1], in[2], in[4].clone(), in[5].clone(), training, {.epsilon = o.epsilon}) + in[3];
  y = o.activation == Activation::leaky_relu ? leaky_relu(y, o.slope) : activate(y, o.activation);
  if (o.pool) y = max_pool2d(y, 2);
  return dropout(y, o.dropout, generator);
}

Tensor at_once(const std::vector<Tensor>& in, bool training, const NormBlockOptions& o) {
  Generator generator(6);
  return norm_block(in[0], in[1], in[2], in[4].clone(), in[5].clone(), training, o, generator, in[3]);
}

}  // namespace

TEST_CASE("norm_block adds a residual before its activation, on every instruction set", "[fast][norm]") {
  for_each_isa([](std::string_view isa) {
    for (const Shape& shape :
         {Shape{2, 5, 7, 3}, Shape{3, 2, 4, 19}}) {  // no vector is full; two and three more
      for (const Activation activation : kActivations) {
        for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
          for (const bool training : {true, false}) {
            INFO(message(isa, ' ', shape, ' ', static_cast<int>(activation), ' ', dtype, ' ', training));
            const NormBlockOptions options{.epsilon = 1e-2, .activation = activation, .slope = 0.2};
            const std::vector<Tensor> in = operands(shape, dtype);
            const double tolerance = dtype == Dtype::f32 ? 2e-5 : 1e-12;
            const Tensor fused = at_once(in, training, options), plain = one_by_one(in, training, options);
            CHECK(all_close(fused, plain, tolerance, tolerance));
            const GradOptions seed{.seed = random_tensor(shape, 9, dtype)};
            const std::vector<Tensor> wrt(in.begin(), in.begin() + 4);
            const std::vector<Tensor> a = grad(fused, wrt, seed), b = grad(plain, wrt, seed);
            for (std::size_t i = 0; i < wrt.size(); ++i)
              CHECK(all_close(a[i], b[i], tolerance, 4 * tolerance));
          }
        }
      }
    }
  });
}

TEST_CASE("gradients of norm_block with a residual", "[fast][norm]") {
  for (const Activation activation : kActivations) {
    for (const bool training : {true, false}) {
      INFO(message(static_cast<int>(activation), " training ", training));
      const auto f = [&](const std::vector<Tensor>& v) {
        std::vector<Tensor> in = v;
        for (const Tensor& average :
             moved({zeros({19}, {Dtype::f64}), ones({19}, {Dtype::f64})}, v[0].device()))
          in.push_back(average);
        return at_once(in, training, {.epsilon = 1e-2, .activation = activation, .slope = 0.2});
      };
      const std::vector<Tensor> in =
          operands({2, 2, 3, 19});  // two vectors of doubles and three more channels
      check_gradients(f, {in[0], in[1], in[2], in[3]});
    }
  }
}

TEST_CASE("norm_block pools and drops the sum with a residual", "[fast][norm]") {
  const std::vector<Tensor> in = operands({3, 5, 6, 4});
  for (const Activation activation : {Activation::relu, Activation::gelu}) {
    const NormBlockOptions options{.epsilon = 1e-3, .activation = activation, .pool = true, .dropout = 0.3};
    CHECK(all_close(at_once(in, true, options), one_by_one(in, true, options), 1e-12, 1e-12));
  }
}

TEST_CASE("norm_block with a residual is one pass that moves its averages once", "[fast][norm]") {
  if (test_device() != Device()) return;
  const std::vector<Tensor> in = operands({4, 6, 6, 5});
  const Tensor mean = in[4].clone(), variance = in[5].clone();
  take_kernel_trace();
  norm_block(in[0], in[1], in[2], mean, variance, true, {.activation = Activation::relu}, default_generator(),
             in[3]);
  CHECK(take_kernel_trace() == std::vector<std::string>{"norm_add"});
  batch_norm(in[0], in[1], in[2], in[4], in[5], true);
  CHECK(equal(mean, in[4]));
  CHECK(equal(variance, in[5]));
}

TEST_CASE("norm_block with a residual does not depend on the number of threads", "[fast][norm]") {
  const std::vector<Tensor> all = operands({9, 31, 17, 18}, Dtype::f32);  // many slices, a tail of channels
  const auto f = [&](const std::vector<Tensor>& in) {
    return norm_block(in[0], in[1], in[2], {}, {}, true, {.activation = Activation::relu},
                      default_generator(), in[3]);
  };
  check_thread_independence(f, {all[0], all[1], all[2], all[3]});
}

TEST_CASE("norm_block says what is wrong with its residual", "[fast][norm]") {
  const Tensor x = zeros({2, 4, 4, 3});
  const auto block = [&](const Tensor& residual, const NormBlockOptions& options = {}) {
    return norm_block(x, {}, {}, {}, {}, true, options, default_generator(), residual);
  };
  CHECK_THROWS_WITH(block(zeros({2, 4, 1, 3})),
                    ContainsSubstring("norm_block: the residual is [2, 4, 1, 3] but x is [2, 4, 4, 3]"));
  CHECK_THROWS_WITH(block(zeros({2, 4, 4, 3}, {Dtype::f64})),
                    ContainsSubstring("norm_block: operands of different dtypes (x f32, residual f64)"));
  CHECK_THROWS_WITH(block(x, {.activation = Activation::tanh}),
                    ContainsSubstring("norm_block: tanh cannot be fused; use the ops one by one"));
}
