// Ops on f16 and bf16 against the same in f32 from the same rounded inputs: results are rounded to 11 or 8 bits.
#include "cuda/compare.h"
#include "noyau/loss.h"

using namespace noyau;
using namespace noyau::testing;

using Inputs = const std::vector<Tensor>&;

namespace {

// What a function gives for inputs of `dtype`, and its gradients; inputs from `narrow` on stay f32.
std::vector<Tensor> results_in(Dtype dtype, const Function& f, Inputs inputs, std::size_t narrow) {
  std::vector<Tensor> leaves;
  std::vector<Tensor> wanted;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool floating = is_floating(inputs[i].dtype());
    leaves.push_back(inputs[i].to(floating && i < narrow ? dtype : inputs[i].dtype()).to("cuda").clone());
    if (floating) wanted.push_back(leaves.back().set_requires_grad(true));
  }
  const Tensor y = f(leaves);
  std::vector<Tensor> results{y};
  if (!y.requires_grad()) return results;
  const Tensor seed = random_f32(y.shape(), 7).to(Dtype::bf16).to(y.dtype()).to("cuda");
  for (const Tensor& g : grad(y, wanted, {.seed = seed})) results.push_back(g);
  return results;
}

// Fails unless output and gradients differ from those in f32 by `roundings` units of the dtype, of the largest element.
void check_rounded(const char* what, const Function& f, Inputs inputs, double roundings = 3,
                   std::size_t narrow = 9) {
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    INFO(what << " in " << message(dtype));
    std::vector<Tensor> exact;
    for (const Tensor& x : inputs)
      exact.push_back(is_floating(x.dtype()) ? x.to(Dtype::bf16).to(Dtype::f32) : x);
    const std::vector<Tensor> expected = results_in(Dtype::f32, f, exact, narrow);
    const std::vector<Tensor> actual = results_in(dtype, f, exact, narrow);
    const double unit = dtype == Dtype::f16 ? 0x1p-11 : 0x1p-8;
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      INFO("result " << i);
      CHECK(relative_error(actual[i].to(expected[i].dtype()), expected[i]) <= roundings * unit);
    }
  }
}

}  // namespace

TEST_CASE("elementwise ops take 16 bits on CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor a = random_f32({5, 1, 37}, 1);
  const Tensor b = random_f32({5, 3, 37}, 2, 3);
  check_rounded("add", [](Inputs x) { return x[0] + x[1]; }, {a, b});
  check_rounded("sub, dense", [](Inputs x) { return x[0] - x[1]; }, {b, b});
  check_rounded("mul", [](Inputs x) { return x[0] * x[1]; }, {a, b});
  check_rounded(
      "div", [](Inputs x) { return x[0] / x[1]; }, {a, abs(b) + 1.0}, 6);
  check_rounded(
      "scalar", [](Inputs x) { return 2.5 * x[0] + 1.0; }, {a}, 4);
  check_rounded("maximum", [](Inputs x) { return maximum(x[0], x[1]); }, {a, b});
  check_rounded("where", [](Inputs x) { return where(less(x[0], x[1]), x[0], x[1]); }, {a, b});
  check_rounded("broadcast_to", [](Inputs x) { return broadcast_to(x[0], {5, 2, 37}); }, {a});
  using Unary = std::pair<const char*, Tensor (*)(const Tensor&)>;
  for (const auto& [name, function] :
       {Unary{"relu", relu}, Unary{"silu", silu}, Unary{"sigmoid", sigmoid}, Unary{"tanh", noyau::tanh},
        Unary{"abs", noyau::abs}, Unary{"exp", noyau::exp}}) {
    check_rounded(
        name, [f = function](Inputs in) { return f(in[0]); }, {a}, 4);
  }
  check_rounded("leaky_relu", [](Inputs in) { return leaky_relu(in[0], 0.2); }, {a});
  check_rounded("gelu", [](Inputs in) { return gelu(in[0]); }, {a});
}

TEST_CASE("reductions, softmax and cross-entropy take 16 bits on CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({6, 5, 7}, 1, 0.1);
  check_rounded("sum", [](Inputs in) { return sum(in[0], {0, 1}); }, {x});
  check_rounded("mean", [](Inputs in) { return mean(in[0], {1}, true); }, {x});
  check_rounded(
      "max", [](Inputs in) { return max(in[0], {2}); }, {x}, 4);
  check_rounded(
      "variance", [](Inputs in) { return variance(in[0], {0}); }, {x}, 4);
  check_rounded(
      "softmax", [](Inputs in) { return softmax(in[0], 1); }, {x}, 4);
  check_rounded(
      "argmax", [](Inputs in) { return argmax(in[0], 2); }, {x}, 0);
  const Tensor sixty = full({40, 40}, 60, {Dtype::f16, "cuda"});
  CHECK(mean(sixty).item<double>() == 60);  // though the sum is beyond f16
  const Tensor labels = from_vector<std::int32_t>({1, 4, 0}, {3}).to("cuda");
  const Function loss = [&](Inputs in) { return cross_entropy(in[0], labels, {.label_smoothing = 0.1}); };
  check_rounded("cross_entropy", loss, {random_f32({3, 5})});
  CHECK(loss({random_f32({3, 5}).to("cuda").to(Dtype::f16)}).dtype() == Dtype::f32);
}

TEST_CASE("pooling, dropout and shape ops take 16 bits on CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({2, 7, 5, 6});
  check_rounded("max 2x2", [](Inputs in) { return max_pool2d(in[0], 2); }, {x});
  check_rounded("max overlapping",
                [](Inputs in) { return max_pool2d(in[0], 3, {.stride = 2, .padding = Padding(1)}); }, {x});
  check_rounded("average", [](Inputs in) { return average_pool2d(in[0], 3, {.padding = Padding(1)}); }, {x});
  check_rounded("global average", [](Inputs in) { return global_average_pool(in[0]); }, {x});
  check_rounded("dropout",
                [](Inputs in) {
                  Generator generator(3, 5);
                  return dropout(in[0], 0.4, generator);
                },
                {x});
  check_rounded("concat", [](Inputs in) { return concat({in[0], in[1]}, 3); }, {x, x});
  check_rounded("pad", [](Inputs in) { return pad(in[0], {{0, 0}, {1, 2}, {0, 3}, {0, 0}}); }, {x});
  check_rounded("resize", [](Inputs in) { return resize(in[0], {9, 4}); }, {x});
  check_rounded("transpose", [](Inputs in) { return transpose(in[0], {2, 0, 3, 1}); }, {x});
}

TEST_CASE("batch norm of 16 bits has f32 parameters and statistics", "[cuda][fast]") {
  if (!has_cuda()) return;
  const std::vector<Tensor> inputs{random_f32({3, 5, 4, 6}, 1, 0.5), abs(random_f32({6}, 2)),
                                   random_f32({6}, 3)};
  for (const bool training : {true, false}) {
    check_rounded(
        "batch_norm",
        [&](Inputs in) {
          const Tensor mean = full({6}, 0.25, {.device = "cuda"});
          const Tensor variance = full({6}, 1.5, {.device = "cuda"});
          const Tensor y =
              batch_norm(in[0], in[1], in[2], mean, variance, training, {.activation = Activation::relu});
          return y + (mean * variance).to(y.dtype()).detach();
        },
        inputs, 6, 1);
    for (const Activation activation : {Activation::relu, Activation::gelu}) {
      check_rounded(
          "norm_block",
          [&](Inputs in) {
            Generator generator(3, 5);
            return norm_block(in[0], in[1], in[2], full({6}, 0.25, {.device = "cuda"}),
                              full({6}, 1.5, {.device = "cuda"}), training,
                              {.activation = activation, .pool = true, .dropout = 0.3}, generator);
          },
          inputs, 8, 1);
    }
  }
  check_rounded(
      "group_norm", [](Inputs in) { return group_norm(in[0], in[1], in[2], 3); }, inputs, 6, 1);
  check_rounded(
      "layer_norm", [](Inputs in) { return layer_norm(in[0], in[1], in[2]); }, inputs, 6, 1);
  const Tensor x = inputs[0].to("cuda").to(Dtype::f16);
  CHECK_THROWS_WITH(batch_norm(x, inputs[1].to("cuda").to(Dtype::f16), {}, {}, {}, true),
                    ContainsSubstring("operands of different dtypes (statistics of x f32, gamma f16)"));
}
