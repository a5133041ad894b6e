// Convolutions on tensor cores.
#include "conv2d_passes.h"

namespace noyau::inline v0 {

template decltype(Cuda::conv2d_forward<half>) Cuda::conv2d_forward<half>;
template decltype(Cuda::conv2d_forward<bfloat16>) Cuda::conv2d_forward<bfloat16>;
template decltype(Cuda::conv2d_dinput<half>) Cuda::conv2d_dinput<half>;
template decltype(Cuda::conv2d_dinput<bfloat16>) Cuda::conv2d_dinput<bfloat16>;
template decltype(Cuda::conv2d_dkernel<half>) Cuda::conv2d_dkernel<half>;
template decltype(Cuda::conv2d_dkernel<bfloat16>) Cuda::conv2d_dkernel<bfloat16>;

}  // namespace noyau::inline v0
