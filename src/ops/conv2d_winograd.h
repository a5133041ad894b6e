#pragma once
// Convolutions with 3x3 kernels by Winograd's F(outputs x outputs, 3x3); see cpu/kernels/winograd.h.
#include "backend.h"

namespace noyau::inline v0 {

enum class ConvPass : std::uint8_t { forward, dinput, dkernel };

// Outputs along one side of a Winograd tile, or 0 for the direct kernels: by shape, dtype and instruction set alone.
template <class T>
int winograd_outputs(const Conv2dDims& d, ConvPass pass);

template <class T>
void winograd_forward(const Conv2dDims& d, int outputs, const T* x, const T* kernel, const T* bias, T* y);
// `flipped` is the kernel with the taps reversed and in and out channels exchanged.
template <class T>
void winograd_dinput(const Conv2dDims& d, int outputs, const T* dy, const T* flipped, const T* bias, T* dx);
template <class T>
void winograd_dkernel(const Conv2dDims& d, int outputs, const T* x, const T* dy, T* dkernel);

}  // namespace noyau::inline v0
