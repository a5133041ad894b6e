#include "matmul.h"

namespace noyau::inline v0 {

template decltype(Cuda::matmul<float>) Cuda::matmul<float>;
template decltype(Cuda::matmul<double>) Cuda::matmul<double>;

}  // namespace noyau::inline v0
