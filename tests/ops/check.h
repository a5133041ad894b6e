#pragma once
// Helpers of the tests of ops.
#include "test_device.h"

// Standard normal f64 numbers that depend on `seed` alone.
inline noyau::Tensor random_f64(const noyau::Shape& shape, std::uint64_t seed) {
  noyau::Generator generator(seed);
  return noyau::normal(shape, 0, 1, {noyau::Dtype::f64}, generator);
}

// Fails unless the first and second derivatives of `function` agree with central differences.
inline void check_gradients(const std::function<noyau::Tensor(const std::vector<noyau::Tensor>&)>& function,
                            const std::vector<noyau::Tensor>& inputs) {
  noyau::testing::check_gradients_on_device(function, inputs, {.second_order = true});
}
