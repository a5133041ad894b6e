#pragma once
// What the tests of shape ops, pooling, normalisation, dropout and resizing share.
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "noyau/testing.h"
#include "test_device.h"

namespace noyau::testing {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed = 1, Dtype dtype = Dtype::f64) {
  Generator generator(seed);
  return normal(shape, 0, 1, {Dtype::f64}, generator).to(dtype);
}

inline void check_gradients(const Function& function, const std::vector<Tensor>& inputs,
                            const GradcheckOptions& options = {}) {
  check_gradients_on_device(function, inputs, options);
}

// For ops whose backward is made of ops.
inline void check_gradients_twice(const Function& function, const std::vector<Tensor>& inputs) {
  check_gradients(function, inputs, {.second_order = true});
}

// Output and gradients of `function` must be the same bit for bit with 1, 2 and 3 threads.
inline void check_thread_independence(const Function& function, const std::vector<Tensor>& inputs) {
  const int before = num_threads();
  std::vector<Tensor> expected;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    const Tensor y = function(inputs);
    std::vector<Tensor> results = grad(y, inputs, {.seed = random_tensor(y.shape(), 99, y.dtype())});
    results.push_back(y);
    if (expected.empty()) expected = results;
    for (std::size_t i = 0; i < results.size(); ++i) CHECK(equal(results[i], expected[i]));
  }
  set_num_threads(before);
}

// Rows-major element of a tensor of rank 4.
inline double at(const Tensor& x, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  return x.data<double>()[((n * x.dim(1) + h) * x.dim(2) + w) * x.dim(3) + c];
}

}  // namespace noyau::testing
