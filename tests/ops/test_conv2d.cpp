#include <algorithm>
#include <cmath>

#include "each_isa.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "noyau/testing.h"
#include "ops/conv_reference.h"
#include "test_device.h"

namespace ny = noyau;
using ny::Padding;
using ny::Tensor;

namespace {

struct Case {
  const char* why;
  ny::Shape x;
  ny::Shape kernel;
  ny::Conv2dOptions options = {};
  reference::Window window = {};  // what the options mean for these shapes
};

std::vector<Case> cases() {
  return {
      {"the common layer: full vectors, full tiles",
       {2, 8, 8, 32},
       {3, 3, 32, 32},
       {},
       {.top = 1, .left = 1}},
      {"image of one row, narrower than a tile", {1, 1, 5, 7}, {3, 3, 7, 5}, {}, {.top = 1, .left = 1}},
      {"3 in channels join across taps; 17 out channels leave one lane",
       {2, 7, 13, 3},
       {3, 3, 3, 17},
       {},
       {.top = 1, .left = 1}},
      {"24 out channels: one and a half vectors", {1, 5, 31, 5}, {3, 3, 5, 24}, {}, {.top = 1, .left = 1}},
      {"even window: same pads right and below only", {1, 6, 9, 4}, {2, 2, 4, 40}, {}, {}},
      {"window 5, padding of two pixels goes through the zeros",
       {1, 9, 9, 6},
       {5, 5, 6, 8},
       {},
       {.top = 2, .left = 2}},
      {"valid", {2, 7, 10, 5}, {3, 3, 5, 9}, {.padding = Padding::valid()}, {}},
      {"valid, window as large as the image", {3, 4, 4, 5}, {4, 4, 5, 6}, {.padding = Padding::valid()}, {}},
      {"given on four sides, asymmetric",
       {1, 5, 6, 4},
       {3, 3, 4, 20},
       {.padding = Padding(2, 0, 1, 3)},
       {.top = 2, .left = 1}},
      {"padding wider than the window",
       {1, 3, 3, 2},
       {2, 2, 2, 3},
       {.padding = Padding(3)},
       {.top = 3, .left = 3}},
      {"stride 2, odd image: same pads one on each side",
       {2, 9, 11, 8},
       {3, 3, 8, 16},
       {.stride = 2},
       {2, 2, 1, 1}},
      {"stride 2, even image: same pads right and below",
       {2, 8, 8, 8},
       {3, 3, 8, 16},
       {.stride = 2},
       {2, 2, 0, 0}},
      {"strides differ, larger than the window",
       {1, 11, 10, 3},
       {1, 2, 3, 5},
       {.stride = {3, 4}, .padding = Padding::valid()},
       {3, 4}},
      {"1x1 window", {2, 5, 6, 19}, {1, 1, 19, 33}, {}, {}},
      {"1x1 window, more pixels than a chunk takes; their number is 7 * 7 * 11",
       {7, 7, 11, 6},
       {1, 1, 6, 9},
       {},
       {}},
      {"1x1 window and padding, which is no product",
       {1, 3, 4, 5},
       {1, 1, 5, 6},
       {.padding = Padding(1)},
       {.top = 1, .left = 1}},
      {"depthwise, 5x5: more taps in a row than a tile has",
       {2, 7, 12, 18},
       {5, 5, 1, 18},
       {.groups = 18},
       {.top = 2, .left = 2, .groups = 18}},
      {"depthwise, stride 2: phases of d-input",
       {3, 8, 10, 20},
       {3, 3, 1, 20},
       {.stride = 2, .padding = Padding(1), .groups = 20},
       {2, 2, 1, 1, 1, 1, 20}},
      {"1x1 window, stride 2: every other pixel has no gradient",
       {1, 7, 7, 6},
       {1, 1, 6, 12},
       {.stride = 2},
       {2, 2}},
      {"dilation 2", {1, 9, 10, 5}, {3, 3, 5, 18}, {.dilation = 2}, {1, 1, 2, 2, 2, 2}},
      {"dilations differ, with stride: phases of d-input",
       {1, 12, 13, 4},
       {3, 2, 4, 7},
       {.stride = {2, 3}, .padding = Padding(1), .dilation = {3, 2}},
       {2, 3, 1, 1, 3, 2}},
      {"dilation and stride share a factor",
       {1, 13, 13, 3},
       {3, 3, 3, 4},
       {.stride = 4, .padding = Padding(2), .dilation = 2},
       {4, 4, 2, 2, 2, 2}},
      {"two groups", {2, 5, 7, 6}, {3, 3, 3, 10}, {.groups = 2}, {.top = 1, .left = 1, .groups = 2}},
      {"groups of one in channel and three out channels",
       {1, 6, 5, 4},
       {3, 3, 1, 12},
       {.groups = 4},
       {.top = 1, .left = 1, .groups = 4}},
      {"depthwise, 37 channels: two vectors and a tail",
       {2, 6, 11, 37},
       {3, 3, 1, 37},
       {.groups = 37},
       {.top = 1, .left = 1, .groups = 37}},
      {"depthwise with stride and dilation",
       {1, 9, 9, 5},
       {3, 3, 1, 5},
       {.stride = 2, .padding = Padding(2), .dilation = 2, .groups = 5},
       {2, 2, 2, 2, 2, 2, 5}},
      {"one channel in and out", {1, 4, 5, 1}, {3, 3, 1, 1}, {}, {.top = 1, .left = 1}},
  };
}

struct Result {
  Tensor y, dx, dkernel, dy;
};

// Other algorithms than the sum itself are in test_conv2d_winograd.cpp.
Result run(const Case& c, ny::Dtype dtype) {
  ny::Conv2dOptions options = c.options;
  options.algorithm = ny::ConvAlgorithm::exact;
  ny::Generator generator(3);
  const Tensor x = ny::normal(c.x, 0, 1, {dtype}, generator).set_requires_grad(true);
  const Tensor kernel = ny::normal(c.kernel, 0, 1, {dtype}, generator).set_requires_grad(true);
  const Tensor y = ny::conv2d(x, kernel, {}, options);
  const Tensor dy = ny::normal(y.shape(), 0, 1, {dtype}, generator);
  const std::vector<Tensor> grads = ny::grad(y, {x, kernel}, {.seed = dy});
  return {y.detach(), grads[0], grads[1], dy};
}

Tensor random(const ny::Shape& shape, ny::Dtype dtype, unsigned seed) {
  ny::Generator generator(seed);
  return ny::normal(shape, 0, 1, {dtype}, generator);
}

}  // namespace

TEST_CASE("conv2d and its gradients are their definitions on every instruction set", "[conv2d][fast]") {
  ny::testing::for_each_isa([&](std::string_view isa) {
    for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
      for (const Case& c : cases()) {
        INFO(isa << ' ' << ny::message(dtype) << ' ' << c.why);
        ny::Generator generator(3);
        const Tensor x = ny::normal(c.x, 0, 1, {dtype}, generator);
        const Tensor kernel = ny::normal(c.kernel, 0, 1, {dtype}, generator);
        const Result result = run(c, dtype);
        const double tolerance = dtype == ny::Dtype::f32 ? 1e-6 : 1e-14;
        CHECK(reference::relative_error(result.y, reference::forward(x, kernel, result.y.shape(), c.window)) <
              tolerance);
        CHECK(reference::relative_error(result.dx, reference::dinput(result.dy, kernel, c.x, c.window)) <
              tolerance);
        CHECK(reference::relative_error(result.dkernel,
                                        reference::dkernel(x, result.dy, c.kernel, c.window)) < tolerance);
      }
    }
  });
}

TEST_CASE("conv2d gives the same bits for any number of threads", "[conv2d][fast]") {
  const int before = ny::num_threads();
  const std::vector<Case> large = {
      {"rows, slices and blocks to share", {9, 16, 17, 24}, {3, 3, 24, 40}},
      {"depthwise", {9, 16, 17, 40}, {3, 3, 1, 40}, {.groups = 40}},
      {"depthwise, strided", {9, 16, 17, 40}, {3, 3, 1, 40}, {.stride = 2, .groups = 40}},
      {"1x1", {9, 16, 17, 40}, {1, 1, 40, 24}},
      {"strided", {9, 16, 17, 24}, {3, 3, 24, 40}, {.stride = 2}}};
  for (const Case& c : large) {
    ny::set_num_threads(1);
    const Result serial = run(c, ny::Dtype::f32);
    for (const int threads : {2, 3, 5}) {
      INFO(c.why << ", " << threads << " threads");
      ny::set_num_threads(threads);
      const Result parallel = run(c, ny::Dtype::f32);
      CHECK(ny::equal(serial.y, parallel.y));
      CHECK(ny::equal(serial.dx, parallel.dx));
      CHECK(ny::equal(serial.dkernel, parallel.dkernel));
    }
  }
  ny::set_num_threads(before);
}

TEST_CASE("conv2d adds its bias", "[conv2d][fast]") {
  for (const std::int64_t channels : {1, 5, 16, 24, 37}) {
    const Tensor x = random({2, 5, 6, 3}, ny::Dtype::f32, 1);
    const Tensor kernel = random({3, 3, 3, channels}, ny::Dtype::f32, 2);
    const Tensor bias = random({channels}, ny::Dtype::f32, 3);
    CHECK(ny::all_close(ny::conv2d(x, kernel, bias), ny::conv2d(x, kernel) + bias, 1e-5, 1e-6));
  }
}

TEST_CASE("conv2d of no images is empty and has zero gradients", "[conv2d][fast]") {
  const Tensor x = ny::zeros({0, 6, 6, 3});
  const Tensor kernel = random({3, 3, 3, 8}, ny::Dtype::f32, 1).set_requires_grad(true);
  const Tensor y = ny::conv2d(x, kernel);
  CHECK(y.shape() == ny::Shape{0, 6, 6, 8});
  const std::vector<Tensor> grads = ny::grad(y, {kernel}, {.seed = ny::zeros(y.shape())});
  CHECK(ny::equal(grads[0], ny::zeros(kernel.shape())));
}

// Elements of a kernel that a simulated device differentiates one by one in good time; tests/cuda compares larger ones.
constexpr std::int64_t kMostOnDevice = 500;

TEST_CASE("conv2d passes gradient checks on the kernels that f32 runs", "[conv2d][fast]") {
  const bool on_cpu = ny::testing::test_device() == ny::Device();
  for (const Case& c : cases()) {
    if (!on_cpu && c.kernel.size() > kMostOnDevice) continue;
    INFO(c.why);
    ny::take_kernel_trace();
    const std::int64_t channels = c.kernel[3];
    ny::testing::check_gradients_on_device(
        [&](const std::vector<Tensor>& in) { return ny::conv2d(in[0], in[1], in[2], c.options); },
        {random({1, std::min<std::int64_t>(c.x[1], 6), std::min<std::int64_t>(c.x[2], 7), c.x[3]},
                ny::Dtype::f64, 1),
         random(c.kernel, ny::Dtype::f64, 2), random({channels}, ny::Dtype::f64, 3)});
    if (!on_cpu) continue;
    const bool product = c.kernel[0] * c.kernel[1] == 1 && c.options.stride == ny::Size2(1) &&
                         c.options.padding == Padding::same();
    const bool depthwise = c.options.groups > 1 && c.options.groups == c.x[3] && c.x[3] == channels;
    const std::string kind = product ? "product" : depthwise ? "depthwise" : "tile";
    const std::vector<std::string> trace = ny::take_kernel_trace();
    CHECK(std::ranges::count(trace, "conv2d_forward/" + kind) == 1);
    CHECK(std::ranges::count(trace, "conv2d_dkernel/" + kind) == 1);
    CHECK(std::ranges::count(trace, "conv2d_dinput/" + kind) +
              std::ranges::count(trace, "conv2d_dinput/few_channels") ==
          1);
  }
}

TEST_CASE("conv2d's d-input of few channels is a product where their taps fill vectors better",
          "[conv2d][fast]") {
  ny::testing::for_each_isa([&](std::string_view isa) {
    INFO(isa);
    const Case image{"an image's three channels", {1, 8, 8, 3}, {3, 3, 3, 32}};
    ny::take_kernel_trace();
    run(image, ny::Dtype::f32);
    const std::string expected = isa == "baseline" ? "conv2d_dinput/tile" : "conv2d_dinput/few_channels";
    CHECK(std::ranges::count(ny::take_kernel_trace(), expected) == 1);
  });
}

TEST_CASE("conv2d says what is wrong", "[conv2d][fast]") {
  const Tensor x = ny::zeros({8, 32, 32, 3});
  const Tensor kernel = ny::zeros({3, 3, 3, 16});
  const auto fails = [](const auto& call, const char* text) {
    REQUIRE_THROWS_WITH(call(), ContainsSubstring(text));
  };
  fails(
      [&] {
        ny::conv2d(x, ny::zeros({3, 3, 16, 32}));
      },
      "conv2d: x has 3 channels but kernel expects 16 (x [8, 32, 32, 3], kernel [3, 3, 16, 32])");
  fails(
      [&] {
        ny::conv2d(ny::zeros({8, 32, 32, 4}), ny::zeros({3, 3, 1, 16}), {}, {.groups = 2});
      },
      "conv2d: x has 4 channels but kernel expects 2 (x [8, 32, 32, 4], kernel [3, 3, 1, 16], 2 groups)");
  fails([&] { ny::conv2d(x, kernel, {}, {.groups = 2}); },
        "conv2d: 3 input and 16 output channels do not split into 2 groups");
  fails([&] { ny::conv2d(x, kernel, {}, {.groups = 0}); }, "conv2d: groups is 0; at least 1 is needed");
  fails(
      [&] {
        ny::conv2d(x, kernel, {}, {.stride = {0, 1}});
      },
      "conv2d: stride is 0x1; at least 1 is needed");
  fails([&] { ny::conv2d(x, kernel, {}, {.dilation = 0}); }, "conv2d: dilation is 0; at least 1 is needed");
  fails([&] { ny::conv2d(x, kernel, {}, {.padding = Padding(-1, 0, 0, 0)}); },
        "conv2d: padding must not be negative (-1 above, 0 below, 0 left, 0 right)");
  fails([&] { ny::conv2d(x, kernel, ny::zeros({3})); },
        "conv2d: bias is [3] but there are 16 output channels");
  fails(
      [&] {
        ny::conv2d(ny::zeros({32, 32, 3}), kernel);
      },
      "conv2d: x must be [n, h, w, c], not [32, 32, 3]");
  fails(
      [&] {
        ny::conv2d(x, ny::zeros({3, 3, 3}));
      },
      "conv2d: kernel must be [kh, kw, in, out], not [3, 3, 3]");
  fails([&] { ny::conv2d(x, ny::zeros({0, 3, 3, 16})); }, "conv2d: the kernel is empty ([0, 3, 3, 16])");
  fails(
      [&] {
        ny::conv2d(ny::zeros({8, 0, 32, 3}), kernel);
      },
      "conv2d: the images have no pixels (x [8, 0, 32, 3])");
  fails(
      [&] {
        ny::conv2d(ny::zeros({1, 2, 9, 3}), kernel, {}, {.padding = Padding::valid()});
      },
      "conv2d: the window, 3 cells high, is larger than the padded image, 2");
  fails([&] { ny::conv2d(x, {}); }, "conv2d: kernel is undefined");
  fails([&] { ny::conv2d({}, kernel); }, "conv2d: x is undefined");
  fails([&] { ny::conv2d(x, kernel.to(ny::Dtype::f64)); },
        "conv2d: operands of different dtypes (x f32, kernel f64)");
  fails([&] { ny::conv2d(x.to(ny::Dtype::i32), kernel.to(ny::Dtype::i32)); },
        "conv2d: not available for i32");
}
