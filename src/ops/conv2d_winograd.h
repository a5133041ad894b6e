#pragma once
// Convolutions with 3x3 kernels by Winograd's F(outputs x outputs, 3x3); see cpu/kernels/winograd.h.
#include "backend.h"
#include "cpu/isa.h"
#include "memory.h"

namespace noyau::inline v0 {

enum class ConvPass : std::uint8_t { forward, dinput, dkernel };

// Outputs along one side of a Winograd tile, or 0 for the direct kernels: by shape, dtype and instruction set alone.
template <class T>
int winograd_outputs(const Conv2dDims& d, ConvPass pass);

// A kernel [3, 3, ic, oc], transformed: (outputs + 2)^2 planes as IsaTable::winograd_kernel() writes them.
template <class T>
class WinogradKernel {
 public:
  WinogradKernel(int outputs, std::int64_t ic, std::int64_t oc, const T* kernel);
  const T* data() const { return planes_.data(); }
  std::int64_t plane() const { return plane_; }

 private:
  std::int64_t plane_;
  WorkBuffer<T> planes_;
};

// That of `kernel`, kept with its storage until it is written.
template <class T>
std::shared_ptr<const WinogradKernel<T>> winograd_kernel_of(const Tensor& kernel, int outputs);

// Whether threads share the work of a convolution; if none do, blocks of tiles are as large as they can be.
enum class Sharing : std::uint8_t { threads, none };

template <class T>
void winograd_forward(const Conv2dDims& d, int outputs, const T* x, const WinogradKernel<T>& kernel,
                      const ConvolutionEnd<T>& end, Sharing sharing = Sharing::threads);
// `flipped` is the kernel with the taps reversed and in and out channels exchanged.
template <class T>
void winograd_dinput(const Conv2dDims& d, int outputs, const T* dy, const WinogradKernel<T>& flipped,
                     const T* bias, T* dx, Sharing sharing);
template <class T>
void winograd_dkernel(const Conv2dDims& d, int outputs, const T* x, const T* dy, T* dkernel, Sharing sharing);

}  // namespace noyau::inline v0
