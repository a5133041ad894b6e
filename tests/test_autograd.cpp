#include <cmath>

#include "catch2.h"
#include "noyau/autograd.h"
#include "noyau/ops.h"
#include "noyau/testing.h"
#include "ops/check.h"

using namespace noyau;

namespace {

Tensor leaf(std::initializer_list<double> values) {
  return tensor(values, Dtype::f64).set_requires_grad(true);
}

// x -> 2 x, whose backward is not made of ops as far as the tape knows.
Tensor opaque_double(const Tensor& x) {
  return record("opaque_double", x.detach() * 2.0, {x},
                [](const Tensor& dy, const Tensor&) -> Grads { return {dy.detach() * 2.0}; },
                {.reads_output = false, .reads_inputs = false});
}

// An identity op with a backward to be tested.
Tensor identity(const Tensor& x, Backward backward, const RecordOptions& options = {}) {
  return record("identity", x.clone(), {x}, std::move(backward), options);
}

}  // namespace

TEST_CASE("backward accumulates into leaves", "[fast]") {
  const Tensor x = tensor({1, -2, 3}).set_requires_grad(true);
  backward(sum(x * x + relu(x)));
  CHECK(equal(x.grad(), tensor({3, -4, 7})));
  backward(sum(x));
  CHECK(equal(x.grad(), tensor({4, -3, 8})));
  x.set_grad({});
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a leaf's gradient is its own", "[fast]") {
  const Tensor a = leaf({1, 2});
  const Tensor b = leaf({3, 4});
  const Tensor seed = ones({2}, {Dtype::f64});
  backward(a + b, seed);
  CHECK_FALSE(a.grad().shares_storage(b.grad()));
  CHECK_FALSE(a.grad().shares_storage(seed));
}

TEST_CASE("a tensor used twice receives both gradients", "[fast]") {
  const Tensor x = leaf({3});
  const Tensor y = x * x;
  backward(y * y);  // x^4
  CHECK(x.grad().item<double>() == 108);
}

TEST_CASE("grad reaches leaves and intermediates and keeps the tape", "[fast]") {
  const Tensor x = leaf({2});
  const Tensor middle = x * x;
  const Tensor y = middle * 3.0;
  for (int repeat = 0; repeat < 2; ++repeat) {
    const std::vector<Tensor> g = grad(y, {x, middle, y});
    CHECK(g[0].item<double>() == 12);
    CHECK(g[1].item<double>() == 3);
    CHECK(g[2].item<double>() == 1);
  }
  CHECK_FALSE(x.grad().defined());
  const Tensor unrelated = leaf({1});
  CHECK_FALSE(grad(y, {unrelated})[0].defined());
  CHECK(grad(y, {x}, {.seed = tensor({10}, Dtype::f64)})[0].item<double>() == 120);
}

TEST_CASE("gradients of gradients", "[fast]") {
  const Tensor x = leaf({2});
  const Tensor first = grad(x * x * x, {x}, {.create_graph = true})[0];
  CHECK(first.item<double>() == 12);
  const Tensor second = grad(first, {x}, {.create_graph = true})[0];
  CHECK(second.item<double>() == 12);
  CHECK(grad(second, {x})[0].item<double>() == 6);
}

TEST_CASE("an op without a differentiable backward says so when asked", "[fast]") {
  const Tensor x = leaf({2});
  const Tensor first = grad(opaque_double(x) * x, {x}, {.create_graph = true})[0];
  CHECK(first.item<double>() == 8);
  CHECK_THROWS_WITH(grad(first, {x}), ContainsSubstring("opaque_double: no gradient of its gradient"));
  CHECK_FALSE(grad(opaque_double(x), {x})[0].requires_grad());
}

TEST_CASE("a freed tape says so", "[fast]") {
  const Tensor x = leaf({2});
  const Tensor y = x * x;
  backward(y);
  CHECK_THROWS_WITH(backward(y), ContainsSubstring("mul: its tape was freed by an earlier backward()"));
  CHECK_THROWS_WITH(grad(y, {x}), ContainsSubstring("freed"));
}

TEST_CASE("writing a tensor that a backward reads is an error", "[fast]") {
  const Tensor x = leaf({2});
  const Tensor squared = x * x;
  x.mutable_data<double>()[0] = 5;
  CHECK_THROWS_WITH(backward(squared), ContainsSubstring("mul: input 0 was written after the op ran"));
  const Tensor y = noyau::exp(x);
  y.mutable_data<double>()[0] = 5;
  CHECK_THROWS_WITH(backward(y), ContainsSubstring("exp: output was written after the op ran"));
  const Tensor unread = x + 1.0;
  x.mutable_data<double>()[0] = 7;
  unread.mutable_data<double>()[0] = 7;
  CHECK_NOTHROW(backward(unread));
}

TEST_CASE("NoGrad records nothing", "[fast]") {
  const Tensor x = leaf({2});
  {
    const NoGrad off;
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE((x * x).requires_grad());
    CHECK_FALSE(records({x}));
  }
  CHECK(grad_enabled());
  CHECK((x * x).requires_grad());
  CHECK((x * x).op_name() == "mul");
  CHECK(x.op_name().empty());
  CHECK_FALSE((x * x).detach().requires_grad());
}

TEST_CASE("rules replace a backward by op name", "[fast]") {
  const Tensor x = leaf({-1, 2, 3});
  const KeepTape keep;
  const Tensor y = relu(x);
  const Tensor z = y * tensor({1, -1, 1}, Dtype::f64);
  const BackwardRules rules{{"relu", [](const TapeEntry& entry, const Tensor& dy) -> Grads {
                               CHECK(entry.name == "relu");
                               CHECK(entry.inputs.at(0).defined());
                               CHECK(entry.output.defined());
                               return {relu(entry.backward(dy, entry.output)[0])};  // guided backpropagation
                             }}};
  const Tensor seed = ones({3}, {Dtype::f64});
  CHECK(equal(grad(z, {x}, {.seed = seed})[0], tensor({0, -1, 1}, Dtype::f64)));
  CHECK(equal(grad(z, {x}, {.seed = seed, .rules = &rules})[0], tensor({0, 0, 1}, Dtype::f64)));
}

TEST_CASE("record checks what a backward returns", "[fast]") {
  const Tensor x = leaf({1, 2});
  const Tensor seed = ones({2}, {Dtype::f64});
  const auto run = [&](Grads grads) {
    return grad(identity(x, [=](const Tensor&, const Tensor&) { return grads; }), {x}, {.seed = seed});
  };
  CHECK_THROWS_WITH(run({}), ContainsSubstring("identity: backward returned 0 gradients for 1 inputs"));
  CHECK_THROWS_WITH(run({zeros({3}, {Dtype::f64})}),
                    ContainsSubstring("as the gradient of input 0, f64 [2] on cpu"));
  CHECK_THROWS_WITH(run({zeros({2})}), ContainsSubstring("identity: backward returned f32 [2] on cpu"));
  CHECK_FALSE(run({Tensor()})[0].defined());
}

TEST_CASE("backward and grad check their arguments", "[fast]") {
  const Tensor x = leaf({1, 2});
  CHECK_THROWS_WITH(backward(Tensor()), ContainsSubstring("backward: the output is undefined"));
  CHECK_THROWS_WITH(backward(ones({})),
                    ContainsSubstring("does not depend on anything that requires a gradient"));
  CHECK_THROWS_WITH(backward(x * x), ContainsSubstring("backward: the output [2] is not a scalar"));
  CHECK_THROWS_WITH(backward(x * x, ones({2})), ContainsSubstring("backward: the seed is f32 [2] on cpu"));
  CHECK_THROWS_WITH(grad(sum(x), {ones({})}), ContainsSubstring("requires no gradient"));
  CHECK_THROWS_WITH((x * x).set_requires_grad(true), ContainsSubstring("was computed by mul; use detach()"));
  CHECK_THROWS_WITH(from_vector<std::int32_t>({1}, {1}).set_requires_grad(true),
                    ContainsSubstring("only floating tensors"));
  CHECK_THROWS_WITH(x.set_grad(ones({3})), ContainsSubstring("set_grad: gradient is f32 [3] on cpu"));
}

TEST_CASE("a chain of 200000 ops neither overflows the stack nor leaks", "[fast]") {
  const std::int64_t before = memory_use().live;
  {
    const Tensor x = leaf({1});
    Tensor y = x;
    for (int i = 0; i < 200'000; ++i) y = y + 1.0;
    backward(y);
    CHECK(x.grad().item<double>() == 1);
    y = x;
    for (int i = 0; i < 200'000; ++i) y = y + 1.0;  // destroyed without a backward
  }
  CHECK(memory_use().live == before);
}

TEST_CASE("the tape holds only what backwards read, and lets go as they run", "[fast]") {
  const Shape big{1 << 16};
  const auto bytes = static_cast<std::int64_t>(big.size() * 8);
  const Tensor x = ones(big, {Dtype::f64}).set_requires_grad(true);
  const std::int64_t before = memory_use().live;
  const Tensor unread = ((x + 1.0) * 2.0) + 3.0;  // linear: no inner value is kept
  CHECK(memory_use().live - before < 2 * bytes);
  Tensor chain = x;
  for (int i = 0; i < 8; ++i) chain = noyau::exp(chain * 0.1);  // each exp keeps its output
  Tensor loss = sum(chain);
  chain = Tensor();
  CHECK(memory_use().live - before > 8 * bytes);
  reset_peak_memory();
  const std::int64_t held = memory_use().live;
  backward(loss);
  CHECK(memory_use().peak - held < 3 * bytes);
  CHECK(memory_use().live - before < 4 * bytes);
}

TEST_CASE("backwards compute only the gradients that are wanted", "[fast]") {
  const Tensor a = leaf({1});
  const Tensor b = leaf({2});
  bool wanted_a = false;
  bool wanted_b = false;
  const Tensor y =
      record("probe", zeros({1}, {Dtype::f64}), {a, b}, [&, a, b](const Tensor& dy, const Tensor&) -> Grads {
        wanted_a = wants_grad(a);
        wanted_b = wants_grad(b);
        return {dy, dy};
      });
  grad(y, {b});
  CHECK_FALSE(wanted_a);
  CHECK(wanted_b);
  backward(y);
  CHECK(wanted_a);
}

TEST_CASE("gradcheck finds wrong gradients", "[fast]") {
  const std::vector<Tensor> x{random_f64({2, 3}, 1)};
  const auto with_slope = [](double factor, bool only_second) {
    return [=](const std::vector<Tensor>& v) {
      const Tensor& in = v[0];
      return record("wrong", in.detach() * in.detach(), {in},
                    [=](const Tensor& dy, const Tensor&) -> Grads {
                      const Tensor used = only_second ? in.detach() : in;
                      return {dy * used * (2 * factor)};
                    },
                    {.differentiable = true});
    };
  };
  CHECK(gradcheck(with_slope(1, false), x, {.second_order = true}).passed);
  const GradcheckResult first = gradcheck(with_slope(1.001, false), x);
  CHECK_FALSE(first.passed);
  CHECK_THAT(first.what, ContainsSubstring("first derivative by input 0 element"));
  CHECK(gradcheck(with_slope(1.001, false), x, {.tolerance = 0.1}).passed);
  CHECK(gradcheck(with_slope(1, true), x).passed);
  const GradcheckResult second = gradcheck(with_slope(1, true), x, {.second_order = true});
  CHECK_FALSE(second.passed);
  CHECK_THAT(second.what, ContainsSubstring("second derivative by input 0 element"));
  const GradcheckResult nan = gradcheck(with_slope(std::nan(""), false), x);
  CHECK_FALSE(nan.passed);
  CHECK(std::isnan(nan.worst_error));
  CHECK_THROWS_WITH(gradcheck([](const std::vector<Tensor>& v) { return v[0]; }, {ones({2})}),
                    ContainsSubstring("gradcheck: no f64 input"));
}
