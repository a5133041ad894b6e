#include <cmath>

#include "catch2.h"
#include "noyau/ops.h"
#include "noyau/precision.h"
#include "noyau/sequential.h"
#include "noyau/train.h"

using namespace noyau;

TEST_CASE("precisions have names", "[fast][precision]") {
  CHECK(precision_names() == std::vector<std::string>{"f32", "tf32", "f16", "bf16"});
  for (const std::string& name : precision_names()) CHECK(message(precision_named(name)) == name);
  CHECK_THROWS_WITH(precision_named("fp16"),
                    ContainsSubstring("unknown precision 'fp16'; did you mean 'f16'?"));
}

TEST_CASE("guards of precision nest", "[fast][precision]") {
  CHECK(Autocast::precision() == Precision::f32);
  {
    const Autocast outer(Precision::f16);
    {
      const Autocast inner(Precision::f32);
      CHECK(Autocast::precision() == Precision::f32);
    }
    CHECK(Autocast::precision() == Precision::f16);
  }
  CHECK(Autocast::precision() == Precision::f32);
}

TEST_CASE("on the CPU, products in other precisions say what to do", "[fast][precision]") {
  const Tensor x = ones({1, 3, 3, 2});
  const Tensor kernel = ones({2, 2, 2, 2});
  const Tensor matrix = ones({2, 2});
  for (const Precision precision : {Precision::tf32, Precision::f16, Precision::bf16}) {
    const Autocast products(precision);
    const std::string why =
        message("precision ", precision, " needs a CUDA device, not cpu; use precision f32");
    CHECK_THROWS_WITH(conv2d(x, kernel), "conv2d: " + why);
    CHECK_THROWS_WITH(conv2d_transpose(x, kernel), "conv2d_transpose: " + why);
    CHECK_THROWS_WITH(dense(matrix, matrix), "dense: " + why);
    CHECK_THROWS_WITH(matmul(matrix, matrix), "matmul: " + why);
  }
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    const std::string why =
        message("not available for ", dtype, " on this device; convert with .to(Dtype::f32)");
    CHECK_THROWS_WITH(conv2d(x.to(dtype), kernel.to(dtype)), "conv2d: " + why);
    CHECK_THROWS_WITH(relu(x.to(dtype)), "relu: " + why);
    CHECK_THROWS_WITH(softmax(x.to(dtype)), "softmax: " + why);
    CHECK_THROWS_WITH(max_pool2d(x.to(dtype), 2), "max_pool2d: " + why);
    CHECK_THROWS_WITH(batch_norm(x.to(dtype), {}, {}, {}, {}, true), "batch_norm: " + why);
  }
}

TEST_CASE("a scaled step equals the step", "[fast][precision]") {
  const Tensor p = tensor({1, 2, 3}).set_requires_grad(true);
  const Tensor q = tensor({1, 2, 3}).set_requires_grad(true);
  Sgd plain({p}, {.rate = 0.1});
  Sgd scaled({q}, {.rate = 0.1});
  LossScaler scaler({.scale = 1024});
  plain.minimize(sum(p * p));
  scaled.zero_grad();
  const Tensor loss = scaler.scaled(sum(q * q));
  CHECK(loss.item<double>() == 14 * 1024);
  backward(loss);
  CHECK(scaler.step(scaled));
  CHECK(equal(p.detach(), q.detach()));
  CHECK(scaler.steps() == 1);
}

TEST_CASE("a step whose gradients overflow is left out, and the scale halves", "[fast][precision]") {
  for (const double bad : {HUGE_VAL, std::nan("")}) {
    const Tensor p = tensor({1, 2}).set_requires_grad(true);
    const Tensor q = tensor({3}).set_requires_grad(true);
    Sgd sgd({p, q}, {.rate = 0.1, .momentum = 0.9});
    LossScaler scaler({.scale = 8, .interval = 2});
    q.set_grad(tensor({1}));
    p.set_grad(tensor({1, bad}));
    CHECK(!scaler.step(sgd));
    CHECK(scaler.scale() == 4);
    CHECK(sgd.steps() == 0);
    CHECK(equal(p.detach(), tensor({1, 2})));
    CHECK(equal(q.detach(), tensor({3})));
    for (int step = 0; step < 2; ++step) {
      p.set_grad(tensor({4, 0}));
      CHECK(scaler.step(sgd));
    }
    CHECK(scaler.scale() == 8);  // after two steps in a row
    CHECK(scaler.steps() == 0);
  }
}

TEST_CASE("a loss scaler goes on from what a checkpoint held", "[fast][precision]") {
  LossScaler scaler({.scale = 8, .interval = 3});
  scaler.restore(32, 2);
  const Tensor p = tensor({1}).set_requires_grad(true);
  Sgd sgd({p}, {});
  p.set_grad(tensor({1}));
  CHECK(scaler.step(sgd));
  CHECK(scaler.scale() == 64);
  CHECK_THROWS_WITH(scaler.restore(0, 1), ContainsSubstring("cannot restore the scale 0"));
}

TEST_CASE("options of a loss scaler out of range are refused", "[fast][precision]") {
  CHECK_THROWS_WITH(LossScaler({.scale = 0}),
                    ContainsSubstring("the scale must be above 0 and finite, not 0"));
  CHECK_THROWS_WITH(LossScaler({.growth = 1}), ContainsSubstring("growth must be above 1"));
  CHECK_THROWS_WITH(LossScaler({.backoff = 1}), ContainsSubstring("backoff in (0, 1)"));
  CHECK_THROWS_WITH(LossScaler({.interval = 0}), ContainsSubstring("the interval must be at least 1, not 0"));
}

TEST_CASE("fit in another precision needs a CUDA device", "[fast][precision]") {
  Sequential net(Flatten(), Dense(12, 2));
  Sgd sgd(net.parameters(), {});
  const Dataset data(zeros({4, 2, 2, 3}).to(Dtype::u8), from_vector<std::int32_t>({0, 1, 0, 1}, {4}),
                     {.name = "dots", .classes = {"a", "b"}});
  CHECK_THROWS_WITH(fit(net, data, {}, sgd, {.precision = Precision::bf16}),
                    "fit: precision bf16 needs a CUDA device, not cpu; use precision f32");
}
