// Products of dense matrices on tensor cores.
#include "matmul.h"

namespace noyau::inline v0 {

template decltype(Cuda::matmul<half>) Cuda::matmul<half>;
template decltype(Cuda::matmul<bfloat16>) Cuda::matmul<bfloat16>;

}  // namespace noyau::inline v0
