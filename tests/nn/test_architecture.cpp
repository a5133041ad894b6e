#include "catch2.h"
#include "nn/layer_json.h"
#include "noyau/architecture.h"
#include "noyau/models.h"

namespace ny = noyau;

namespace {

// Every layer, with every option away from its default.
ny::Sequential every_layer() {
  ny::Sequential net;
  const auto add = [&](ny::AnyLayer layer) { net.push_back(std::move(layer)); };
  add(ny::Conv2d(4, 6, {3, 5},
                 {2, ny::Padding(1, 0, 2, 1), {1, 2}, 2, false, {ny::Init::he_uniform, 0.5}, true}));
  add(ny::DepthwiseConv2d(6, 3, 2,
                          {.stride = {1, 2}, .padding = ny::Padding::valid(), .initializer = "orthogonal"}));
  add(ny::ConvTranspose2d(12, 4, 3, {2, ny::Padding(1), 1, 2, 1, false, "he_normal"}));
  add(ny::Dense(4, 3, {false, {ny::Init::constant, 0.1}}));
  add(ny::BatchNorm(3, {1e-5, 0.9, false, false}));
  add(ny::LayerNorm({3}, {1e-4, false, true}));
  add(ny::GroupNorm(3, 3, {1e-4, true, false}));
  add(ny::Residual(ny::Sequential(ny::Relu()), ny::Sequential(ny::named("shrink", ny::Scale(0.5))),
                   {ny::Activation::silu}));
  add(ny::Residual(ny::Sequential(ny::Relu())));
  add(ny::ConvBlock(3, 3, {3, 1},
                    {.conv = {1, ny::Padding(1), {2, 1}, 3, true, {ny::Init::he_uniform, 0.5}, true},
                     .norm = {1e-5, 0.9, false, false},
                     .activation = ny::Activation::silu,
                     .pool = true,
                     .dropout = 0.25}));
  add(ny::ConvBlock(3, 3, 1, {.batch_norm = false, .activation = ny::Activation::none}));
  add(ny::Sequential(ny::Relu(), ny::named("mine", ny::Relu())));
  add(ny::Relu());
  add(ny::LeakyRelu(0.3));
  add(ny::Elu(0.4));
  add(ny::Gelu(ny::GeluForm::tanh));
  add(ny::Silu());
  add(ny::Sigmoid());
  add(ny::Tanh());
  add(ny::Softplus());
  add(ny::Softmax(1));
  add(ny::Activate(ny::Activation::gelu_tanh));
  add(ny::Scale(2.5));
  add(ny::MaxPool({2, 3}, {.stride = 1, .padding = ny::Padding::same()}));
  add(ny::AveragePool(2, {.stride = ny::Size2(1, 2), .padding = ny::Padding(1), .count_padding = true}));
  add(ny::ZeroPad({1, 2, 3, 4}));
  add(ny::Resize({7, 9}, ny::ResizeMode::area));
  add(ny::UpSampling({2, 1}, ny::ResizeMode::bilinear));
  add(ny::Dropout(0.25));
  add(ny::SpatialDropout(0.5));
  add(ny::Reshape({7, 54}));
  add(ny::Flatten());
  add(ny::GlobalAveragePool());
  add(ny::GlobalMaxPool());
  return net;
}

void require_same_state(const ny::Sequential& a, const ny::Sequential& b) {
  REQUIRE(a.state().size() == b.state().size());
  for (std::size_t i = 0; i < a.state().size(); ++i) {
    REQUIRE(a.state()[i].name == b.state()[i].name);
    REQUIRE(a.state()[i].tensor.shape() == b.state()[i].tensor.shape());
    REQUIRE(a.state()[i].tensor.requires_grad() == b.state()[i].tensor.requires_grad());
  }
}

}  // namespace

TEST_CASE("every layer writes itself as JSON and is read back", "[fast]") {
  const ny::Sequential net = every_layer();
  const std::string json = to_json(net);
  const ny::Sequential back = ny::from_json(json);
  REQUIRE(to_json(back) == json);
  require_same_state(net, back);
  for (const std::string& kind : ny::layer_kinds()) {
    INFO(kind << " is in every_layer()");
    REQUIRE(json.find("\"layer\":\"" + kind + "\"") != std::string::npos);
  }
}

TEST_CASE("JSON leaves out what is at its default, and may have comments", "[fast]") {
  const ny::Sequential net(ny::Conv2d(3, 8, 3), ny::named("last", ny::Relu()), ny::Relu());
  REQUIRE(
      to_json(net) ==
      R"([{"layer":"conv2d","in":3,"out":8,"window":3},{"layer":"relu","name":"last"},{"layer":"relu"}])");
  const ny::Sequential read =
      ny::from_json("[ // first\n {\"layer\": \"dense\", \"in\": 3, \"out\": 2} /* only */ ]");
  REQUIRE(read(ny::ones({1, 3})).shape() == ny::Shape{1, 2});
}

TEST_CASE("groups count when a description's weights are bounded", "[fast]") {
  const ny::Sequential read =
      ny::from_json(R"([{"layer": "conv2d", "in": 8192, "out": 8192, "window": 3, "groups": 8192}])");
  REQUIRE(read.parameters()[0].shape() == ny::Shape{3, 3, 1, 8192});
  REQUIRE_THROWS_WITH(
      ny::from_json(R"([{"layer": "conv2d", "in": 65536, "out": 65536, "window": 3, "groups": 16}])"),
      ContainsSubstring("asks for 268435456 weights"));
}

TEST_CASE("a wrong description is refused with its place", "[fast]") {
  const auto refuse = [](const char* json, const char* what) {
    INFO(json);
    REQUIRE_THROWS_WITH(ny::from_json(json), ContainsSubstring(what));
  };
  refuse(R"([{"layer": "dense", "in": 100000, "out": 100000}])",
         "architecture[0] dense: asks for 1e+10 weights");
  refuse(R"([{"layer": "conv2d", "in": 9000, "out": 9000, "window": [3, 3]}])",
         "at most 1e+08 are allowed here");
  refuse(R"([{"layer": "reshape", "shape": [100000, 100000]}])", "'shape' has 1e+10 elements");
  refuse("[{]", "architecture: not valid JSON (parse error at line 1, column 3");
  refuse("{}", "architecture: a network is a list of layers, not object");
  refuse("[3]", "architecture[0]: a layer is an object like {\"layer\": \"relu\"}, not 3");
  refuse("[{}]", "architecture[0]: 'layer' must be a text");
  refuse(R"([{"layer": "relu"}, {"layer": "conv2"}])",
         "architecture[1]: unknown layer 'conv2'; did you mean 'conv2d'?");
  refuse(R"([{"layer": "conv2d", "in": 3, "out": 4, "window": 3, "strides": 2}])",
         "architecture[0] conv2d: unknown option 'strides'; did you mean 'stride'?");
  refuse(R"([{"layer": "conv2d", "in": 3, "out": 4}])", "architecture[0] conv2d: option 'window' is missing");
  refuse(R"([{"layer": "dense", "in": "3", "out": 4}])",
         "architecture[0] dense: option 'in' must be a whole number, not \"3\"");
  refuse(R"([{"layer": "dense", "in": 3, "out": 4, "bias": 1}])",
         "option 'bias' must be true or false, not 1");
  refuse(R"([{"layer": "dropout", "rate": "x"}])", "option 'rate' must be a number, not \"x\"");
  refuse(R"([{"layer": "dropout", "rate": 1.5}])",
         "architecture[0] dropout: dropout: rate must be in [0, 1), not 1.5");
  refuse(R"([{"layer": "max_pool", "window": [1, 2, 3]}])",
         "option 'window' must be a whole number or [height, width]");
  refuse(R"([{"layer": "zero_pad", "padding": [1]}])",
         "must be \"same\", \"valid\", a whole number or [top, bottom, left, right]");
  refuse(R"([{"layer": "reshape", "shape": 3}])", "option 'shape' must be a list of whole numbers, not 3");
  refuse(R"([{"layer": "softmax", "axis": 5000000000}])", "option 'axis' must be a smaller number");
  refuse(R"([{"layer": "dense", "in": 1, "out": 1, "initializer": "he"}])", "unknown rule 'he'");
  refuse(R"([{"layer": "dense", "in": 1, "out": 1, "initializer": 3}])",
         "must be a name or {\"rule\": name, \"scale\": number}");
  refuse(R"([{"layer": "dense", "in": 1, "out": 1, "initializer": {"rule": "ones", "gain": 3}}])",
         "dense: initializer: unknown option 'gain'");
  refuse(R"([{"layer": "gelu", "form": "exct"}])",
         "architecture[0] gelu: unknown form 'exct'; did you mean 'exact'?");
  refuse(R"([{"layer": "activate", "activation": 3}])", "option 'activation' must be a text, not 3");
  refuse(R"([{"layer": "residual", "body": [{"layer": "rel"}]}])",
         "architecture[0] residual.body[0]: unknown layer 'rel'");
  refuse(R"([{"layer": "relu", "name": "a"}, {"layer": "relu", "name": "a"}])", "two layers are named 'a'");
}

namespace {

struct Power : ny::Module {
  explicit Power(int e) : exponent(e) {}
  ny::Tensor operator()(const ny::Tensor& x) const { return pow(x, exponent); }
  void visit(ny::Visitor&) override {}
  int exponent;
};

}  // namespace

TEST_CASE("a layer of one's own can be registered", "[fast]") {
  const ny::Sequential net{Power(3)};
  REQUIRE_THROWS_WITH(to_json(net), ContainsSubstring("layer 'power' is a power, which is not registered"));
  const auto read = [](std::string_view json) { return Power(json == R"({"exponent":3})" ? 3 : 0); };
  const auto write = [](const Power& layer) { return ny::message("{\"exponent\": ", layer.exponent, "}"); };
  ny::register_layer<Power>("power", read, write);
  const ny::Sequential back = ny::from_json(to_json(net));
  REQUIRE(equal(back(ny::tensor({2})), ny::tensor({8})));
  REQUIRE_THROWS_WITH(ny::register_layer<Power>("power", read, write),
                      ContainsSubstring("layer 'power' is registered already"));
}

TEST_CASE("summary counts parameters, products and what a cell sees", "[fast]") {
  const ny::Sequential net(
      ny::Conv2d(3, 8, 3), ny::BatchNorm(8), ny::Relu(), ny::MaxPool(2),
      ny::named("block", ny::Residual(ny::Sequential(ny::Conv2d(8, 8, 3), ny::Relu(), ny::Conv2d(8, 8, 3)))),
      ny::Conv2d(8, 16, {1, 5}, {.stride = 2, .dilation = 2, .groups = 2, .bias = false}),
      ny::GlobalAveragePool(), ny::Dense(16, 10));
  const ny::Summary s = summary(net, {32, 24, 3});
  REQUIRE(s.layers.size() == 10);
  REQUIRE(s.layers[0].output == ny::Shape{32, 24, 8});
  REQUIRE(s.layers[0].parameters == 224);
  REQUIRE(s.layers[0].multiply_adds == 32 * 24 * 27 * 8);
  REQUIRE(s.layers[0].receptive_field == ny::Size2(3));
  REQUIRE(s.layers[1].parameters == 16);
  REQUIRE(s.layers[1].frozen == 16);
  REQUIRE(s.layers[3].receptive_field == ny::Size2(4));
  REQUIRE(s.layers[4].name == "block.conv2d");
  REQUIRE(s.layers[6].receptive_field == ny::Size2(12));
  REQUIRE(s.layers[7].output == ny::Shape{8, 6, 16});
  REQUIRE(s.layers[7].multiply_adds == 8 * 6 * 5 * 4 * 16);
  REQUIRE(s.layers[7].receptive_field == ny::Size2(12, 28));
  REQUIRE(s.layers[8].output == ny::Shape{16});
  REQUIRE(s.layers[8].receptive_field == ny::Size2(12 + 7 * 4, 28 + 5 * 4));
  REQUIRE(s.layers[9].parameters == 170);
  REQUIRE(s.layers[9].multiply_adds == 160);
  REQUIRE(s.parameters == 224 + 16 + 2 * 584 + 320 + 170);
  REQUIRE(s.frozen == 16);
  REQUIRE_THROWS_WITH(summary(net, {32, 32}), ContainsSubstring("input is [32, 32] but must be [h, w, c]"));
}

TEST_CASE("summary follows transposed convolutions and resizing", "[fast]") {
  const ny::Sequential net(ny::Conv2d(1, 2, 3, {.stride = 2}), ny::ConvTranspose2d(2, 3, 4, {.stride = 2}),
                           ny::UpSampling(2), ny::Resize(8, ny::ResizeMode::bilinear), ny::Flatten(),
                           ny::Dense(192, 2));
  const ny::Summary s = summary(net, {8, 8, 1});
  REQUIRE(s.layers[1].output == ny::Shape{8, 8, 3});
  REQUIRE(s.layers[1].multiply_adds == 4 * 4 * 16 * 2 * 3);
  REQUIRE(s.layers[1].receptive_field == ny::Size2(5));  // two inputs, two pixels apart, of three pixels each
  REQUIRE(s.layers[2].receptive_field == ny::Size2(5));
  REQUIRE(s.layers[3].receptive_field == ny::Size2(6));  // two cells half a pixel apart
  REQUIRE(s.layers[5].multiply_adds == 384);
}

TEST_CASE("summary prints an aligned table", "[fast]") {
  const ny::Sequential net(ny::Conv2d(3, 32, 3), ny::BatchNorm(32), ny::GlobalAveragePool(),
                           ny::Dense(32, 10));
  REQUIRE(to_string(summary(net, {32, 32, 3})) ==
          "layer                kind                 output        parameters  multiply-adds  sees\n"
          "input                                     [32, 32, 3]\n"
          "conv2d               conv2d               [32, 32, 32]         896        884,736     3\n"
          "batch_norm           batch_norm           [32, 32, 32]          64              0     3\n"
          "global_average_pool  global_average_pool  [32]                   0              0    34\n"
          "dense                dense                [10]                 330            320    34\n"
          "total                                                        1,290        885,056\n"
          "and 64 numbers that are not trained\n");
}

TEST_CASE("a description cannot ask for more layers than a stack and a memory hold", "[architecture][fast]") {
  std::string deep = "[]";
  for (int i = 0; i < 40; ++i) deep = R"([{"layer": "sequential", "layers": )" + deep + "}]";
  REQUIRE_THROWS_WITH(ny::from_json(deep), ContainsSubstring("lists of layers within lists go too deep"));
  std::string many = "[";
  for (int i = 0; i < 10001; ++i) many += std::string(i > 0 ? "," : "") + R"({"layer": "relu"})";
  REQUIRE_THROWS_WITH(ny::from_json(many + "]"),
                      ContainsSubstring("a network has at most 10000 layers, not 10001"));
  const auto together = [](std::int64_t weights) {
    const auto layers = ny::parse_json(
        "t", R"([{"layer": "dense", "in": 8, "out": 8}, {"layer": "dense", "in": 8, "out": 8}])");
    return ny::layers_from_json(layers, "t", {.weights = static_cast<double>(weights)});
  };
  CHECK(together(144).size() == 2);  // two times 8 x 8 weights and 8 biases
  REQUIRE_THROWS_WITH(together(143), ContainsSubstring("t: a network may have 143 weights in all"));
  REQUIRE_THROWS_WITH(together(100),
                      ContainsSubstring("t[1] dense: asks for 64 weights, but at most 28 are allowed here"));
}
