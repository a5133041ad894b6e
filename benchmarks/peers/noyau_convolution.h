#pragma once
// One pass of one 3x3 convolution.
#include <noyau/noyau.h>

#include <map>

#include "json_commands.h"

namespace peer {

class Convolution {
 public:
  /// Takes x, kernel and dy from `file` and gives the largest error of the result there, relative to its largest element.
  Json load(const Json& command) {
    std::map<std::string, noyau::Tensor> tensors;
    for (const auto& [name, tensor] : noyau::load_tensors(command.at("file")).tensors) tensors[name] = tensor;
    pass_ = command.at("which");
    x_ = tensors.at("x").set_requires_grad(pass_ == "dinput");
    kernel_ = tensors.at("kernel").set_requires_grad(pass_ == "dkernel");
    dy_ = tensors.at("dy");
    y_ = noyau::conv2d(x_, kernel_);
    const std::vector<float> ours = run().to_vector<float>();
    const std::vector<float> theirs = tensors.at("result").to_vector<float>();
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i])));
      largest = std::max(largest, std::abs(static_cast<double>(theirs[i])));
    }
    return {{"error", worst / largest}};
  }

  Json time(std::size_t runs) {
    return seconds_of([&](std::size_t) { run(); }, runs);
  }

 private:
  noyau::Tensor run() const {
    if (pass_ == "forward") {
      const noyau::NoGrad off;
      return noyau::conv2d(x_, kernel_);
    }
    return noyau::grad(y_, {pass_ == "dinput" ? x_ : kernel_}, {.seed = dy_})[0];
  }

  std::string pass_;
  noyau::Tensor x_, kernel_, dy_, y_;
};

}  // namespace peer
