#include "catch2.h"
#include "noyau/architecture.h"
#include "noyau/sequential.h"
#include "noyau/testing.h"

namespace ny = noyau;

namespace {

ny::Sequential small_net() {
  return ny::Sequential(ny::Conv2d(3, 4, 3), ny::BatchNorm(4), ny::Relu(), ny::MaxPool(2),
                        ny::Conv2d(4, 6, 3), ny::named("last", ny::Relu()), ny::GlobalAveragePool(),
                        ny::Dense(6, 5));
}

std::vector<std::string> layer_names(const ny::Sequential& net) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < net.size(); ++i) names.push_back(net[i].name);
  return names;
}

struct Doubled : ny::Module {
  ny::Conv2d conv{3, 3, 1};
  ny::Parameter factor{ny::full({}, 2)};
  ny::Tensor operator()(const ny::Tensor& x) const { return conv(x) * factor; }
  void visit(ny::Visitor& v) override {
    v("conv", conv);
    v("factor", factor);
  }
};

}  // namespace

TEST_CASE("layers without a name have that of their kind", "[fast]") {
  ny::seed(1);
  const ny::Sequential net = small_net();
  REQUIRE(layer_names(net) == std::vector<std::string>{"conv2d", "batch_norm", "relu", "max_pool", "conv2d_1",
                                                       "last", "global_average_pool", "dense"});
  std::vector<std::string> state;
  for (const ny::NamedTensor& t : net.state()) state.push_back(t.name);
  REQUIRE(state == std::vector<std::string>{"conv2d.kernel", "conv2d.bias", "batch_norm.gamma",
                                            "batch_norm.beta", "batch_norm.moving_mean",
                                            "batch_norm.moving_variance", "conv2d_1.kernel", "conv2d_1.bias",
                                            "dense.kernel", "dense.bias"});
  REQUIRE(net(ny::normal({2, 8, 8, 3}, 0, 1)).shape() == ny::Shape{2, 5});
}

TEST_CASE("a sequential takes layers of one's own, functions and sequentials", "[fast]") {
  ny::Sequential net(
      Doubled(), [](const ny::Tensor& x) { return x + 1.0; }, ny::Relu());
  net.push_back(ny::named("inner", ny::Sequential(ny::Relu(), ny::Relu())));
  net.push_back(ny::Flatten());
  REQUIRE(layer_names(net) == std::vector<std::string>{"doubled", "function", "relu", "inner", "flatten"});
  REQUIRE(net.parameters().size() == 3);
  REQUIRE(net.at("inner.relu_1").kind() == "relu");
  REQUIRE(net(ny::ones({1, 2, 2, 3})).shape() == ny::Shape{1, 12});
  const auto [y, taps] = tap(net, ny::ones({1, 2, 2, 3}), {"doubled.conv", "function"});
  REQUIRE(equal(taps[1], taps[0] * 2.0 + 1.0));
}

TEST_CASE("copies of a sequential share nothing", "[fast]") {
  ny::Sequential net(ny::Dense(2, 2));
  ny::Sequential copy = net;
  copy.parameters()[0].copy_from(ny::zeros({2, 2}));
  REQUIRE_FALSE(equal(net.parameters()[0], copy.parameters()[0]));
  const ny::Tensor kernel = net.parameters()[0];
  net = copy;
  REQUIRE(equal(net.parameters()[0], ny::zeros({2, 2})));
  const ny::Sequential moved = std::move(copy);
  REQUIRE(equal(moved.parameters()[0], ny::zeros({2, 2})));
}

TEST_CASE("bad names and positions are refused", "[fast]") {
  REQUIRE_THROWS_WITH(ny::Sequential(ny::named("a", ny::Relu()), ny::named("a", ny::Relu())),
                      ContainsSubstring("two layers are named 'a'"));
  REQUIRE_THROWS_WITH(ny::Sequential(ny::named("a.b", ny::Relu())),
                      ContainsSubstring("bad layer name 'a.b'"));
  REQUIRE_THROWS_WITH(ny::Sequential(ny::named("", ny::Relu())), ContainsSubstring("bad layer name ''"));
  REQUIRE_THROWS_WITH(ny::Sequential(ny::Relu())[1],
                      ContainsSubstring("layer 1 is out of range for 1 layers"));
  REQUIRE_THROWS_WITH(ny::Residual(ny::Sequential(ny::named("shortcut", ny::Relu()))),
                      ContainsSubstring("a layer of the body is named 'shortcut'"));
}

TEST_CASE("tap gives outputs of layers, on the tape", "[fast]") {
  ny::seed(2);
  const ny::Sequential net = small_net();
  const ny::Tensor x = ny::normal({2, 8, 8, 3}, 0, 1);
  const auto [y, taps] = tap(net, x, {"last", "conv2d"});
  REQUIRE(taps[0].shape() == ny::Shape{2, 4, 4, 6});
  REQUIRE(taps[1].shape() == ny::Shape{2, 8, 8, 4});
  const std::vector<ny::Tensor> gradients = grad(sum(y), {taps[0]});
  REQUIRE(gradients[0].shape() == taps[0].shape());
  REQUIRE_THROWS_WITH(tap(net, x, {"lost"}),
                      ContainsSubstring("tap: unknown layer 'lost'; did you mean 'last'?"));
}

TEST_CASE("replace runs on from a layer, through blocks too", "[fast]") {
  ny::seed(3);
  int runs = 0;
  const auto count = [&](const ny::Tensor& x) {
    ++runs;
    return x;
  };
  ny::Sequential net(
      count, ny::named("stem", ny::Sequential(ny::Conv2d(3, 4, 3), ny::Relu())),
      ny::named("block",
                ny::Residual(ny::Sequential(ny::Conv2d(4, 4, 3), ny::Relu(), ny::Conv2d(4, 4, 1)),
                             ny::Sequential(ny::Conv2d(4, 4, 1)), {.activation = ny::Activation::relu})),
      ny::GlobalAveragePool());
  const ny::Tensor x = ny::normal({2, 5, 5, 3}, 0, 1);
  for (const char* name : {"stem.conv2d", "stem.relu", "stem", "block.relu", "block.shortcut.conv2d",
                           "block.shortcut", "block", "global_average_pool"}) {
    INFO(name);
    const auto [y, taps] = tap(net, x, {name});
    runs = 0;
    REQUIRE(equal(replace(net, x, name, taps[0]), y));
    REQUIRE_FALSE(equal(replace(net, x, name, taps[0] + 1.0), y));
    const bool needs_input = std::string(name).rfind("block.", 0) == 0;
    REQUIRE(runs == (needs_input ? 2 : 0));
  }
  REQUIRE_THROWS_WITH(replace(net, x, "block.rel", x),
                      ContainsSubstring("unknown layer 'block.rel'; did you mean 'block.relu'?"));
}

TEST_CASE("a layer that does not run cannot be tapped", "[fast]") {
  struct Idle : ny::Module {
    ny::Relu used, idle;
    ny::Tensor operator()(const ny::Tensor& x) const { return used(x); }
    void visit(ny::Visitor& v) override {
      v("used", used);
      v("idle", idle);
    }
  } net;
  REQUIRE_THROWS_WITH(tap(net, ny::ones({1}), {"idle"}), ContainsSubstring("layer 'idle' did not run"));
  REQUIRE_THROWS_WITH(replace(net, ny::ones({1}), "idle", ny::ones({1})),
                      ContainsSubstring("layer 'idle' did not run"));
}

TEST_CASE("observe calls for every layer in order", "[fast]") {
  ny::Sequential net(ny::named("block", ny::Residual(ny::Sequential(ny::Scale(2), ny::Relu()))),
                     ny::Flatten());
  std::vector<std::string> seen;
  const ny::Tensor y = observe(net, ny::ones({1, 2}),
                               [&](const std::string& name, const ny::Tensor&) { seen.push_back(name); });
  REQUIRE(seen == std::vector<std::string>{"block.scale", "block.relu", "block", "flatten"});
  REQUIRE(equal(y, ny::full({1, 2}, 3)));
}

TEST_CASE("batch norm and relu run as one op with the same result", "[fast]") {
  ny::seed(4);
  const ny::Sequential net(ny::Conv2d(3, 8, 3), ny::BatchNorm(8), ny::Relu(), ny::GlobalAveragePool());
  const ny::Sequential copy = net;
  const ny::Tensor x = ny::normal({4, 9, 7, 3}, 0, 1).set_requires_grad(true);
  const ny::Tensor fused = net(x);
  REQUIRE(ny::set_fusion(false));
  const ny::Tensor plain = copy(x);
  REQUIRE_FALSE(ny::set_fusion(true));
  REQUIRE(all_close(fused, plain, 1e-5, 1e-6));
  const std::vector<ny::Tensor> a = grad(sum(fused * fused), {x}), b = grad(sum(plain * plain), {x});
  REQUIRE(all_close(a[0], b[0], 1e-4, 1e-6));
  REQUIRE(all_close(net.state()[4].tensor, copy.state()[4].tensor, 1e-6, 1e-7));

  const auto [y, taps] = tap(net, x, {"batch_norm", "relu"});
  REQUIRE(min(taps[0]).item<double>() < 0);  // a tapped batch norm is not fused away
  REQUIRE(equal(relu(taps[0]), taps[1]));
  REQUIRE(all_close(replace(net, x, "batch_norm", taps[0]), y));
}

namespace {

ny::Sequential block_net() {
  return ny::Sequential(ny::Conv2d(3, 8, 3), ny::BatchNorm(8), ny::Relu(), ny::MaxPool(2), ny::Dropout(0.3),
                        ny::Conv2d(8, 4, 3), ny::BatchNorm(4), ny::named("tanh", ny::Activate("tanh")),
                        ny::MaxPool(2), ny::Flatten(), ny::Dense(8, 6), ny::named("norm", ny::BatchNorm(6)),
                        ny::Gelu(), ny::Dropout(0.5));
}

}  // namespace

TEST_CASE("fused and plain runs have the same result, masks and averages", "[fast]") {
  ny::seed(4);
  ny::Sequential net = block_net();
  ny::Sequential copy = net;
  const ny::Tensor x = ny::normal({4, 9, 7, 3}, 0, 1).set_requires_grad(true);
  for (const bool training : {true, false}) {
    net.train(training);
    copy.train(training);
    ny::seed(6);
    const ny::Tensor fused = net(x);
    const std::uint64_t drawn = ny::default_generator().offset();
    REQUIRE(ny::set_fusion(false));
    ny::seed(6);
    const ny::Tensor plain = copy(x);
    REQUIRE_FALSE(ny::set_fusion(true));
    REQUIRE(ny::default_generator().offset() == drawn);
    REQUIRE(all_close(fused, plain, 1e-4, 1e-5));
    REQUIRE(equal(equal_to(fused, ny::zeros({})), equal_to(plain, ny::zeros({}))));  // the same masks
    const std::vector<ny::Tensor> a = grad(sum(fused * fused), {x}), b = grad(sum(plain * plain), {x});
    REQUIRE(all_close(a[0], b[0], 1e-3, 1e-4));
  }
  for (std::size_t i = 0; i < net.state().size(); ++i) {
    REQUIRE(all_close(net.state()[i].tensor, copy.state()[i].tensor, 1e-5, 1e-6));
  }
}

TEST_CASE("summary says which layers run as one op", "[fast]") {
  const ny::Summary s = summary(block_net(), {9, 7, 3});
  std::vector<std::string> into;
  for (const ny::LayerSummary& layer : s.layers) into.push_back(layer.fused_into);
  REQUIRE(into == std::vector<std::string>{"", "", "batch_norm", "batch_norm", "batch_norm", "", "", "", "",
                                           "", "", "", "norm", "norm"});
  REQUIRE_THAT(to_string(s), ContainsSubstring("sees  runs in\n") && ContainsSubstring("14x10  norm\n"));
  ny::set_fusion(false);
  const ny::Summary apart = summary(block_net(), {9, 7, 3});
  ny::set_fusion(true);
  for (const ny::LayerSummary& layer : apart.layers) REQUIRE(layer.fused_into.empty());
}

TEST_CASE("a layer that is tapped is not fused away", "[fast]") {
  ny::seed(4);
  const ny::Sequential net = block_net();
  const ny::Tensor x = ny::normal({4, 9, 7, 3}, 0, 1);
  for (const char* name : {"batch_norm", "relu", "max_pool", "dropout", "norm", "gelu", "dropout_1"}) {
    INFO(name);
    ny::seed(6);
    const auto [y, taps] = tap(net, x, {name});
    ny::seed(6);
    REQUIRE(all_close(net(x), y, 1e-4, 1e-5));
    ny::seed(6);
    const ny::Tensor changed = replace(net, x, name, taps[0] * 0.0);
    REQUIRE_FALSE(all_close(changed, y));
  }
  const ny::KeepTape keep;  // rules name the ops of layers
  ny::take_kernel_trace();
  net(x);
  REQUIRE_THAT(ny::take_kernel_trace(), !Catch::Matchers::VectorContains(std::string("norm_block")));
}

TEST_CASE("dropout and batch norm follow the mode", "[fast]") {
  ny::seed(5);
  ny::Sequential net(ny::BatchNorm(2), ny::Dropout(0.5), ny::named("spatial", ny::SpatialDropout(0.5)));
  const ny::Tensor x = ny::normal({3, 4, 4, 2}, 1, 1);
  REQUIRE_FALSE(equal(net(x), net(x)));
  net.train(false);
  const ny::Tensor mean = net.state()[2].tensor.clone();
  REQUIRE(equal(net(x), net(x)));
  REQUIRE(equal(mean, net.state()[2].tensor));
  REQUIRE_THROWS_WITH(ny::Dropout(1), ContainsSubstring("dropout: rate must be in [0, 1), not 1"));
  REQUIRE_THROWS_WITH(ny::SpatialDropout(-0.5),
                      ContainsSubstring("spatial_dropout: rate must be in [0, 1), not -0.5"));
}
