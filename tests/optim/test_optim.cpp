#include <cmath>

#include "catch2.h"
#include "noyau/ops.h"
#include "noyau/optim.h"
#include "ops/check.h"

namespace ny = noyau;

namespace {

ny::Tensor leaf(std::initializer_list<double> values) {
  return ny::tensor(values, ny::Dtype::f64).set_requires_grad(true);
}

void give(const ny::Tensor& parameter, std::initializer_list<double> grad) {
  parameter.set_grad(ny::tensor(grad, parameter.dtype()));
}

bool near(const ny::Tensor& a, std::initializer_list<double> values) {
  return all_close(a, ny::tensor(values, a.dtype()), 1e-12, 1e-12);
}

}  // namespace

TEST_CASE("sgd with momentum keeps a velocity", "[fast]") {
  const ny::Tensor p = leaf({1, 2});
  ny::Sgd sgd({p}, {.rate = 0.1, .momentum = 0.5});
  give(p, {1, -1});
  sgd.step();
  REQUIRE(near(p, {0.9, 2.1}));
  sgd.step();  // velocity 1.5
  REQUIRE(near(p, {0.75, 2.25}));
  REQUIRE(sgd.steps() == 2);
}

TEST_CASE("minimize clears, differentiates and steps", "[fast]") {
  const ny::Tensor p = leaf({3});
  ny::Sgd sgd({p}, {.rate = 0.25});
  give(p, {100});
  sgd.minimize(sum(p * p));
  REQUIRE(near(p, {1.5}));
}

TEST_CASE("groups have their own rate and decay, and a factor scales all rates", "[fast]") {
  const ny::Tensor a = leaf({1}), b = leaf({1}), c = leaf({1});
  ny::Sgd sgd({ny::ParameterGroup{.parameters = {a}}, ny::ParameterGroup{.parameters = {b}, .rate = 1.0},
               ny::ParameterGroup{.parameters = {c}, .weight_decay = 0.5}},
              {.rate = 0.1});
  for (const ny::Tensor& p : {a, b, c}) give(p, {1});
  sgd.set_rate_factor(0.5);
  sgd.step();
  REQUIRE(near(a, {0.95}));
  REQUIRE(near(b, {0.5}));
  REQUIRE(near(c, {0.925}));
}

TEST_CASE("parameters without a gradient are left alone", "[fast]") {
  const ny::Tensor a = leaf({1}), b = leaf({1});
  ny::Adam adam({a, b}, {.rate = 0.1, .weight_decay = 1});
  give(a, {1});
  adam.step();
  REQUIRE(near(b, {1}));
  REQUIRE(adam.state().size() == 3);  // steps and two moments of `a`
}

TEST_CASE("muon steps matrices of one shape together as it steps each alone", "[fast]") {
  const std::vector<ny::Shape> shapes{{5, 3},    {3, 5}, {5, 3},
                                      {1, 5, 3}, {4},    {3, 5}};  // tall, wide, no matrix
  for (const bool normalize : {true, false}) {
    const ny::MuonOptions options{.rate = 0.1, .normalize = normalize, .sgd = {.rate = 0.5}};
    std::uint64_t seed = 0;
    std::vector<ny::ParameterGroup> all;
    std::vector<ny::Tensor> alone;
    std::vector<std::unique_ptr<ny::Muon>> each;
    for (const ny::Shape& shape : shapes) {
      const double rate = 0.1 + 0.01 * static_cast<double>(all.size());
      const ny::Tensor p = random_f64(shape, ++seed);
      alone.push_back(p.clone().set_requires_grad(true));
      all.push_back({{p.set_requires_grad(true)}, rate, rate});
      each.push_back(
          std::make_unique<ny::Muon>(std::vector{ny::ParameterGroup{{alone.back()}, rate, rate}}, options));
    }
    ny::Muon together(all, options);
    for (int step = 0; step < 3; ++step) {
      for (std::size_t i = 0; i < alone.size(); ++i) {
        const ny::Tensor grad = random_f64(shapes[i], ++seed);
        alone[i].set_grad(grad);
        all[i].parameters[0].set_grad(grad.clone());
        each[i]->step();
      }
      together.step();
    }
    for (std::size_t i = 0; i < alone.size(); ++i) {
      INFO("parameter " << i);
      CHECK(all_close(all[i].parameters[0], alone[i], 1e-12, 1e-12));
    }
  }
}

TEST_CASE("gradients are clipped by common norm and by value", "[fast]") {
  const ny::Tensor a = leaf({0, 0}), b = leaf({0});
  give(a, {3, 0});
  give(b, {4});
  REQUIRE(ny::clip_grad_norm({a, b}, 10) == Approx(5));
  REQUIRE(near(a.grad(), {3, 0}));
  REQUIRE(ny::clip_grad_norm({a, b}, 1) == Approx(5));
  REQUIRE(all_close(a.grad(), ny::tensor({0.6, 0}, ny::Dtype::f64), 1e-6));
  REQUIRE(b.grad().item<double>() == Approx(0.8).epsilon(1e-6));
  give(a, {3, -5});
  ny::clip_grad_value({a, b}, 0.5);
  REQUIRE(near(a.grad(), {0.5, -0.5}));
  REQUIRE_THROWS_WITH(ny::clip_grad_norm({a}, 0), ContainsSubstring("limit must be above 0, not 0"));
  REQUIRE_THROWS_WITH(ny::clip_grad_value({a}, -1), ContainsSubstring("limit must be above 0, not -1"));

  ny::Sgd sgd({a}, {.rate = 1});
  sgd.set_clipping({.value = 1});
  give(a, {0.5, 7});
  sgd.step();
  REQUIRE(near(a, {-0.5, -1}));
  REQUIRE_THROWS_WITH(sgd.set_clipping({.norm = -1}),
                      ContainsSubstring("must not be negative (norm -1, value 0)"));
}

TEST_CASE("an optimizer's memory can be moved to another", "[fast]") {
  const auto run = [](int before, bool transfer) {
    ny::Tensor p = leaf({1, -2, 3});
    auto optimizer =
        std::make_unique<ny::Adam>(std::vector{p}, ny::AdamOptions{.rate = 0.1, .amsgrad = true});
    for (int step = 0; step < 6; ++step) {
      if (transfer && step == before) {
        const ny::Tensor copy = p.clone().set_requires_grad(true);
        auto next =
            std::make_unique<ny::Adam>(std::vector{copy}, ny::AdamOptions{.rate = 0.1, .amsgrad = true});
        for (const auto& state : optimizer->state()) next->set_state({state.name, copy, state.value});
        next->set_steps(optimizer->steps());
        p = copy;
        optimizer = std::move(next);
      }
      give(p, {std::sin(step), std::cos(step), 0.1 * step});
      optimizer->step();
    }
    return p;
  };
  REQUIRE(equal(run(3, true), run(3, false)));
}

TEST_CASE("averages follow the weights and can be exchanged with them", "[fast]") {
  struct Layer : ny::Module {
    void visit(ny::Visitor& visitor) override {
      visitor("weight", weight);
      visitor("average", average);
    }
    ny::Parameter weight{ny::tensor({1})};
    ny::Buffer average{ny::tensor({4})};
  } layer;
  const ny::Tensor weight = layer.weight;
  ny::Ema ema(layer, 0.75);
  weight.copy_from(ny::tensor({5}));
  ema.update();
  REQUIRE(ema.averages().size() == 2);
  REQUIRE(ema.averages()[0].name == "weight");
  REQUIRE(ema.averages()[0].tensor.item<double>() == 2);
  ema.swap();
  REQUIRE(weight.item<double>() == 2);
  REQUIRE(weight.requires_grad());
  ema.swap();
  REQUIRE(weight.item<double>() == 5);
  REQUIRE_THROWS_WITH(ny::Ema(layer, 1), ContainsSubstring("decay must be in [0, 1), not 1"));
}

TEST_CASE("optimizers refuse what makes no sense", "[fast]") {
  const ny::Tensor p = leaf({1});
  REQUIRE_THROWS_WITH(ny::Sgd(std::vector<ny::Tensor>{}), ContainsSubstring("optimizer: no parameters"));
  REQUIRE_THROWS_WITH(ny::Sgd({p, p}), ContainsSubstring("is given twice"));
  REQUIRE_THROWS_WITH(ny::Sgd({ny::Tensor()}), ContainsSubstring("a parameter is undefined"));
  REQUIRE_THROWS_WITH(ny::Sgd({p}, {.rate = -1}), ContainsSubstring("must not be negative, as -1"));
  REQUIRE_THROWS_WITH(ny::Sgd({p}, {.weight_decay = -1}),
                      ContainsSubstring("weight decay -1 must not be negative"));
  REQUIRE_THROWS_WITH(ny::Sgd({p}, {.momentum = 1}),
                      ContainsSubstring("sgd: momentum must be in [0, 1), not 1"));
  REQUIRE_THROWS_WITH(ny::Sgd({p}, {.nesterov = true}),
                      ContainsSubstring("nesterov needs momentum above 0 (0)"));
  REQUIRE_THROWS_WITH(ny::Adam({p}, {.beta1 = 1}), ContainsSubstring("adam: beta1 must be in [0, 1), not 1"));
  REQUIRE_THROWS_WITH(ny::Adam({p}, {.beta2 = -1}),
                      ContainsSubstring("adam: beta2 must be in [0, 1), not -1"));
  REQUIRE_THROWS_WITH(ny::RmsProp({p}, {.alpha = 2}),
                      ContainsSubstring("rms_prop: alpha must be in [0, 1), not 2"));
  REQUIRE_THROWS_WITH(ny::RmsProp({p}, {.momentum = 2}),
                      ContainsSubstring("rms_prop: momentum must be in [0, 1), not 2"));
  ny::Sgd sgd({p});
  REQUIRE_THROWS_WITH(sgd.set_state({"velocity", p, p}),
                      ContainsSubstring("unknown state 'velocity' (known: none)"));
  REQUIRE_THROWS_WITH(sgd.set_state({"steps", leaf({1}), p}),
                      ContainsSubstring("is for a tensor that is no parameter of it"));
  ny::Adam adam({p});
  REQUIRE_THROWS_WITH(adam.set_state({"first_moment", p, leaf({1, 2})}),
                      ContainsSubstring("is [2] for a parameter [1]"));
}
