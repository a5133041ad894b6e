#include <algorithm>

#include "catch2.h"
#include "each_isa.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "noyau/testing.h"
#include "ops/conv_reference.h"

namespace ny = noyau;
using ny::ConvAlgorithm;
using ny::Padding;
using ny::Tensor;

namespace {

struct Case {
  const char* why;
  ny::Shape x;
  ny::Shape kernel;
  Padding padding = Padding::same();
  reference::Window window = {.top = 1, .left = 1};
};

std::vector<Case> cases() {
  return {
      {"whole tiles, whole vectors", {2, 8, 8, 32}, {3, 3, 32, 32}},
      {"rows and columns of the last tiles are cut", {2, 7, 9, 16}, {3, 3, 16, 24}},
      {"smaller than a tile; tails of both channels", {3, 1, 2, 5}, {3, 3, 5, 3}},
      {"one channel in and out", {1, 4, 5, 1}, {3, 3, 1, 1}},
      {"37 channels: three panels with a tail; 41 in", {1, 5, 6, 41}, {3, 3, 41, 37}},
      {"more tiles than a block, and not a multiple of one", {5, 13, 14, 3}, {3, 3, 3, 17}},
      {"several slices of the kernel gradient", {9, 17, 16, 4}, {3, 3, 4, 6}},
      {"valid", {2, 7, 10, 5}, {3, 3, 5, 9}, Padding::valid(), {}},
      {"asymmetric padding", {1, 5, 6, 4}, {3, 3, 4, 20}, Padding(2, 0, 1, 3), {.top = 2, .left = 1}},
      {"padding wider than the window: d-input begins outside",
       {1, 3, 3, 2},
       {3, 3, 2, 3},
       Padding(4),
       {.top = 4, .left = 4}},
  };
}

Tensor random(const ny::Shape& shape, ny::Dtype dtype, unsigned seed) {
  ny::Generator generator(seed);
  return ny::normal(shape, 0, 1, {dtype}, generator);
}

struct Result {
  Tensor x, kernel, dy, y, dx, dkernel;
};

Result run(const Case& c, ny::Dtype dtype, ConvAlgorithm algorithm) {
  const Tensor x = random(c.x, dtype, 1).set_requires_grad(true);
  const Tensor kernel = random(c.kernel, dtype, 2).set_requires_grad(true);
  const Tensor y = ny::conv2d(x, kernel, {}, {.padding = c.padding, .algorithm = algorithm});
  const Tensor dy = random(y.shape(), dtype, 3);
  const std::vector<Tensor> grads = ny::grad(y, {x, kernel}, {.seed = dy});
  return {x, kernel, dy, y.detach(), grads[0], grads[1]};
}

// What the passes of `r` should have been.
struct Definition {
  Definition(const Case& c, const Result& r)
      : y(reference::forward(r.x, r.kernel, r.y.shape(), c.window)),
        dx(reference::dinput(r.dy, r.kernel, c.x, c.window)),
        dkernel(reference::dkernel(r.x, r.dy, c.kernel, c.window)) {}

  std::vector<double> y, dx, dkernel;
};

struct Errors {
  double forward, dinput, dkernel;
  double largest() const { return std::max({forward, dinput, dkernel}); }
};

Errors errors(const Definition& expected, const Result& r) {
  using reference::relative_error;
  return {relative_error(r.y, expected.y), relative_error(r.dx, expected.dx),
          relative_error(r.dkernel, expected.dkernel)};
}

// As ConvAlgorithm documents them.
double allowed_error(ConvAlgorithm algorithm) { return algorithm == ConvAlgorithm::winograd4 ? 5e-6 : 1e-6; }

void check_passes_ran(const char* kernel) {
  const std::vector<std::string> trace = ny::take_kernel_trace();
  for (const char* pass : {"conv2d_forward/", "conv2d_dinput/", "conv2d_dkernel/"}) {
    CHECK(std::ranges::count(trace, std::string(pass) + kernel) == 1);
  }
}

}  // namespace

TEST_CASE("Winograd convolutions and their gradients are their definitions on every instruction set",
          "[conv2d][winograd][fast]") {
  ny::testing::for_each_isa([&](std::string_view isa) {
    for (const ConvAlgorithm algorithm : {ConvAlgorithm::winograd2, ConvAlgorithm::winograd4}) {
      for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
        for (const Case& c : cases()) {
          INFO(isa << ' ' << ny::message(algorithm, ' ', dtype) << ' ' << c.why);
          ny::take_kernel_trace();
          const Result result = run(c, dtype, algorithm);
          check_passes_ran(ny::message(algorithm).c_str());
          const Errors e = errors(Definition(c, result), result);
          const double allowed = dtype == ny::Dtype::f32 ? allowed_error(algorithm) : 1e-13;
          CHECK(e.forward < allowed);
          CHECK(e.dinput < allowed);
          CHECK(e.dkernel < allowed);
        }
      }
    }
  });
}

TEST_CASE("the errors of convolutions are as documented for many channels", "[conv2d][winograd][fast]") {
  const Case deep{"the most channels of the reference network", {2, 8, 8, 128}, {3, 3, 128, 128}};
  const Case half{"half of it", {2, 8, 8, 64}, {3, 3, 64, 64}};
  const auto check = [](const Case& c, const std::vector<std::pair<ConvAlgorithm, double>>& limits) {
    const Definition expected(c, run(c, ny::Dtype::f32, ConvAlgorithm::exact));
    for (const auto& [algorithm, limit] : limits) {
      INFO(c.why << ", " << ny::message(algorithm));
      CHECK(errors(expected, run(c, ny::Dtype::f32, algorithm)).largest() < limit);
    }
  };
  check(half, {{ConvAlgorithm::exact, 1e-6}});
  check(deep, {{ConvAlgorithm::exact, 1e-6},
               {ConvAlgorithm::winograd2, allowed_error(ConvAlgorithm::winograd2)},
               {ConvAlgorithm::winograd4, allowed_error(ConvAlgorithm::winograd4)},
               {ConvAlgorithm::automatic, allowed_error(ConvAlgorithm::winograd4)}});
}

TEST_CASE("Winograd convolutions give the same bits for any number of threads", "[conv2d][winograd][fast]") {
  const int before = ny::num_threads();
  const std::vector<Case> large = {{"blocks of tiles and slices to share", {9, 16, 17, 24}, {3, 3, 24, 40}},
                                   {"parts of the out channels to share", {1, 8, 8, 24}, {3, 3, 24, 130}}};
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::winograd2, ConvAlgorithm::winograd4}) {
    for (const Case& c : large) {
      ny::set_num_threads(1);
      const Result serial = run(c, ny::Dtype::f32, algorithm);
      for (const int threads : {2, 3, 5}) {
        INFO(ny::message(algorithm) << ' ' << c.why << ", " << threads << " threads");
        ny::set_num_threads(threads);
        const Result parallel = run(c, ny::Dtype::f32, algorithm);
        CHECK(ny::equal(serial.y, parallel.y));
        CHECK(ny::equal(serial.dx, parallel.dx));
        CHECK(ny::equal(serial.dkernel, parallel.dkernel));
      }
    }
  }
  ny::set_num_threads(before);
}

TEST_CASE("an image's Winograd convolution does not depend on its place in a batch",
          "[conv2d][winograd][fast]") {
  const Tensor kernel = random({3, 3, 16, 16}, ny::Dtype::f32, 1);
  const Tensor x = random({11, 9, 9, 16}, ny::Dtype::f32, 2);
  const ny::Conv2dOptions options{.algorithm = ConvAlgorithm::winograd4};
  const Tensor together = ny::conv2d(x, kernel, {}, options);
  for (const std::int64_t n : {0, 6, 10}) {
    CHECK(ny::equal(ny::conv2d(ny::slice(x, 0, n, n + 1), kernel, {}, options),
                    ny::slice(together, 0, n, n + 1)));
  }
}

TEST_CASE("Winograd convolutions add their bias", "[conv2d][winograd][fast]") {
  for (const std::int64_t channels : {1, 16, 24, 37}) {
    const Tensor x = random({2, 5, 6, 3}, ny::Dtype::f32, 1);
    const Tensor kernel = random({3, 3, 3, channels}, ny::Dtype::f32, 2);
    const Tensor bias = random({channels}, ny::Dtype::f32, 3);
    const ny::Conv2dOptions options{.algorithm = ConvAlgorithm::winograd4};
    CHECK(ny::all_close(ny::conv2d(x, kernel, bias, options), ny::conv2d(x, kernel, {}, options) + bias, 1e-5,
                        1e-6));
  }
}

TEST_CASE("Winograd convolutions pass gradient checks", "[conv2d][winograd][fast]") {
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::winograd2, ConvAlgorithm::winograd4}) {
    INFO(ny::message(algorithm));
    ny::take_kernel_trace();
    const auto conv = [&](const std::vector<Tensor>& in) {
      return ny::conv2d(in[0], in[1], in[2], {.padding = Padding(1, 0, 2, 1), .algorithm = algorithm});
    };
    const auto result =
        ny::gradcheck(conv,
                      {random({1, 5, 6, 3}, ny::Dtype::f64, 1), random({3, 3, 3, 5}, ny::Dtype::f64, 2),
                       random({5}, ny::Dtype::f64, 3)},
                      {.second_order = true});
    INFO(result.what);
    CHECK(result.passed);
    check_passes_ran(ny::message(algorithm).c_str());
  }
}

TEST_CASE("conv2d_transpose takes the algorithm, too", "[conv2d][winograd][fast]") {
  const Tensor x = random({2, 6, 7, 16}, ny::Dtype::f32, 1);
  const Tensor kernel = random({3, 3, 20, 16}, ny::Dtype::f32, 2);
  const Tensor exact = ny::conv2d_transpose(x, kernel, {}, {.algorithm = ConvAlgorithm::exact});
  ny::take_kernel_trace();
  const Tensor fast = ny::conv2d_transpose(x, kernel, {}, {.algorithm = ConvAlgorithm::winograd4});
  CHECK(ny::take_kernel_trace() == std::vector<std::string>{"conv2d_dinput/winograd4"});
  CHECK(reference::relative_error(fast, reference::values(exact)) < 5e-6);
}

TEST_CASE("automatic is exact where Winograd does not apply or f64 asks for it", "[conv2d][winograd][fast]") {
  struct Choice {
    const char* why;
    ny::Shape x;
    ny::Shape kernel;
    ny::Conv2dOptions options;
    ny::Dtype dtype;
    const char* kernel_name;
  };
  const std::vector<Choice> choices = {
      {"a layer of the reference network", {1, 16, 16, 32}, {3, 3, 32, 32}, {}, ny::Dtype::f32, "winograd4"},
      {"an image smaller than a tile leaves no fewer products",
       {1, 2, 2, 32},
       {3, 3, 32, 32},
       {},
       ny::Dtype::f32,
       "tile"},
      {"tiles of 2x2 leave fewer products than tiles of 4x4",
       {1, 4, 10, 32},
       {3, 3, 32, 32},
       {.padding = Padding::valid()},
       ny::Dtype::f32,
       "winograd2"},
      {"f64", {1, 16, 16, 32}, {3, 3, 32, 32}, {}, ny::Dtype::f64, "tile"},
      {"few in channels", {1, 16, 16, 3}, {3, 3, 3, 32}, {}, ny::Dtype::f32, "tile"},
      {"stride 2",
       {1, 8, 8, 32},
       {3, 3, 32, 32},
       {.stride = 2, .algorithm = ConvAlgorithm::winograd4},
       ny::Dtype::f32,
       "tile"},
      {"dilation 2",
       {1, 8, 8, 32},
       {3, 3, 32, 32},
       {.dilation = 2, .algorithm = ConvAlgorithm::winograd4},
       ny::Dtype::f32,
       "tile"},
      {"two groups",
       {1, 8, 8, 32},
       {3, 3, 16, 32},
       {.groups = 2, .algorithm = ConvAlgorithm::winograd4},
       ny::Dtype::f32,
       "tile"},
      {"window 1x3",
       {1, 8, 8, 32},
       {1, 3, 32, 32},
       {.algorithm = ConvAlgorithm::winograd4},
       ny::Dtype::f32,
       "tile"},
      {"asked for",
       {1, 16, 16, 32},
       {3, 3, 32, 32},
       {.algorithm = ConvAlgorithm::exact},
       ny::Dtype::f32,
       "tile"},
  };
  for (const Choice& c : choices) {
    INFO(c.why);
    ny::take_kernel_trace();
    ny::conv2d(random(c.x, c.dtype, 1), random(c.kernel, c.dtype, 2), {}, c.options);
    CHECK(ny::take_kernel_trace() ==
          std::vector<std::string>{std::string("conv2d_forward/") + c.kernel_name});
  }
}

TEST_CASE("a Winograd convolution of no images is empty and has zero gradients", "[conv2d][winograd][fast]") {
  const Case none{"", {0, 6, 6, 16}, {3, 3, 16, 16}};
  const Result result = run(none, ny::Dtype::f32, ConvAlgorithm::winograd4);
  CHECK(result.y.shape() == ny::Shape{0, 6, 6, 16});
  CHECK(ny::equal(result.dkernel, ny::zeros(none.kernel)));
}
