#pragma once
// A function on the CPU against the same on the first CUDA device.
#include "test_device.h"

namespace noyau::testing {

// False, with a warning, on a machine or in a build without a CUDA device.
inline bool has_cuda() {
  if (device_count(Device::Kind::cuda) > 0) return true;
  WARN("no CUDA device: nothing to compare");
  return false;
}

inline Tensor random_f32(const Shape& shape, std::uint64_t seed = 1, double mean = 0) {
  Generator generator(seed);
  return normal(shape, mean, 1, {}, generator);
}

// Largest |a - b| / largest |b|; infinite where shapes differ or one value is not finite and unlike the other.
inline double relative_error(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return HUGE_VAL;
  const std::vector<double> x = a.detach().to(Dtype::f64).to_vector<double>();
  const std::vector<double> y = b.detach().to(Dtype::f64).to_vector<double>();
  double error = 0;
  double largest = 1e-30;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (x[i] != y[i] && !std::isfinite(x[i] - y[i])) return HUGE_VAL;
    error = std::max(error, x[i] == y[i] ? 0 : std::fabs(x[i] - y[i]));
    largest = std::max(largest, std::fabs(y[i]));
  }
  return error / largest;
}

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// The output of `function` at copies of the inputs on `device`, then the gradients of its product with random
// numbers.
inline std::vector<Tensor> outcome(const Function& function, const std::vector<Tensor>& inputs,
                                   Device device) {
  std::vector<Tensor> leaves;
  std::vector<Tensor> wanted;
  for (const Tensor& input : inputs) {
    leaves.push_back(input.defined() ? input.to(device).clone() : input);
    if (!input.defined() || !is_floating(input.dtype())) continue;
    wanted.push_back(leaves.back().set_requires_grad(true));
  }
  const Tensor y = function(leaves);
  std::vector<Tensor> results{y};
  if (!y.requires_grad()) return results;
  Generator generator(7);
  const Tensor seed = normal(y.shape(), 0, 1, {Dtype::f64}, generator).to(y.dtype()).to(device);
  for (const Tensor& g : grad(y, wanted, {.seed = seed})) results.push_back(g);
  return results;
}

// Fails unless outputs and gradients on the two devices differ by at most `tolerance` of their largest element, and
// are the same bit for bit when computed on the CUDA device again.
inline void check_same(const char* what, const Function& function, const std::vector<Tensor>& inputs,
                       double tolerance = 1e-5) {
  INFO(what);
  const std::vector<Tensor> expected = outcome(function, inputs, "cpu");
  const std::vector<Tensor> actual = outcome(function, inputs, "cuda");
  const std::vector<Tensor> again = outcome(function, inputs, "cuda");
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO((i == 0 ? "output" : message("gradient ", static_cast<unsigned long>(i - 1))));
    REQUIRE(actual[i].defined() == expected[i].defined());
    if (!expected[i].defined()) continue;
    CHECK(actual[i].device() == Device("cuda"));
    CHECK(relative_error(actual[i], expected[i]) <= tolerance);
    CHECK(equal(actual[i], again[i]));
  }
}

}  // namespace noyau::testing
