#pragma once
// The forward convolution on the CPU with what ends it, and what ops may build of that.
#include <limits>

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {

template <class T>
ConvolutionEnd<T> convolution_end(const T* bias, const T* residual, bool relu, T* y) {
  return {bias, y, residual, relu ? T{0} : -std::numeric_limits<T>::infinity()};
}

// The sum and the bias, nothing else.
template <class T>
ConvolutionEnd<T> plain_end(const T* bias, T* y) {
  return convolution_end<T>(bias, nullptr, false, y);
}

// As Cpu::conv2d_forward(), ended by `end`. A transformed kernel is kept with the storage of `kernel`.
template <class T>
void convolve_and_end(const Conv2dDims& d, const T* x, const Tensor& kernel, const ConvolutionEnd<T>& end);

// Whether convolve_with_moments() leaves threads enough to share.
bool gives_moments(const Conv2dDims& d);

// As Cpu::conv2d_forward(), some images at a time, whose moments are taken before they leave the cache and kept with y for
// a batch norm to find.
template <class T>
void convolve_with_moments(const Conv2dDims& d, const T* x, const T* kernel, const T* bias, const Tensor& y);

// conv2d() of these operands; throws where it does.
Conv2dDims conv2d_dims(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                       const Conv2dOptions& options);
// Multiplications and additions of one pass.
double flops_of(const Conv2dDims& d);

// What follows a convolution.
struct ConvolutionEnding {
  Tensor residual = {};  // added in its last write; undefined for none
  bool relu = false;     // then
  bool norm = false;     // or a batch norm in training, which is not applied here
};

// relu(conv2d(x, kernel, bias, options) + residual): one pass off the tape, else op by op.
Tensor conv2d_ended(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2dOptions& options,
                    const ConvolutionEnding& ending);

}  // namespace noyau::inline v0
