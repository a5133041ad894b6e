#include "catch2.h"
#include "noyau/architecture.h"
#include "noyau/models.h"

namespace ny = noyau;

namespace {

bool is_finite(const ny::Tensor& x) { return all_close(x, x, 0, 0) && max(abs(x)).item<double>() < 1e30; }

}  // namespace

TEST_CASE("every model maps images of any size to logits and survives JSON", "[fast]") {
  const std::string name = GENERATE(from_range(ny::model_names()));
  INFO(name);
  ny::seed(1);
  // 28 x 28 grey is the smallest; 33 x 41 has no even half anywhere
  const ny::ModelOptions sizes[] = {{.height = 28, .width = 28, .channels = 1, .width_factor = 0.25},
                                    {.height = 33, .width = 41, .classes = 7, .width_factor = 0.25}};
  for (const ny::ModelOptions& options : sizes) {
    ny::Sequential net = make_model(name, options);
    const ny::Tensor x = ny::normal({2, options.height, options.width, options.channels}, 0, 1);
    REQUIRE(net(x).shape() == ny::Shape{2, options.classes});
    REQUIRE(is_finite(net(x)));
    ny::Sequential back = ny::from_json(to_json(net));
    REQUIRE(to_json(back) == to_json(net));
    for (std::size_t i = 0; i < net.state().size(); ++i)
      back.state()[i].tensor.copy_from(net.state()[i].tensor);
    net.train(false);
    back.train(false);
    REQUIRE(equal(net(x), back(x)));
  }
}

TEST_CASE("models have the sizes of their sources", "[fast]") {
  const auto count = [](const char* name) { return summary(ny::make_model(name), {32, 32, 3}).parameters; };
  REQUIRE(count("softmax-regression") == 30730);
  REQUIRE(count("mlp") == 1573376 + 512 * 513 + 5130);
  REQUIRE(count("resnet20") == 272474);  // "0.27 M" in the paper
  REQUIRE(summary(ny::make_model("reference"), {32, 32, 3}).multiply_adds == 38896896);  // 77.8 MFLOP
}

TEST_CASE("options change a model", "[fast]") {
  const auto kinds = [](const char* name, const ny::ModelOptions& options) {
    return to_json(ny::make_model(name, options));
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  REQUIRE(has(kinds("vgg", {.batch_norm = true}), "batch_norm"));
  REQUIRE_FALSE(has(kinds("vgg-bn", {.batch_norm = false}), "batch_norm"));
  REQUIRE_FALSE(has(kinds("vgg-bn-dropout", {.dropout = 0.0}), "dropout"));
  REQUIRE(has(kinds("mlp", {.dropout = 0.3}), R"("rate":0.3)"));
  REQUIRE(
      has(kinds("vgg", {.activation = ny::Activation::silu}), R"({"layer":"activate","activation":"silu"})"));
  REQUIRE_FALSE(has(kinds("vgg", {.activation = ny::Activation::none}), "relu"));
  REQUIRE(has(kinds("resnet20", {.initializer = "orthogonal"}), "orthogonal"));
  REQUIRE(ny::make_model("mlp", {.depth = 4}).size() == 1 + 4 * 2 + 1);
  REQUIRE(ny::make_model("resnet20", {.depth = 1}).size() == 3 + 3 + 2);
  REQUIRE(has(kinds("vgg", {.width_factor = 0.5}), R"("out":16)"));
}

TEST_CASE("models refuse options they have no place for", "[fast]") {
  REQUIRE_THROWS_WITH(ny::make_model("resnet2"),
                      ContainsSubstring("unknown model 'resnet2'; did you mean 'resnet20'?"));
  REQUIRE_THROWS_WITH(ny::make_model("vgg", {.height = 27}),
                      ContainsSubstring("images of 27 x 32 are too small"));
  REQUIRE_THROWS_WITH(ny::make_model("vgg", {.classes = 0}),
                      ContainsSubstring("channels (3) and classes (0) must be above 0"));
  REQUIRE_THROWS_WITH(ny::make_model("vgg", {.width_factor = 0}),
                      ContainsSubstring("width factor must be above 0, not 0"));
  REQUIRE_THROWS_WITH(ny::make_model("speedrun", {.depth = 2}),
                      ContainsSubstring("speedrun has no depth to choose"));
  REQUIRE_THROWS_WITH(ny::make_model("vgg", {.depth = 0}), ContainsSubstring("vgg needs a depth above 0"));
  REQUIRE_THROWS_WITH(ny::make_model("vgg", {.depth = 6}),
                      ContainsSubstring("depth 6 leaves no image to pool"));
  REQUIRE_THROWS_WITH(ny::make_model("resnet20", {.dropout = 0.1}),
                      ContainsSubstring("resnet20 has no place for dropout"));
  REQUIRE_THROWS_WITH(ny::make_model("softmax-regression", {.batch_norm = true}),
                      ContainsSubstring("no place for batch norm"));
}

TEST_CASE("whitening makes patches uncorrelated", "[fast]") {
  ny::seed(2);
  ny::Sequential net = ny::make_model("speedrun", {.width_factor = 0.1});
  // neighbouring pixels and channels that depend on each other
  const ny::Tensor noise = ny::normal({20, 33, 33, 3}, 0.5, 1);
  const ny::Tensor x = ny::average_pool2d(noise, 2, {.stride = 1}) + mean(noise, {3}, true)[0][0][0];
  whiten(net, x, 0);
  const auto& layer = net.at<ny::Conv2d>("whiten");
  const ny::Tensor y = conv2d(x, layer.kernel, {}, {.padding = ny::Padding::valid()}).detach();
  const ny::Tensor rows = reshape(y, {-1, 24});
  const ny::Tensor centered = rows - mean(rows, {0}, true);
  const ny::Tensor covariance =
      matmul(transpose(centered), centered) * (1.0 / static_cast<double>(rows.dim(0) - 1));
  for (std::int64_t i = 0; i < 24; ++i) {
    for (std::int64_t j = 0; j < 24; ++j) {
      const double expected = i == j ? 1 : i % 12 == j % 12 ? -1 : 0;
      REQUIRE(covariance.data<float>()[i * 24 + j] == Approx(expected).margin(0.01));
    }
  }
  REQUIRE_FALSE(layer.kernel.tensor().requires_grad());
  REQUIRE_THROWS_WITH(whiten(net, ny::ones({1, 4, 4, 1})), ContainsSubstring("must be [n, h, w, 3]"));
  ny::Sequential other = ny::make_model("vgg");
  REQUIRE_THROWS_WITH(whiten(other, x), ContainsSubstring("unknown layer 'whiten'"));
  ny::Sequential odd(ny::named("whiten", ny::Conv2d(3, 5, 2)));
  REQUIRE_THROWS_WITH(whiten(odd, x), ContainsSubstring("5 filters for patches of 12 numbers"));
}
