#include "catch2.h"
#include "noyau/architecture.h"
#include "noyau/models.h"
#include "noyau/sequential.h"

namespace ny = noyau;

namespace {

// Statistics and parameters away from where they begin.
void stir(ny::Sequential& net) {
  ny::Generator generator(3);
  for (const ny::NamedTensor& t : net.state()) {
    const bool variance = t.name.ends_with("variance");
    const ny::TensorOptions like{t.tensor.dtype()};
    t.tensor.copy_from(variance ? ny::uniform(t.tensor.shape(), 0.5, 2, like, generator)
                                : ny::normal(t.tensor.shape(), 0.1, 0.5, like, generator));
  }
}

ny::Sequential norm_net() {
  return ny::Sequential(ny::named("first", ny::BatchNorm(3)),  // after no layer that it could be folded into
                        ny::Conv2d(3, 4, 3), ny::BatchNorm(4, {.epsilon = 0.1, .scale = false}), ny::Relu(),
                        ny::MaxPool(2), ny::Dropout(0.2),
                        ny::ConvBlock(4, 6, 3, {.conv = {.stride = 2, .groups = 2}, .dropout = 0.1}),
                        ny::DepthwiseConv2d(6, 3, 2, {.bias = false}), ny::BatchNorm(12, {.center = false}),
                        ny::SpatialDropout(0.5),
                        ny::Residual(ny::Sequential(ny::Conv2d(12, 5, 3), ny::BatchNorm(5), ny::Gelu()),
                                     ny::Sequential(ny::Conv2d(12, 5, 1, {.bias = false}), ny::BatchNorm(5)),
                                     {.activation = ny::Activation::relu}),
                        ny::ConvTranspose2d(5, 5, 2), ny::named("kept", ny::BatchNorm(5)), ny::Flatten(),
                        ny::Dense(20, 7), ny::BatchNorm(7), ny::Dense(7, 3, {.bias = false}));
}

}  // namespace

TEST_CASE("a folded network computes what the network does in evaluation", "[fast]") {
  ny::seed(1);
  ny::Sequential net = norm_net();
  net.to(ny::Dtype::f64);
  stir(net);
  const ny::Sequential copy = fold(net);
  const ny::Tensor x = ny::normal({3, 8, 9, 3}, 0, 1, {ny::Dtype::f64});
  REQUIRE(net.training());
  net.train(false);
  const ny::Tensor y = copy(x);
  REQUIRE(all_close(y, net(x), 1e-11, 1e-11));
  REQUIRE_FALSE(y.requires_grad());
  REQUIRE_FALSE(copy.training());
  std::vector<std::string> norms;
  for (const ny::LayerSummary& layer : summary(copy, {8, 9, 3}).layers) {
    if (layer.kind == "batch_norm") norms.push_back(layer.name);
    REQUIRE(layer.kind.find("dropout") == std::string::npos);
  }
  REQUIRE(norms == std::vector<std::string>{"first", "kept"});
  REQUIRE(net.parameters()[0].requires_grad());
}

TEST_CASE("every model of the zoo can be folded", "[fast]") {
  for (const std::string& name : ny::model_names()) {
    INFO(name);
    ny::seed(2);
    ny::Sequential net = ny::make_model(name, {.width_factor = 0.25});
    net.train(false);
    const ny::Tensor x = ny::normal({2, 32, 32, 3}, 0, 1);
    REQUIRE(all_close(fold(net)(x), net(x), 1e-3, 1e-4));
  }
}

TEST_CASE("fold says when a batch norm does not fit", "[fast]") {
  REQUIRE_THROWS_WITH(fold(ny::Sequential(ny::Dense(2, 3), ny::BatchNorm(4))),
                      ContainsSubstring("fold: batch_norm of 4 channels after dense with 3"));
}
