// Steps of optimizers on CPU and CUDA.
#include "cuda/compare.h"
#include "noyau/optim.h"
#include "noyau/profile.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(const std::vector<Tensor>&)>;

// One element; a chunk less one, exactly and plus one; and several chunks.
const std::vector<Shape> kShapes = {{1}, {2047}, {3, 5, 7}, {2048}, {2049}, {5, 1000}};

// Parameters after three steps at rates that change; the third parameter has no gradient in the second.
std::vector<Tensor> stepped(Device device, Dtype dtype, const MakeOptimizer& make) {
  std::vector<Tensor> parameters;
  for (const Shape& shape : kShapes) {
    Generator generator(parameters.size());
    parameters.push_back(normal(shape, 0, 1, {dtype}, generator).to(device).set_requires_grad(true));
  }
  const std::unique_ptr<Optimizer> optimizer = make(parameters);
  for (std::uint64_t step = 0; step < 3; ++step) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Generator generator(10 * step + i);
      const Tensor grad = normal(kShapes[i], 0, 1, {dtype}, generator).to(device);
      parameters[i].set_grad(step == 1 && i == 2 ? Tensor() : grad);
    }
    optimizer->set_rate_factor(1 - 0.25 * static_cast<double>(step));
    optimizer->step();
  }
  return parameters;
}

std::vector<std::pair<const char*, MakeOptimizer>> optimizers() {
  return {
      {"sgd",
       [](const auto& p) { return std::make_unique<Sgd>(p, SgdOptions{.rate = 0.1, .weight_decay = 0.01}); }},
      {"nesterov",
       [](const auto& p) {
         return std::make_unique<Sgd>(p, SgdOptions{.rate = 0.1, .momentum = 0.9, .nesterov = true});
       }},
      {"adam", [](const auto& p) { return std::make_unique<Adam>(p, AdamOptions{.rate = 0.1}); }},
      {"amsgrad",
       [](const auto& p) { return std::make_unique<AdamW>(p, AdamWOptions{.rate = 0.1, .amsgrad = true}); }},
      {"rms_prop", [](const auto& p) { return std::make_unique<RmsProp>(p, RmsPropOptions{.rate = 0.1}); }},
      {"centered",
       [](const auto& p) {
         return std::make_unique<RmsProp>(
             p, RmsPropOptions{.rate = 0.1, .momentum = 0.5, .centered = true, .weight_decay = 0.1});
       }},
  };
}

}  // namespace

TEST_CASE("optimizers take the same steps on CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  for (const auto& [name, make] : optimizers()) {
    for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
      INFO(name << " " << message(dtype));
      const std::vector<Tensor> expected = stepped("cpu", dtype, make);
      const std::vector<Tensor> actual = stepped("cuda", dtype, make);
      const std::vector<Tensor> again = stepped("cuda", dtype, make);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(relative_error(actual[i], expected[i]) <= (dtype == Dtype::f32 ? 1e-5 : 1e-13));
        CHECK(equal(actual[i], again[i]));
      }
    }
  }
}

TEST_CASE("one kernel updates all parameters of a device and dtype", "[fast]") {
  const Tensor a = zeros({3}).set_requires_grad(true), b = zeros({2, 2}).set_requires_grad(true);
  const Tensor c = zeros({5}, {Dtype::f64}).set_requires_grad(true);
  Adam adam({a, c, b});
  for (const Tensor& p : {a, b, c}) p.set_grad(ones(p.shape(), {p.dtype()}));
  adam.step();  // makes the memory
  Profile profile;
  adam.step();
  profile.stop();
  std::int64_t calls = 0;
  for (const ProfileRow& row : profile.rows()) calls += row.name == "adam" ? row.calls : 0;
  CHECK(calls == 2);  // f32, f64
}
