#pragma once
// The gradients of a convolution on the CPU, of all images at once or of some at a time.
#include <optional>

#include "ops/conv2d_winograd.h"

namespace noyau::inline v0 {

// Images that passes take at a time, so that what one writes is in the cache for the next.
std::int64_t images_per_group(const Conv2dDims& d);

// d-input, with the kernel prepared once.
template <class T>
class ConvolutionDinput {
 public:
  // Of convolutions that differ from `d` in their number of images at most; keeps the pointer.
  ConvolutionDinput(const Conv2dDims& d, const T* kernel);
  // As Cpu::conv2d_dinput().
  void run(const Conv2dDims& d, const T* dy, const T* bias, T* dx, Sharing sharing) const;

 private:
  void correlate(const Conv2dDims& d, const T* dy, const T* bias, T* dx) const;

  const T* kernel_;
  int outputs_;
  bool flips_;
  WorkBuffer<T> flipped_;
  std::optional<WinogradKernel<T>> transformed_;
};

// As Cpu::conv2d_dkernel().
template <class T>
void convolution_dkernel(const Conv2dDims& d, const T* x, const T* dy, T* dkernel, Sharing sharing);

}  // namespace noyau::inline v0
