#include "catch2.h"
#include "noyau/module.h"
#include "noyau/names.h"

namespace ny = noyau;

namespace {

struct Scaled : ny::Module {
  ny::Tensor operator()(const ny::Tensor& x) const { return output(x * factor); }
  void visit(ny::Visitor& visitor) override {
    visitor("factor", factor);
    visitor("count", count);
    visitor("none", none);
  }
  ny::Parameter factor{ny::tensor({2, 3})};
  ny::Buffer count{ny::tensor({7})};
  ny::Parameter none;
};

struct HTTPPair2d : ny::Module {
  void visit(ny::Visitor& visitor) override {
    visitor("first", first);
    visitor("second", second);
  }
  Scaled first, second;
};

std::vector<std::string> names(const std::vector<ny::NamedTensor>& tensors) {
  std::vector<std::string> result;
  for (const ny::NamedTensor& t : tensors) result.push_back(t.name);
  return result;
}

}  // namespace

TEST_CASE("a module lists what it holds by path", "[fast]") {
  HTTPPair2d pair;
  REQUIRE(names(pair.named_parameters()) == std::vector<std::string>{"first.factor", "second.factor"});
  REQUIRE(names(pair.state()) ==
          std::vector<std::string>{"first.factor", "first.count", "second.factor", "second.count"});
  REQUIRE(pair.parameters().size() == 2);
  REQUIRE(pair.kind() == "httppair2d");
  REQUIRE(pair.first.kind() == "scaled");
  REQUIRE(&pair.at("second") == &pair.second);
  REQUIRE(&pair.at<Scaled>("second") == &pair.second);
  REQUIRE_THROWS_WITH(
      pair.at("secnod"),
      ContainsSubstring("unknown layer 'secnod'; did you mean 'second'? (known: first, second)"));
  REQUIRE_THROWS_WITH(pair.at<HTTPPair2d>("second"), ContainsSubstring("'second' is a scaled"));
}

TEST_CASE("copies of a module are deep and moves keep identity", "[fast]") {
  HTTPPair2d pair;
  const ny::Tensor original = pair.first.factor;
  HTTPPair2d copy = pair;
  copy.first.factor.tensor().mutable_data<float>()[0] = 9;
  REQUIRE(original.data<float>()[0] == 2);
  REQUIRE(copy.parameters()[0].requires_grad());

  SECTION("assignment writes in place, so that an optimizer stays valid") {
    pair = copy;
    REQUIRE(original.data<float>()[0] == 9);
    REQUIRE(pair.first.factor.tensor().impl() == original.impl());
  }
  SECTION("a move keeps the tensor") {
    const HTTPPair2d moved = std::move(pair);
    REQUIRE(moved.first.factor.tensor().impl() == original.impl());
  }
  SECTION("whether a parameter is trained is copied") {
    original.set_requires_grad(false);
    REQUIRE_FALSE(HTTPPair2d(pair).first.factor.tensor().requires_grad());
  }
  SECTION("tied parameters are listed once, named twice") {
    tie(pair.second.factor, pair.first.factor);
    REQUIRE(pair.parameters().size() == 1);
    REQUIRE(pair.named_parameters().size() == 2);
    REQUIRE(HTTPPair2d(pair).parameters().size() == 2);
  }
}

TEST_CASE("to() converts in place", "[fast]") {
  Scaled layer;
  const ny::Tensor factor = layer.factor;
  layer.to(ny::Dtype::f64);
  REQUIRE(factor.dtype() == ny::Dtype::f64);
  REQUIRE(factor.requires_grad());
  REQUIRE(equal(factor, ny::tensor({2, 3}, ny::Dtype::f64)));
  REQUIRE(layer.count.tensor().dtype() == ny::Dtype::f64);
  REQUIRE_THROWS_WITH(layer.to(ny::Dtype::i32),
                      ContainsSubstring("parameters are floating numbers, not i32"));
  REQUIRE_THROWS_WITH(layer.to("cuda:99"), ContainsSubstring("99"));
}

TEST_CASE("train() reaches all modules inside", "[fast]") {
  HTTPPair2d pair;
  REQUIRE(pair.train(false));
  REQUIRE_FALSE(pair.second.training());
  REQUIRE_FALSE(pair.train(true));
  REQUIRE(pair.second.training());
}

TEST_CASE("gradients of parameters are cleared", "[fast]") {
  Scaled layer;
  backward(sum(layer(ny::tensor({1, 1}))));
  REQUIRE(equal(layer.factor.tensor().grad(), ny::tensor({1, 1})));
  layer.zero_grad();
  REQUIRE_FALSE(layer.factor.tensor().grad().defined());
}

TEST_CASE("an unknown name is answered with the nearest", "[fast]") {
  REQUIRE(ny::nearest_name("conv2", {"dense", "conv2d", "relu"}) == "conv2d");
  REQUIRE(ny::nearest_name("bathc", {"batch", "path"}) == "batch");  // two letters swapped are one slip
  REQUIRE(ny::nearest_name("sdg", {"sgd", "adam"}) == "sgd");
  REQUIRE(ny::nearest_name("zzzzzz", {"dense", "conv2d"}).empty());
  REQUIRE_THROWS_WITH(ny::fail_unknown("here", "thing", "x", {}), "here: unknown thing 'x' (known: none)");
}
