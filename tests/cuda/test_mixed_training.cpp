// Training with products on tensor cores: f32 weights, losses near those of f32, steps left out on overflow.
#include "cuda/compare.h"
#include "noyau/loss.h"
#include "noyau/sequential.h"
#include "noyau/train.h"
#include "programs/scratch.h"
#include "train/colours.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

// Three channels, then a multiple of 8; a fused block and a residual block.
Sequential small_net() {
  seed(3);
  Sequential net(Conv2d(3, 8, 3, {.bias = false}), BatchNorm(8), Gelu(), MaxPool(2), Dropout(0.1),
                 Residual(Sequential(Conv2d(8, 8, 3, {.bias = false}), BatchNorm(8))), GlobalAveragePool(),
                 Dense(8, 3));
  net.to("cuda");
  return net;
}

struct Result {
  History history;
  std::vector<std::vector<float>> weights;
};

Result trained(const FitOptions& options) {
  Sequential net = small_net();
  Sgd sgd(net.parameters(), {.rate = 0.05, .momentum = 0.9});
  FitOptions on_device = options;
  on_device.device = "cuda";
  on_device.batch = 12;
  Result result{fit(net, colours(36, 1, 8), colours(12, 2, 8), sgd, on_device), {}};
  for (const NamedTensor& each : net.state()) result.weights.push_back(each.tensor.to_vector<float>());
  return result;
}

}  // namespace

TEST_CASE("training in other precisions has nearly the losses of f32", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Result expected = trained({.epochs = 2});
  for (const Precision precision : {Precision::tf32, Precision::f16, Precision::bf16}) {
    INFO(message(precision));
    const Result actual = trained({.epochs = 2, .precision = precision});
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(
          actual.history.epochs[i].train_loss ==
          Approx(expected.history.epochs[i].train_loss).epsilon(precision == Precision::bf16 ? 0.05 : 0.02));
    }
    CHECK(actual.weights != expected.weights);
  }
}

TEST_CASE("f16 training resumes bit for bit, its loss scale included", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Scratch folder;
  const FitOptions options{.epochs = 2, .precision = Precision::f16};
  const Result whole = trained(options);
  FitOptions half_way = options;
  half_way.checkpoint = folder / "half.ckpt";
  half_way.epochs = 1;
  trained(half_way);
  half_way.epochs = 2;
  half_way.resume = true;
  CHECK(trained(half_way).weights == whole.weights);
}

TEST_CASE("weights stay f32 and activations are 16 bits under Autocast", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Sequential net = small_net();
  const Tensor x = random_f32({2, 8, 8, 3}).to("cuda");
  const Autocast products(Precision::bf16);
  const Tensor logits = net(x);
  CHECK(logits.dtype() == Dtype::bf16);
  Muon muon(net.parameters());  // whose own products stay f32
  muon.minimize(cross_entropy(logits, from_vector<std::int32_t>({0, 2}, {2}).to("cuda")));
  for (const NamedTensor& each : net.named_parameters()) {
    INFO(each.name);
    CHECK(each.tensor.dtype() == Dtype::f32);
    CHECK(each.tensor.grad().dtype() == Dtype::f32);
  }
}

TEST_CASE("a loss scaled beyond f16 costs steps, not the training", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Sequential net = small_net();
  Sgd sgd(net.parameters(), {.rate = 0.05});
  LossScaler scaler({.scale = 0x1p22});
  const Tensor x = random_f32({6, 8, 8, 3}).to("cuda");
  const Tensor labels = from_vector<std::int32_t>({0, 2, 1, 1, 0, 2}, {6}).to("cuda");
  std::vector<double> losses;
  int left_out = 0;
  for (int step = 0; step < 16; ++step) {
    sgd.zero_grad();
    const Autocast products(Precision::f16);
    const Tensor loss = cross_entropy(net(x), labels);
    losses.push_back(loss.item<double>());
    backward(scaler.scaled(loss));
    if (!scaler.step(sgd)) ++left_out;
  }
  CHECK(left_out > 0);
  CHECK(left_out < 14);
  CHECK(scaler.scale() == std::ldexp(0x1p22, -left_out));
  CHECK(sgd.steps() == 16 - left_out);
  CHECK(losses.back() < losses.front());
}
