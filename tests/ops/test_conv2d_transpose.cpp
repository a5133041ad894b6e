#include <algorithm>

#include "each_isa.h"
#include "noyau/ops.h"
#include "noyau/testing.h"
#include "ops/conv_reference.h"
#include "test_device.h"

namespace ny = noyau;
using ny::Padding;
using ny::Shape;
using ny::Tensor;

namespace {

struct Case {
  const char* why;
  Shape x;
  Shape kernel;
  Shape y;
  ny::ConvTranspose2dOptions options = {};
  reference::Window window = {};  // of the convolution from y to x
};

std::vector<Case> cases() {
  return {
      {"same, stride 1", {2, 4, 5, 6}, {3, 3, 7, 6}, {2, 4, 5, 7}, {}, {.top = 1, .left = 1}},
      {"same, stride 2: twice the size",
       {1, 4, 5, 18},
       {3, 3, 5, 18},
       {1, 8, 10, 5},
       {.stride = 2},
       {2, 2, 0, 0}},
      {"same, window smaller than the stride: gaps",
       {1, 3, 3, 2},
       {2, 2, 3, 2},
       {1, 9, 9, 3},
       {.stride = 3},
       {3, 3}},
      {"valid, strides differ",
       {1, 4, 3, 5},
       {3, 2, 17, 5},
       {1, 9, 8, 17},
       {.stride = {2, 3}, .padding = Padding::valid()},
       {2, 3}},
      {"given, asymmetric, with output padding",
       {1, 4, 5, 3},
       {4, 3, 4, 3},
       {1, 9, 10, 4},
       {.stride = 2, .padding = Padding(1, 1, 0, 2), .output_padding = {1, 1}},
       {2, 2, 1, 0}},
      {"dilation, with output padding below it",
       {1, 4, 4, 3},
       {3, 3, 5, 3},
       {1, 7, 6, 5},
       {.padding = Padding(1), .dilation = 2, .output_padding = {1, 0}},
       {1, 1, 1, 1, 2, 2}},
      {"two groups",
       {2, 3, 4, 6},
       {3, 3, 5, 6},
       {2, 6, 8, 10},
       {.stride = 2, .groups = 2},
       {2, 2, 0, 0, 1, 1, 2}},
      {"depthwise",
       {1, 5, 4, 19},
       {3, 3, 1, 19},
       {1, 10, 8, 19},
       {.stride = 2, .groups = 19},
       {2, 2, 0, 0, 1, 1, 19}},
  };
}

Tensor random(const Shape& shape, ny::Dtype dtype, unsigned seed) {
  ny::Generator generator(seed);
  return ny::normal(shape, 0, 1, {dtype}, generator);
}

}  // namespace

TEST_CASE("conv2d_transpose and its gradients are their definitions on every instruction set",
          "[conv2d][fast]") {
  ny::testing::for_each_isa([&](std::string_view isa) {
    for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
      for (const Case& c : cases()) {
        INFO(isa << ' ' << ny::message(dtype) << ' ' << c.why);
        const Tensor x = random(c.x, dtype, 1).set_requires_grad(true);
        const Tensor kernel = random(c.kernel, dtype, 2).set_requires_grad(true);
        const Tensor y = ny::conv2d_transpose(x, kernel, {}, c.options);
        REQUIRE(y.shape() == c.y);
        const Tensor dy = random(c.y, dtype, 3);
        const std::vector<Tensor> grads = ny::grad(y, {x, kernel}, {.seed = dy});
        const double tolerance = dtype == ny::Dtype::f32 ? 1e-6 : 1e-14;
        CHECK(reference::relative_error(y, reference::dinput(x, kernel, c.y, c.window)) < tolerance);
        CHECK(reference::relative_error(grads[0], reference::forward(dy, kernel, c.x, c.window)) < tolerance);
        CHECK(reference::relative_error(grads[1], reference::dkernel(dy, x, c.kernel, c.window)) < tolerance);
      }
    }
  });
}

TEST_CASE("conv2d_transpose passes gradient checks on the kernels that f32 runs", "[conv2d][fast]") {
  for (const Case& c : cases()) {
    INFO(c.why);
    ny::take_kernel_trace();
    ny::testing::check_gradients_on_device(
        [&](const std::vector<Tensor>& in) { return ny::conv2d_transpose(in[0], in[1], in[2], c.options); },
        {random({1, 3, 4, c.x[3]}, ny::Dtype::f64, 1), random(c.kernel, ny::Dtype::f64, 2),
         random({c.y[3]}, ny::Dtype::f64, 3)});
    if (ny::testing::test_device() != ny::Device()) continue;
    const std::string kind = c.options.groups == 19 ? "depthwise" : "tile";
    const std::vector<std::string> trace = ny::take_kernel_trace();
    CHECK(std::ranges::count(trace, "conv2d_dinput/" + kind) +
              std::ranges::count(trace, "conv2d_dinput/few_channels") ==
          1);
  }
}

TEST_CASE("gradients of gradients flow through conv2d and conv2d_transpose", "[conv2d][fast]") {
  const std::vector<Tensor> inputs = {random({1, 4, 5, 2}, ny::Dtype::f64, 1),
                                      random({3, 2, 2, 2}, ny::Dtype::f64, 2),
                                      random({2}, ny::Dtype::f64, 3)};
  ny::testing::check_gradients_on_device(
      [](const std::vector<Tensor>& in) {
        return ny::conv2d(in[0], in[1], in[2], {.stride = 2, .padding = Padding(1)});
      },
      inputs, {.second_order = true});
  ny::testing::check_gradients_on_device(
      [](const std::vector<Tensor>& in) { return ny::conv2d_transpose(in[0], in[1], in[2], {.stride = 2}); },
      inputs, {.second_order = true});
}

TEST_CASE("conv2d_transpose says what is wrong", "[conv2d][fast]") {
  const auto fails = [](const auto& call, const char* text) {
    REQUIRE_THROWS_WITH(call(), ContainsSubstring(text));
  };
  const Tensor x = ny::zeros({1, 4, 4, 6});
  const Tensor kernel = ny::zeros({3, 3, 5, 6});
  fails(
      [&] {
        ny::conv2d_transpose(x, ny::zeros({3, 3, 6, 5}));
      },
      "conv2d_transpose: x has 6 channels but kernel expects 5 (x [1, 4, 4, 6], kernel [3, 3, 6, 5])");
  fails([&] { ny::conv2d_transpose(x, kernel, {}, {.groups = 4}); },
        "conv2d_transpose: 6 input channels do not split into 4 groups");
  fails([&] { ny::conv2d_transpose(x, kernel, ny::zeros({6})); },
        "conv2d_transpose: bias is [6] but there are 5 output channels");
  fails([&] { ny::conv2d_transpose(x, kernel, {}, {.stride = 2, .output_padding = 2}); },
        "conv2d_transpose: output_padding 2 must be below stride 2 or dilation 1");
  fails([&] { ny::conv2d_transpose(x, kernel, {}, {.padding = Padding(3)}); },
        "conv2d_transpose: the output would have 0 cells high; use less padding");
  fails([&] { ny::conv2d_transpose(x, {}); }, "conv2d_transpose: kernel is undefined");
  fails(
      [&] {
        ny::conv2d_transpose(ny::zeros({4, 4, 6}), kernel);
      },
      "conv2d_transpose: x must be [n, h, w, c], not [4, 4, 6]");
}
