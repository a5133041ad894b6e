// Convolutions against the CPU's.
#include "cuda/compare.h"
#include "noyau/profile.h"
#include "ops/conv2d_kernels.h"

using namespace noyau;
using namespace noyau::testing;

using Inputs = const std::vector<Tensor>&;

namespace {

struct Case {
  const char* why;
  Shape x;
  Shape kernel;
  Conv2dOptions options;
};

}  // namespace

TEST_CASE("conv2d agrees on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const std::vector<Case> cases = {
      {"three channels", {2, 11, 9, 3}, {3, 3, 3, 24}, {.padding = Padding(1)}},
      {"one output channel, one pixel", {1, 3, 3, 2}, {3, 3, 2, 1}, {}},
      {"31 rows, 2x2 valid, as speedrun begins", {1, 31, 31, 3}, {2, 2, 3, 24}, {}},
      {"stride that skips taps", {2, 10, 9, 5}, {3, 2, 5, 7}, {.stride = 2, .padding = Padding(1)}},
      {"stride above the window", {1, 11, 10, 4}, {2, 2, 4, 3}, {.stride = 3}},
      {"dilation", {1, 11, 10, 4}, {3, 3, 4, 6}, {.padding = Padding(2), .dilation = 2}},
      {"groups", {2, 7, 6, 6}, {3, 3, 2, 9}, {.padding = Padding(1), .groups = 3}},
      {"depthwise", {2, 9, 8, 5}, {3, 3, 1, 5}, {.stride = 2, .padding = Padding(1), .groups = 5}},
      {"more than a tile of each", {3, 7, 7, 20}, {3, 3, 20, 40}, {.padding = Padding(1)}},
      {"1x1", {2, 6, 5, 16}, {1, 1, 16, 33}, {}},
  };
  for (const Case& c : cases) {
    check_same(c.why, [&](Inputs in) { return conv2d(in[0], in[1], in[2], c.options); },
               {random_f32(c.x), random_f32(c.kernel, 2), random_f32({c.kernel[3]}, 3)});
  }
}

TEST_CASE("conv2d on large tiles agrees on CPU and CUDA", "[cuda]") {
  if (!has_cuda()) return;
  const auto conv = [](Inputs in) { return conv2d(in[0], in[1], {}, {.padding = Padding::same()}); };
  check_same("128 x 128", conv, {random_f32({26, 32, 32, 4}), random_f32({1, 1, 4, 70}, 2)});
  check_same("128 x 64", conv, {random_f32({26, 32, 32, 4}), random_f32({1, 1, 4, 40}, 2)});
  check_same("128 x 32", conv, {random_f32({26, 32, 32, 3}), random_f32({3, 3, 3, 8}, 2)});
}

TEST_CASE("conv2d_transpose agrees on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  check_same("transposed",
             [](Inputs in) {
               return conv2d_transpose(in[0], in[1], in[2],
                                       {.stride = 2, .padding = Padding(1), .output_padding = 1});
             },
             {random_f32({2, 5, 4, 6}), random_f32({3, 3, 5, 6}, 2), random_f32({5}, 3)});
}

TEST_CASE("off the tape a convolution on CUDA ends with the sum of a residual and its ReLU", "[cuda][fast]") {
  if (!has_cuda()) return;
  const NoGrad off;
  const std::vector<Case> cases = {
      {"odd channels", {2, 5, 6, 3}, {3, 3, 3, 7}, {}},
      {"channels in pairs", {2, 5, 6, 8}, {3, 3, 8, 8}, {}},
      {"groups", {2, 5, 4, 4}, {3, 3, 2, 6}, {.groups = 2}},
      {"depthwise", {2, 5, 4, 5}, {3, 3, 1, 5}, {.groups = 5}},
  };
  for (const auto& [type, tolerance] :
       {std::pair{Dtype::f32, 1e-6}, {Dtype::f64, 1e-14}, {Dtype::f16, 1e-3}, {Dtype::bf16, 1e-2}}) {
    const Dtype dtype = type;
    for (const Case& c : cases) {
      INFO(message(dtype) << ' ' << c.why);
      const auto stored = [&](const Shape& shape, std::uint64_t seed) {
        return random_f32(shape, seed).to(dtype).to("cuda");
      };
      const auto exact = [](const Tensor& t) { return t.to("cpu").to(Dtype::f64); };
      const Tensor x = stored(c.x, 1);
      const Tensor kernel = stored(c.kernel, 2);
      const Tensor bias = stored({c.kernel[3]}, 3);
      const Tensor residual = stored({c.x[0], c.x[1], c.x[2], c.kernel[3]}, 4);
      const Tensor sum = conv2d(exact(x), exact(kernel), exact(bias), c.options) + exact(residual);
      Profile profile;
      const Tensor y = conv2d_ended(x, kernel, bias, c.options, {.residual = residual, .relu = true});
      profile.stop();
      CHECK(profile.rows().size() == 1);
      CHECK(y.dtype() == dtype);
      CHECK(relative_error(exact(y), relu(sum)) <= tolerance);
      const Tensor signed_y = conv2d_ended(x, kernel, bias, c.options, {.residual = residual});
      CHECK(relative_error(exact(signed_y), sum) <= tolerance);
    }
  }
}
