#include "catch2.h"
#include "noyau/layers.h"

namespace ny = noyau;

TEST_CASE("layers give the shapes of their ops", "[fast]") {
  ny::seed(1);
  const ny::Tensor x = ny::normal({2, 9, 7, 4}, 0, 1);
  REQUIRE(ny::Conv2d(4, 6, {3, 5}, {.stride = 2})(x).shape() == ny::Shape{2, 5, 4, 6});
  REQUIRE(ny::Conv2d(4, 6, 3, {.padding = ny::Padding::valid(), .dilation = 2})(x).shape() ==
          ny::Shape{2, 5, 3, 6});
  REQUIRE(ny::DepthwiseConv2d(4, 3, 2)(x).shape() == ny::Shape{2, 9, 7, 8});
  REQUIRE(ny::ConvTranspose2d(4, 6, 3, {.stride = 2})(x).shape() == ny::Shape{2, 18, 14, 6});
  REQUIRE(ny::Dense(4, 3)(x).shape() == ny::Shape{2, 9, 7, 3});
  REQUIRE(ny::MaxPool(2)(x).shape() == ny::Shape{2, 4, 3, 4});
  REQUIRE(ny::AveragePool(3, {.stride = 1, .padding = ny::Padding::same()})(x).shape() == x.shape());
  REQUIRE(ny::GlobalAveragePool()(x).shape() == ny::Shape{2, 4});
  REQUIRE(ny::GlobalMaxPool()(x).shape() == ny::Shape{2, 4});
  REQUIRE(ny::Flatten()(x).shape() == ny::Shape{2, 252});
  REQUIRE(ny::Reshape({7, 36})(x).shape() == ny::Shape{2, 7, 36});
  REQUIRE(ny::ZeroPad({1, 2, 3, 4})(x).shape() == ny::Shape{2, 12, 14, 4});
  REQUIRE(ny::Resize({5, 6})(x).shape() == ny::Shape{2, 5, 6, 4});
  REQUIRE(ny::UpSampling({2, 3})(x).shape() == ny::Shape{2, 18, 21, 4});
}

TEST_CASE("layers with functions compute them", "[fast]") {
  const ny::Tensor x = ny::tensor({-2, -0.5, 0, 1, 3});
  REQUIRE(equal(ny::Relu()(x), relu(x)));
  REQUIRE(equal(ny::LeakyRelu(0.2)(x), leaky_relu(x, 0.2)));
  REQUIRE(equal(ny::Elu(0.7)(x), elu(x, 0.7)));
  REQUIRE(equal(ny::Gelu(ny::GeluForm::tanh)(x), gelu(x, ny::GeluForm::tanh)));
  REQUIRE(equal(ny::Silu()(x), silu(x)));
  REQUIRE(equal(ny::Sigmoid()(x), sigmoid(x)));
  REQUIRE(equal(ny::Tanh()(x), tanh(x)));
  REQUIRE(equal(ny::Softplus()(x), softplus(x)));
  REQUIRE(equal(ny::Softmax()(x), softmax(x)));
  REQUIRE(equal(ny::Scale(3)(x), x * 3.0));
  for (const std::string& name : ny::activation_names()) {
    REQUIRE(equal(ny::Activate(name)(x), activate(x, ny::activation_of(name))));
    REQUIRE(ny::message(ny::activation_of(name)) == name);
  }
  REQUIRE_THROWS_WITH(ny::Activate("rellu"),
                      ContainsSubstring("unknown function 'rellu'; did you mean 'relu'?"));
}

TEST_CASE("normalisation layers have the parameters asked for", "[fast]") {
  const ny::Tensor x = ny::normal({3, 4, 4, 6}, 2, 3);
  REQUIRE(ny::LayerNorm({6})(x).shape() == x.shape());
  REQUIRE(ny::GroupNorm(3, 6)(x).shape() == x.shape());
  REQUIRE(ny::BatchNorm(6, {.scale = false}).parameters().size() == 1);
  REQUIRE(ny::BatchNorm(6, {.scale = false, .center = false}).state().size() == 2);
  REQUIRE(ny::BatchNorm(6, {.scale = false, .center = false})(x).shape() == x.shape());
  REQUIRE(ny::LayerNorm({6}, {.center = false}).parameters().size() == 1);
  REQUIRE(ny::LayerNorm({4, 4, 6})(x).shape() == x.shape());
  REQUIRE_THROWS_WITH(ny::GroupNorm(4, 6), ContainsSubstring("4 groups do not divide 6 channels"));
  REQUIRE_THROWS_WITH(ny::LayerNorm(ny::Shape{}), ContainsSubstring("the shape of the last axes is empty"));
}

TEST_CASE("a frozen kernel takes no gradient and stays frozen in copies", "[fast]") {
  const ny::Conv2d layer(2, 3, 1, {.frozen = true});
  const ny::Conv2d copy = layer;
  backward(sum(copy(ny::ones({1, 2, 2, 2}))));
  REQUIRE_FALSE(copy.kernel.tensor().grad().defined());
  REQUIRE(copy.bias.tensor().grad().defined());
}

TEST_CASE("layers refuse sizes that make no sense", "[fast]") {
  REQUIRE_THROWS_WITH(ny::Conv2d(3, 8, 3, {.groups = 2}),
                      ContainsSubstring("2 groups do not divide 3 input and 8 output channels"));
  REQUIRE_THROWS_WITH(ny::Conv2d(0, 8, 3), ContainsSubstring("channels must be above 0 (in 0, out 8)"));
  REQUIRE_THROWS_WITH(ny::Conv2d(3, 8, {3, 0}), ContainsSubstring("window must be above 0, not 3x0"));
  REQUIRE_THROWS_WITH(ny::ConvTranspose2d(3, 8, 3, {.groups = 3}),
                      ContainsSubstring("3 groups do not divide 3 input and 8 output"));
  REQUIRE_THROWS_WITH(ny::Dense(3, 0), ContainsSubstring("dense: sizes must be above 0 (in 3, out 0)"));
  REQUIRE_THROWS_WITH(ny::ZeroPad(ny::Padding::same()), ContainsSubstring("needs amounts, not 'same'"));
}
