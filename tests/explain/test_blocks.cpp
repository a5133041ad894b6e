// Explanations do not depend on how layers are grouped, nor on how convolutions are computed.
#include "catch2.h"
#include "explain/nets.h"

namespace ny = noyau;

namespace {

ny::Sequential net_of_blocks() {
  ny::seed(8);
  ny::Sequential net(ny::ConvBlock(3, 8, 3, {.pool = true, .dropout = 0.3}),
                     ny::ConvBlock(8, 9, 3, {.activation = ny::Activation::leaky_relu}),
                     ny::ConvBlock(9, 8, 3, {.conv = {.stride = 2}, .batch_norm = false, .pool = true}),
                     ny::Flatten(), ny::Dense(8 * 2 * 1, 5));
  for (const ny::NamedTensor& t : net.state()) {
    if (t.name.ends_with("moving_variance")) t.tensor.copy_from(ny::uniform(t.tensor.shape(), 0.5, 2));
    if (t.name.ends_with("moving_mean") || t.name.ends_with("beta"))
      t.tensor.copy_from(ny::normal(t.tensor.shape(), 0, 0.3));
  }
  return net;
}

// The same network of layers by themselves.
ny::Sequential net_of_layers(const ny::Sequential& blocks) {
  ny::Sequential net(ny::Conv2d(3, 8, 3, {.bias = false}), ny::BatchNorm(8), ny::Relu(), ny::MaxPool(2),
                     ny::Dropout(0.3), ny::Conv2d(8, 9, 3, {.bias = false}), ny::BatchNorm(9),
                     ny::Activate(ny::Activation::leaky_relu), ny::Conv2d(9, 8, 3, {.stride = 2}), ny::Relu(),
                     ny::MaxPool(2), ny::Flatten(), ny::Dense(8 * 2 * 1, 5));
  const auto from = const_cast<ny::Sequential&>(blocks).state();
  const auto to = net.state();
  REQUIRE(from.size() == to.size());
  for (std::size_t i = 0; i < to.size(); ++i) to[i].tensor.copy_from(from[i].tensor);
  return net;
}

double worst(const ny::Tensor& a, const ny::Tensor& b) {
  return (max(abs(a - b)) / max(abs(b))).item<double>();
}

}  // namespace

TEST_CASE("a network of blocks is explained as the same network of layers", "[fast][explain]") {
  const ny::Sequential blocks = net_of_blocks();
  const ny::Sequential layers = net_of_layers(blocks);
  const ny::Tensor x =
      random_images({3, 17, 12, 3}, 9);  // odd: padding of the stride, and a row that no pool sees
  const auto check = [&](const char* name, const auto& explain) {
    INFO(name);
    CHECK(worst(explain(blocks), explain(layers)) < 1e-5);
  };
  const ny::Target target{2};
  check("saliency", [&](const auto& net) { return saliency(net, x, {.target = target}); });
  check("guided", [&](const auto& net) { return guided_backpropagation(net, x, {.target = target}); });
  check("deconvolution", [&](const auto& net) { return deconvolution(net, x, {.target = target}); });
  check("integrated",
        [&](const auto& net) { return integrated_gradients(net, x, {.target = target}).values; });
  check("DeepLIFT", [&](const auto& net) { return deep_lift(net, x, {.target = target}).values; });
  for (const ny::LrpRule rule : {ny::LrpRule::epsilon, ny::LrpRule::gamma, ny::LrpRule::alpha_beta}) {
    check("LRP", [&](const auto& net) { return lrp(net, x, {.target = target, .rule = rule, .alpha = 2}); });
  }
  check("Grad-CAM++", [&](const auto& net) { return grad_cam_pp(net, x, {.target = target}); });
  CHECK(default_map_layer(layers, x) == "relu_1");
  CHECK(default_map_layer(blocks, x) == "conv_block_2.relu");
}

TEST_CASE("on even regions rounding decides nothing", "[fast][explain]") {
  ny::seed(10);
  ny::Sequential net(ny::Conv2d(1, 8, 3), ny::Relu(), ny::Conv2d(8, 16, 3), ny::BatchNorm(16), ny::Relu(),
                     ny::MaxPool(2), ny::Conv2d(16, 16, 3), ny::Relu(), ny::MaxPool(2), ny::Flatten(),
                     ny::Dense(16 * 7 * 7, 5));
  for (const ny::NamedTensor& t : net.state()) {
    if (t.name.ends_with("bias") || t.name.ends_with("beta"))
      t.tensor.copy_from(ny::uniform(t.tensor.shape(), 0.1, 0.9));
  }
  // Grey, with a square of noise: where it is grey all cells of a pool are equal.
  const ny::Tensor square = random_images({2, 6, 6, 1}, 12);
  const ny::Tensor x = ny::pad(square, {{0, 0}, {9, 13}, {11, 11}, {0, 0}}, ny::PadMode::constant, 0.3);
  ny::Sequential wide = net;
  wide.to(ny::Dtype::f64);
  const ny::Tensor x64 = x.to(ny::Dtype::f64);
  const auto check = [&](const ny::Tensor& narrow, const ny::Tensor& expected) {
    CHECK(worst(narrow.to(ny::Dtype::f64), expected) < 1e-4);
  };
  check(saliency(net, x, {.target = 1}), saliency(wide, x64, {.target = 1}));
  check(guided_backpropagation(net, x, {.target = 1}), guided_backpropagation(wide, x64, {.target = 1}));
  check(deep_lift(net, x, {.target = 1}).values, deep_lift(wide, x64, {.target = 1}).values);
  check(lrp(net, x, {.target = 1}), lrp(wide, x64, {.target = 1}));
}
