// Networks and their training on CPU and CUDA.
#include "cuda/compare.h"
#include "noyau/loss.h"
#include "noyau/models.h"
#include "noyau/optim.h"
#include "noyau/train.h"
#include "train/colours.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

struct Step {
  Tensor logits;
  std::vector<Tensor> grads;
};

// One training step of the network without its update.
Step step_on(Device device, Sequential& net, const Tensor& images, const Tensor& labels) {
  seed(5);  // of dropout
  net.to(device);
  net.zero_grad();
  const Tensor logits = net(images.to(device));
  backward(cross_entropy(logits, labels.to(device)));
  Step result{logits.detach(), {}};
  for (const Tensor& parameter : net.parameters()) result.grads.push_back(parameter.grad());
  return result;
}

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(const std::vector<Tensor>&)>;

History trained(Device device, const MakeOptimizer& make, const FitOptions& options) {
  seed(3);
  // No bias before the batch norm: its gradient is rounding, which adaptive rules would scale up to steps.
  Sequential net(Conv2d(3, 4, 3, {.bias = false}), BatchNorm(4), Relu(), MaxPool(2), Dropout(0.2),
                 GlobalAveragePool(), Dense(4, 3));
  net.to(device);
  const std::unique_ptr<Optimizer> optimizer = make(net.parameters());
  FitOptions on_device = options;
  on_device.device = device;
  return fit(net, colours(48, 1), colours(24, 2), *optimizer, on_device);
}

}  // namespace

TEST_CASE("every model of the zoo learns the same on CPU and CUDA", "[cuda]") {
  if (!has_cuda()) return;
  const std::string name = GENERATE(from_range(model_names()));
  INFO(name);
  seed(1);
  Sequential net = make_model(name, {.height = 28, .width = 28, .width_factor = 0.25});
  const Tensor images = random_f32({2, 28, 28, 3});
  const Tensor labels = from_vector<std::int32_t>({3, 7}, {2});
  const Step expected = step_on("cpu", net, images, labels);
  const Step actual = step_on("cuda", net, images, labels);
  CHECK(relative_error(actual.logits, expected.logits) < 1e-4);
  REQUIRE(actual.grads.size() == expected.grads.size());
  double largest = 0;
  for (const Tensor& g : expected.grads) {
    if (g.defined()) largest = std::max(largest, max(abs(g)).item<double>());
  }
  for (std::size_t i = 0; i < expected.grads.size(); ++i) {
    if (!expected.grads[i].defined()) continue;
    // a bias before batch norm has a gradient of nothing but rounding
    const Tensor distance = actual.grads[i].to("cpu") - expected.grads[i];
    CHECK(max(abs(distance)).item<double>() < 1e-4 * largest);
  }
}

TEST_CASE("training has the same losses on CPU and CUDA", "[cuda]") {
  if (!has_cuda()) return;
  const std::vector<std::pair<const char*, MakeOptimizer>> optimizers = {
      {"sgd",
       [](const auto& p) { return std::make_unique<Sgd>(p, SgdOptions{.rate = 0.1, .momentum = 0.9}); }},
      {"adamw", [](const auto& p) { return std::make_unique<AdamW>(p, AdamWOptions{.rate = 0.01}); }},
      {"rms_prop", [](const auto& p) { return std::make_unique<RmsProp>(p, RmsPropOptions{.rate = 0.01}); }},
      {"muon", [](const auto& p) { return std::make_unique<Muon>(p, MuonOptions{.rate = 0.05}); }},
  };
  const FitOptions options{.epochs = 2, .batch = 16, .label_smoothing = 0.1, .clip = 1, .ema = 0.5};
  for (const auto& [name, make] : optimizers) {
    INFO(name);
    const History expected = trained("cpu", make, options);
    const History actual = trained("cuda", make, options);
    REQUIRE(actual.epochs.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(actual.epochs[i].train_loss == Approx(expected.epochs[i].train_loss).epsilon(1e-4));
      CHECK(actual.epochs[i].validation_loss == Approx(expected.epochs[i].validation_loss).epsilon(1e-4));
    }
  }
}
