// f32 kernels against the CPU's: more than one block of every kernel, and extents that no tile divides.
#include "cuda/compare.h"
#include "noyau/loss.h"

using namespace noyau;
using namespace noyau::testing;

using Inputs = const std::vector<Tensor>&;

TEST_CASE("elementwise ops agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor a = random_f32({5, 1, 7, 37}, 1);
  const Tensor b = random_f32({5, 3, 1, 37}, 2, 3);  // broadcast both ways; 37 leaves part of a warp
  check_same("add", [](Inputs x) { return x[0] + x[1]; }, {a, b});
  check_same("sub", [](Inputs x) { return x[0] - x[1]; }, {a, b});
  check_same("mul", [](Inputs x) { return x[0] * x[1]; }, {a, b});
  check_same(
      "div", [](Inputs x) { return x[0] / x[1]; }, {a, b},
      1e-4);  // some divisors are near 0
  check_same("minimum", [](Inputs x) { return minimum(x[0], x[1]); }, {a, b});
  check_same("maximum", [](Inputs x) { return maximum(x[0], x[1]); }, {a, b});
  check_same("scalar", [](Inputs x) { return 2.5 * x[0] + 1.0; }, {a});
  check_same("where", [](Inputs x) { return where(less(x[0], x[1]), x[0], x[1]); }, {a, b});
  check_same("equal_to", [](Inputs x) { return equal_to(x[0], x[0]).to(Dtype::i32); }, {a});
  check_same("broadcast_to", [](Inputs x) { return broadcast_to(x[0], {5, 2, 7, 37}); }, {a});
}

TEST_CASE("functions agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({3, 333});
  using Unary = std::pair<const char*, Tensor (*)(const Tensor&)>;
  for (const auto& [name, function] :
       {Unary{"relu", relu}, Unary{"silu", silu}, Unary{"sigmoid", sigmoid}, Unary{"tanh", noyau::tanh},
        Unary{"softplus", softplus}, Unary{"abs", noyau::abs}, Unary{"exp", noyau::exp}}) {
    check_same(name, [f = function](Inputs in) { return f(in[0]); }, {x});
  }
  check_same("leaky_relu", [](Inputs in) { return leaky_relu(in[0], 0.2); }, {x});
  check_same("elu", [](Inputs in) { return elu(in[0], 1.5); }, {x});
  check_same("gelu", [](Inputs in) { return gelu(in[0]); }, {x});
  check_same("gelu tanh", [](Inputs in) { return gelu(in[0], GeluForm::tanh); }, {x});
  check_same("clamp", [](Inputs in) { return clamp(in[0], -0.5, 0.75); }, {x});
  check_same("log", [](Inputs in) { return log(abs(in[0]) + 0.5); }, {x});
  check_same("sqrt", [](Inputs in) { return sqrt(abs(in[0]) + 0.5); }, {x});
  check_same("pow", [](Inputs in) { return pow(abs(in[0]) + 0.5, 2.5); }, {x});
  check_same("square, reciprocal", [](Inputs in) { return pow(pow(in[0], 2) + 1.0, -1); }, {x});
}

TEST_CASE("conversions agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  // subnormal halves, ties, overflow to infinity, NaN
  const Tensor x = concat({random_f32({300}), random_f32({300}) * 1e-6,
                           tensor({0, -0.0, 65519, 65520, 1e30, 6e-8, 3e-8, 1.0009765625, std::nan("")})},
                          0);
  for (const Dtype via : {Dtype::f16, Dtype::bf16, Dtype::f64}) {
    const std::vector<float> expected = x.to(via).to(Dtype::f32).to_vector<float>();
    const std::vector<float> actual = x.to("cuda").to(via).to(Dtype::f32).to_vector<float>();
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const bool same = actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i]));
      CHECK(same);
    }
  }
  CHECK(equal(arange(100, {Dtype::u8, "cuda"}).to(Dtype::f32).to("cpu"), arange(100)));
  CHECK(equal(full({3, 5}, 2.5, {Dtype::f64, "cuda"}).to("cpu"), full({3, 5}, 2.5, {Dtype::f64})));
}

TEST_CASE("reductions agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({6, 5, 7, 3}, 1, 0.1);
  for (const Axes& axes : {Axes{}, Axes{0}, Axes{3}, Axes{1, 2}, Axes{0, 3}}) {
    check_same("sum", [&](Inputs in) { return sum(in[0], axes); }, {x});
    check_same("mean", [&](Inputs in) { return mean(in[0], axes, true); }, {x});
    check_same("max", [&](Inputs in) { return max(in[0], axes); }, {x});
    check_same("min", [&](Inputs in) { return min(in[0], axes); }, {x});
    check_same("variance", [&](Inputs in) { return variance(in[0], axes); }, {x});
  }
  check_same("argmax", [](Inputs in) { return argmax(in[0], 2); }, {x});
  const Tensor tall = random_f32({1000, 3}, 2, 1);  // several slices of rows
  check_same("sum of slices", [](Inputs in) { return sum(in[0], {0}); }, {tall});
  check_same("max of slices", [](Inputs in) { return max(in[0]); }, {tall});
  CHECK(std::isnan(max(tensor({1, std::nan(""), 2}).to("cuda")).item<double>()));
}

TEST_CASE("softmax and losses agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({9, 5, 11});
  for (const int axis : {0, 1, 2}) {
    check_same("softmax", [&](Inputs in) { return softmax(in[0], axis); }, {x});
    check_same("log_softmax", [&](Inputs in) { return log_softmax(in[0], axis); }, {x});
  }
  const Tensor logits = random_f32({37, 10});
  const Tensor wide = random_f32({3, 1000});  // more classes than threads
  const Tensor weights = abs(random_f32({10}, 4));
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 37; ++i) ids.push_back(i % 10);
  const Tensor labels = from_vector(ids, {37});
  check_same("cross_entropy", [](Inputs in) { return cross_entropy(in[0], in[1]); }, {logits, labels});
  check_same("smoothed, weighted",
             [&](Inputs in) {
               return cross_entropy(in[0], in[1], {.label_smoothing = 0.2, .class_weights = in[2].detach()});
             },
             {logits, labels, weights});
  check_same("probabilities", [](Inputs in) { return cross_entropy(in[0], softmax(in[1])); },
             {wide, random_f32({3, 1000}, 5)});
  check_same("binary", [](Inputs in) { return binary_cross_entropy(in[0], sigmoid(in[1])); },
             {logits, random_f32({37, 10}, 6)});
}

TEST_CASE("a class id out of range is reported when the CPU next waits", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor logits = random_f32({4, 3}).to("cuda");
  const Tensor ids = from_vector<std::int32_t>({0, 1, 7, 2}, {4}).to("cuda");
  CHECK_THROWS_WITH(cross_entropy(logits, ids).item<double>(),
                    ContainsSubstring("cross_entropy: class id 7 in row 2 is out of range for 3 classes"));
  synchronize("cuda");  // said once
  const Tensor indices = from_vector<std::int32_t>({0, 4}, {2}).to("cuda");
  CHECK_THROWS_WITH(gather(logits, indices), ContainsSubstring("indices hold 4, which is not in [0, 4)"));
}

TEST_CASE("shape ops agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({3, 5, 7, 4});
  check_same("transpose", [](Inputs in) { return transpose(in[0], {2, 0, 3, 1}); }, {x});
  check_same("slice", [](Inputs in) { return slice(in[0], 2, 1, 7, 2); }, {x});
  check_same("pad",
             [](Inputs in) {
               return pad(in[0], {{0, 0}, {1, 2}, {0, 3}, {0, 0}}, PadMode::constant, 2);
             },
             {x});
  check_same("pad reflect",
             [](Inputs in) {
               return pad(in[0], {{0, 0}, {2, 1}, {3, 0}, {0, 0}}, PadMode::reflect);
             },
             {x});
  check_same("flip", [](Inputs in) { return flip(in[0], {1, 2}); }, {x});
  check_same("concat", [](Inputs in) { return concat({in[0], in[1]}, 1); }, {x, random_f32({3, 2, 7, 4}, 2)});
  check_same("row", [](Inputs in) { return in[0][1] * 2.0; }, {x});
  const Tensor indices = from_vector<std::int32_t>({4, 0, 0, 2}, {2, 2});  // row 0 twice
  check_same("gather", [](Inputs in) { return gather(in[0], in[1], 1); }, {x, indices});
  check_same("one_hot", [](Inputs in) { return one_hot(in[0], 6); }, {indices});
  for (const ResizeMode mode :
       {ResizeMode::nearest, ResizeMode::bilinear, ResizeMode::bilinear_align_corners, ResizeMode::area}) {
    check_same("resize up", [&](Inputs in) { return resize(in[0], {8, 9}, mode); }, {x});
    check_same("resize down", [&](Inputs in) { return resize(in[0], {3, 2}, mode); }, {x});
  }
}

TEST_CASE("pooling and dropout agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({2, 9, 7, 5});  // odd, so that windows leave cells out
  check_same("max 2x2", [](Inputs in) { return max_pool2d(in[0], 2); }, {x});
  check_same("max overlapping",
             [](Inputs in) { return max_pool2d(in[0], 3, {.stride = 2, .padding = Padding(1)}); }, {x});
  check_same("average",
             [](Inputs in) {
               return average_pool2d(in[0], {3, 2}, {.stride = 2, .padding = Padding(1)});
             },
             {x});
  check_same(
      "average of cells",
      [](Inputs in) { return average_pool2d(in[0], 3, {.padding = Padding(1), .count_padding = false}); },
      {x});
  check_same("global average", [](Inputs in) { return global_average_pool(in[0]); }, {x});
  check_same("global max", [](Inputs in) { return global_max_pool(in[0]); }, {x});
  check_same(
      "dropout",
      [](Inputs in) {
        Generator generator(3, 5);
        return dropout(in[0], 0.4, generator);
      },
      {x}, 0);
  check_same(
      "spatial_dropout",
      [](Inputs in) {
        Generator generator(3);
        return spatial_dropout(in[0], 0.4, generator);
      },
      {x}, 0);
}

TEST_CASE("normalisations agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({4, 5, 7, 6}, 1, 3);
  const Tensor gamma = random_f32({6}, 2);
  const Tensor beta = random_f32({6}, 3);
  for (const Activation activation : {Activation::none, Activation::relu}) {
    for (const bool training : {true, false}) {
      check_same(
          "batch_norm",
          [&](Inputs in) {
            const Tensor mean = full({6}, 2.5, {Dtype::f32, in[0].device()});
            const Tensor variance = full({6}, 1.5, {Dtype::f32, in[0].device()});
            const Tensor y =
                batch_norm(in[0], in[1], in[2], mean, variance, training, {.activation = activation});
            return y + mean.clone() * variance.clone();
          },
          {x, gamma, beta}, 2e-5);
    }
  }
  check_same(
      "group_norm", [](Inputs in) { return group_norm(in[0], in[1], in[2], 3); }, {x, gamma, beta}, 2e-5);
  check_same(
      "layer_norm", [](Inputs in) { return layer_norm(in[0], in[1], in[2]); }, {x, gamma, beta}, 2e-5);
}

TEST_CASE("matmul and dense agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  check_same("matmul", [](Inputs in) { return matmul(in[0], in[1]); },
             {random_f32({33, 70}), random_f32({70, 65}, 2)});  // three tiles by three, one element over
  check_same("batched", [](Inputs in) { return matmul(in[0], in[1]); },
             {random_f32({2, 1, 5, 9}), random_f32({3, 9, 4}, 2)});
  check_same("deep", [](Inputs in) { return matmul(in[0], in[1]); },
             {random_f32({3, 2100}), random_f32({2100, 5}, 2)});  // k in slices
  check_same("dense", [](Inputs in) { return dense(in[0], in[1], in[2]); },
             {random_f32({7, 31}), random_f32({31, 10}, 2), random_f32({10}, 3)});
}

TEST_CASE("fused blocks agree on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({2, 5, 7, 6}, 1, 0.5);  // odd: a row and a column are in no window
  for (const Activation activation :
       {Activation::none, Activation::relu, Activation::leaky_relu, Activation::gelu, Activation::silu}) {
    for (const bool pool : {false, true}) {
      for (const bool training : {false, true}) {
        const NormBlockOptions options{.activation = activation, .slope = 0.2, .pool = pool, .dropout = 0.3};
        check_same(
            "norm_block",
            [&](Inputs in) {
              Generator generator(3, 5);
              const Tensor mean = full({6}, 0.25, {Dtype::f32, in[0].device()});
              const Tensor variance = full({6}, 1.5, {Dtype::f32, in[0].device()});
              return norm_block(in[0], in[1], in[2], mean, variance, training, options, generator);
            },
            {x, random_f32({6}, 2), random_f32({6}, 3)}, 2e-5);
      }
    }
  }
  for (const Activation activation : {Activation::none, Activation::relu, Activation::leaky_relu}) {
    for (const bool training : {false, true}) {
      check_same(
          "with a residual",
          [&](Inputs in) {
            const Tensor mean = full({6}, 0.25, {Dtype::f32, in[0].device()});
            const Tensor variance = full({6}, 1.5, {Dtype::f32, in[0].device()});
            return norm_block(in[0], in[1], in[2], mean, variance, training,
                              {.activation = activation, .slope = 0.2}, default_generator(), in[3]);
          },
          {x, random_f32({6}, 2), random_f32({6}, 3), random_f32(x.shape(), 4)}, 2e-5);
    }
  }
  check_same(
      "without dropout", [](Inputs in) { return norm_block(in[0], {}, {}, {}, {}, true, {.pool = true}); },
      {x}, 2e-5);
}
