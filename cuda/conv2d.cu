#include "conv2d_passes.h"

namespace noyau::inline v0 {

template decltype(Cuda::conv2d_forward<float>) Cuda::conv2d_forward<float>;
template decltype(Cuda::conv2d_forward<double>) Cuda::conv2d_forward<double>;
template decltype(Cuda::conv2d_dinput<float>) Cuda::conv2d_dinput<float>;
template decltype(Cuda::conv2d_dinput<double>) Cuda::conv2d_dinput<double>;
template decltype(Cuda::conv2d_dkernel<float>) Cuda::conv2d_dkernel<float>;
template decltype(Cuda::conv2d_dkernel<double>) Cuda::conv2d_dkernel<double>;

}  // namespace noyau::inline v0
