// What a training step fuses: a convolution and what follows it up to dropout, the moments that it takes of its output for
// a batch norm, and the sum that ends a residual.
#include <algorithm>

#include "each_isa.h"
#include "kernel_trace.h"
#include "noyau/sequential.h"
#include "ops/conv2d_kernels.h"
#include "ops/conv_norm_block.h"
#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

struct Case {
  const char* why;
  Shape x;  // at least 16 groups of 512 pixels
  Size2 window;
  std::int64_t channels;
  Conv2dLayerOptions options = {};
};

std::vector<Case> cases() {
  return {{"whole tiles and slices", {16, 32, 32, 8}, 3, 32, {}},
          {"odd images, a tail of channels", {48, 13, 15, 9}, 3, 11, {.algorithm = ConvAlgorithm::winograd4}},
          {"several images in a group, the last group smaller", {110, 9, 9, 4}, 3, 5, {}},
          {"tiles of 2x2", {16, 23, 24, 5}, 3, 33, {.algorithm = ConvAlgorithm::winograd2}},
          {"the sum itself, strided", {64, 24, 24, 3}, 3, 17, {.stride = 2}},
          {"a product", {33, 16, 17, 20}, 1, 24, {}},
          {"each channel by itself", {16, 24, 24, 19}, 3, 19, {.groups = 19}}};
}

std::vector<Tensor> step(const Sequential& net, const Tensor& x) {
  seed(6);  // of dropout
  const Tensor y = net(x);
  std::vector<Tensor> wrt = net.parameters();
  wrt.push_back(x);
  std::vector<Tensor> results = grad(y, wrt, {.seed = random_tensor(y.shape(), 7, y.dtype())});
  results.push_back(y);
  for (const NamedTensor& state : net.state()) results.push_back(state.tensor);
  return results;
}

std::vector<Tensor> plain_step(const Sequential& net, const Tensor& x) {
  set_fusion(false);
  const std::vector<Tensor> results = step(net, x);
  set_fusion(true);
  return results;
}

// Largest |a - b| / largest |b| must not exceed `tolerance`.
void check_near(const std::vector<Tensor>& a, const std::vector<Tensor>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = max(abs(a[i].detach() - b[i].detach())).item<double>();
    CHECK(error <= tolerance * (max(abs(b[i].detach())).item<double>() + 1e-3));
  }
}

bool took_moments() {
  const std::vector<std::string> trace = take_kernel_trace();
  return std::ranges::count(trace, "conv2d_forward/moments") > 0;
}

}  // namespace

TEST_CASE("a convolution takes the moments of its output for a batch norm, on every instruction set",
          "[fast][norm]") {
  for_each_isa([](std::string_view isa) {
    for (const Case& c : cases()) {
      for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
        INFO(message(isa, ' ', c.why, ' ', dtype));
        seed(3);
        Conv2dLayerOptions options = c.options;
        options.bias = false;  // whose gradient is nothing but rounding
        Sequential net(Conv2d(c.x[3], c.channels, c.window, options), BatchNorm(c.channels), Silu());
        net.to(dtype);
        const Sequential copy = net;
        const Tensor x = random_tensor(c.x, 5, dtype).set_requires_grad(true);
        take_kernel_trace();
        const std::vector<Tensor> fused = step(net, x);
        CHECK(took_moments());
        const std::vector<Tensor> plain = plain_step(copy, x);
        CHECK_FALSE(took_moments());
        check_near(fused, plain, dtype == Dtype::f32 ? 2e-5 : 1e-12);
      }
    }
  });
}

TEST_CASE("moments of whole slices have the same bits, wherever they were taken", "[fast][norm]") {
  seed(3);
  const Sequential net(Conv2d(8, 32, 3, {.bias = false}), BatchNorm(32), Relu());
  const Sequential copy = net;
  const Tensor x = random_tensor({16, 32, 32, 8}, 5, Dtype::f32).set_requires_grad(true);
  step(net, x);
  plain_step(copy, x);
  CHECK(equal(net.state()[3].tensor, copy.state()[3].tensor));  // the moving mean and variance
  CHECK(equal(net.state()[4].tensor, copy.state()[4].tensor));
}

TEST_CASE("moments far from zero keep their digits", "[fast][norm]") {
  seed(3);
  const Sequential net(Conv2d(8, 16, 3), BatchNorm(16));
  const Tensor bias = net.parameters()[1];
  bias.copy_from(full({16}, 1000));
  take_kernel_trace();
  net(random_tensor({16, 24, 24, 8}, 5, Dtype::f32));
  CHECK(took_moments());
  const Tensor far = net.state()[5].tensor.clone();
  bias.copy_from(zeros({16}));
  Sequential near(Conv2d(8, 16, 3), BatchNorm(16));
  near.parameters()[0].copy_from(net.parameters()[0]);
  near(random_tensor({16, 24, 24, 8}, 5, Dtype::f32));
  CHECK(all_close(far, near.state()[5].tensor, 1e-4, 1e-6));  // the outputs themselves have lost three digits
}

TEST_CASE("a convolution and its norm block do not depend on the number of threads", "[fast][norm]") {
  const auto f = [&](const std::vector<Tensor>& in) {
    return conv_norm_block(in[0], in[1], {}, {{}, in[2], in[3], {}, {}}, {.activation = Activation::relu});
  };
  std::vector<Tensor> in{random_tensor({70, 13, 15, 4}, 1, Dtype::f32),
                         random_tensor({3, 3, 4, 18}, 2, Dtype::f32), random_tensor({18}, 3, Dtype::f32),
                         random_tensor({18}, 4, Dtype::f32)};
  for (const Tensor& tensor : in) tensor.set_requires_grad(true);
  check_thread_independence(f, in);
}

TEST_CASE("gradients of a convolution and its norm block", "[fast][norm]") {
  if (test_device() != Device()) return;
  const Tensor x = random_tensor({16, 23, 24, 2});  // as few pixels as are grouped; a row is in no window
  for (const bool pool : {false, true}) {
    for (const ConvAlgorithm algorithm : {ConvAlgorithm::exact, ConvAlgorithm::winograd4}) {
      const auto f = [&](const std::vector<Tensor>& in) {
        Generator generator(3);
        return conv_norm_block(x, in[0], {.algorithm = algorithm}, {{}, in[1], in[2], {}, {}},
                               {.activation = Activation::silu, .pool = pool, .dropout = 0.2}, generator);
      };
      check_gradients(f, {random_tensor({3, 3, 2, 3}, 2), random_tensor({3}, 3), random_tensor({3}, 4)});
    }
  }
}

TEST_CASE("a convolution and its norm block have no gradient of their gradient", "[fast][norm]") {
  const Tensor x = random_tensor({16, 23, 24, 2}).set_requires_grad(true);
  const Tensor y = conv_norm_block(x, random_tensor({3, 3, 2, 3}, 2), {}, {}, {});
  const std::vector<Tensor> dx = grad(sum(y * y), {x}, {.create_graph = true});
  CHECK_THROWS_WITH(grad(sum(dx[0]), {x}), ContainsSubstring("conv_norm_block: no gradient of its gradient"));
}

TEST_CASE("a convolution, batch norm, activation, pool and dropout have the result that they have one by one",
          "[fast][norm]") {
  for_each_isa([](std::string_view isa) {
    INFO(isa);
    seed(3);
    const Sequential net(Conv2d(5, 20, 3, {.bias = false}), BatchNorm(20), Silu(), MaxPool(2), Dropout(0.3));
    const Sequential copy = net;
    const Tensor x = random_tensor({34, 17, 19, 5}, 5, Dtype::f32).set_requires_grad(true);
    take_kernel_trace();
    const std::vector<Tensor> fused = step(net, x);
    CHECK(std::ranges::count(take_kernel_trace(), "conv_norm_block") == 1);
    check_near(fused, plain_step(copy, x), 2e-5);
  });
}

TEST_CASE("moments do not outlive what they are of", "[fast][norm]") {
  const Tensor x = random_tensor({16, 24, 24, 2}), kernel = random_tensor({3, 3, 2, 4}, 2);
  const NoGrad off;
  const Tensor y = conv2d_ended(x, kernel, {}, {}, {.norm = true});
  y.mutable_data<double>()[0] = 1000;
  CHECK(equal(batch_norm(y, {}, {}, {}, {}, true), batch_norm(y.clone(), {}, {}, {}, {}, true)));
}

TEST_CASE("few images leave no groups to share and give no moments", "[fast][norm]") {
  seed(3);
  const Sequential net(Conv2d(3, 8, 3), BatchNorm(8));
  take_kernel_trace();
  net(random_tensor({15, 24, 24, 3}, 5, Dtype::f32));
  CHECK_FALSE(took_moments());
}

TEST_CASE("a residual that ends with a batch norm is summed and activated with it", "[fast][norm]") {
  for (const Activation activation :
       {Activation::none, Activation::relu, Activation::gelu, Activation::tanh}) {
    for (const bool shortcut : {false, true}) {
      for (const bool training : {true, false}) {
        INFO(message(activation, " shortcut ", shortcut, " training ", training));
        seed(4);
        const Sequential body(Conv2d(6, 6, 3, {.bias = false}), BatchNorm(6), Relu(),
                              Conv2d(6, 6, 3, {.bias = false}), BatchNorm(6));
        const Sequential other =
            shortcut ? Sequential(Conv2d(6, 6, 1, {.bias = false}), BatchNorm(6)) : Sequential();
        Sequential net(Residual(body, other, {.activation = activation}));
        net.train(training);
        const Sequential copy = net;
        const Tensor x = random_tensor({17, 24, 24, 6}, 5, Dtype::f32).set_requires_grad(true);
        take_kernel_trace();
        const std::vector<Tensor> fused = step(net, x);
        const std::vector<std::string> trace = take_kernel_trace();
        const bool known = activation == Activation::none || activation == Activation::relu;
        CHECK((std::ranges::count(trace, "norm_add") == 1) == known);
        CHECK((std::ranges::count(trace, "conv2d_forward/moments") == 1) == training);
        check_near(fused, plain_step(copy, x), 1e-4);
      }
    }
  }
}

TEST_CASE("a residual that is broadcast is added by itself", "[fast][norm]") {
  seed(4);
  const Sequential net(
      Residual(Sequential(Conv2d(6, 6, 3, {.bias = false}), BatchNorm(6)),
               Sequential(GlobalAveragePool(), named("square",
                                                     [](const Tensor& x) {
                                                       return reshape(x, {x.dim(0), 1, 1, x.dim(-1)});
                                                     })),
               {.activation = Activation::relu}));
  const Sequential copy = net;
  const Tensor x = random_tensor({4, 6, 6, 6}, 5, Dtype::f32).set_requires_grad(true);
  check_near(step(net, x), plain_step(copy, x), 1e-5);
}
