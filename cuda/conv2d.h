#pragma once
// Depthwise convolutions: every channel has its own kernel.
#include "backend.h"

namespace noyau::inline v0 {

template <class T>
void depthwise_forward(const Context& context, const Conv2dDims& d, const T* x, const T* kernel,
                       const T* bias, const T* residual, bool relu, T* y);
template <class T>
void depthwise_dinput(const Context& context, const Conv2dDims& d, const T* dy, const T* kernel,
                      const T* bias, T* dx);
template <class T>
void depthwise_dkernel(const Context& context, const Conv2dDims& d, const T* x, const T* dy, T* dkernel);

}  // namespace noyau::inline v0
