#pragma once
#include "noyau/layers.h"

namespace noyau::inline v0 {

// While one lives, convolution layers on this thread that choose their algorithm by shape compute the sum itself: equal
// patches of an image then give equal outputs, whatever tile they are in.
class ExactConvolutions {
 public:
  ExactConvolutions() : before_(wanted_) { wanted_ = true; }
  ~ExactConvolutions() { wanted_ = before_; }
  ExactConvolutions(const ExactConvolutions&) = delete;
  ExactConvolutions& operator=(const ExactConvolutions&) = delete;

  static ConvAlgorithm instead_of(ConvAlgorithm algorithm) {
    return wanted_ && algorithm == ConvAlgorithm::automatic ? ConvAlgorithm::exact : algorithm;
  }

 private:
  inline static thread_local bool wanted_ = false;
  bool before_;
};

// What `layer` asks of conv2d().
inline Conv2dOptions convolution_options(const Conv2d& layer) {
  const Conv2dLayerOptions& o = layer.options;
  return {.stride = o.stride,
          .padding = o.padding,
          .dilation = o.dilation,
          .groups = o.groups,
          .algorithm = ExactConvolutions::instead_of(o.algorithm)};
}

}  // namespace noyau::inline v0
