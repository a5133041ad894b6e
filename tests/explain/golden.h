#pragma once
// The network of tests/golden/explain.safetensors and what other libraries computed on it.
#include <map>

#include "noyau/explain.h"
#include "noyau/serialize.h"

class ExplainGolden {
 public:
  ExplainGolden() {
    for (const noyau::NamedTensor& t :
         noyau::load_tensors(NOYAU_TEST_SOURCES "/golden/explain.safetensors").tensors) {
      tensors_[t.name] = t.tensor;
    }
    for (const noyau::NamedTensor& t : net.state()) t.tensor.copy_from(tensors_.at(t.name));
    net.train(false);
  }

  const noyau::Tensor& operator[](const std::string& name) const { return tensors_.at(name); }
  noyau::Tensor images() const { return tensors_.at("inputs.images"); }
  noyau::Target target() const { return tensors_.at("inputs.target").to_vector<std::int32_t>(); }

  // Rounds as other libraries do: the black of these images ties in max pools, and one of them is near a pole of
  // Grad-CAM++.
  static constexpr noyau::ConvAlgorithm kExact = noyau::ConvAlgorithm::exact;
  noyau::Sequential net{
      noyau::named("conv1", noyau::Conv2d(1, 8, 3, {.bias = false, .algorithm = kExact})),
      noyau::named("bn1", noyau::BatchNorm(8)),
      noyau::named("relu1", noyau::Relu()),
      noyau::MaxPool(2),
      noyau::named("conv2", noyau::Conv2d(8, 16, 3, {.bias = false, .algorithm = kExact})),
      noyau::named("bn2", noyau::BatchNorm(16)),
      noyau::named("relu2", noyau::Relu()),
      noyau::MaxPool(2),
      noyau::named("conv3", noyau::Conv2d(16, 24, 3, {.algorithm = kExact})),
      noyau::named("relu3", noyau::Relu()),
      noyau::Flatten(),
      noyau::named("fc1", noyau::Dense(1176, 32)),
      noyau::named("relu4", noyau::Relu()),
      noyau::named("fc2", noyau::Dense(32, 10)),
  };

 private:
  std::map<std::string, noyau::Tensor> tensors_;
};

// Largest |actual - expected| of each image, as a share of the largest |expected| of all images.
inline double worst_error(const noyau::Tensor& actual, const noyau::Tensor& expected) {
  NOYAU_CHECK(actual.shape() == expected.shape(), "shapes ", actual.shape(), " and ", expected.shape());
  return max(abs(actual - expected)).item<double>() / max(abs(expected)).item<double>();
}
