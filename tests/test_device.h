#pragma once
// The device under test: $NOYAU_TEST_DEVICE, such as cuda; the CPU when it is not set.
#include <cstdlib>

#include "catch2.h"
#include "noyau/ops.h"
#include "noyau/testing.h"

namespace noyau::testing {

inline Device test_device() {
  const char* const name = std::getenv("NOYAU_TEST_DEVICE");
  return name == nullptr ? Device() : Device(name);
}

inline std::vector<Tensor> moved(const std::vector<Tensor>& tensors, Device device) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.defined() ? tensor.to(device) : tensor);
  return result;
}

// Fails unless gradients on the device under test agree with central differences, and its outputs with the CPU's, which
// the tests compare with definitions.
inline void check_gradients_on_device(const std::function<Tensor(const std::vector<Tensor>&)>& function,
                                      const std::vector<Tensor>& inputs, GradcheckOptions options = {}) {
  options.device = test_device();
  const GradcheckResult result = gradcheck(function, inputs, options);
  INFO(result.what);
  CHECK(result.passed);
  if (options.device == Device()) return;
  const NoGrad off;
  CHECK(all_close(function(moved(inputs, options.device)), function(inputs), 1e-11, 1e-11));
}

}  // namespace noyau::testing
