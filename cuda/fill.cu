#include "elements.h"

namespace noyau::inline v0 {
namespace {

// y[i] = value
template <class T>
struct Fill {
  T value;
  T* y;
  __device__ void operator()(std::int64_t i) const { y[i] = value; }
};

}  // namespace

template <class T>
void Cuda::fill(Context& context, std::int64_t count, T value, T* y) {
  launch_elements(context, count, Fill<T>{value, y});
}

template decltype(Cuda::fill<float>) Cuda::fill<float>;
template decltype(Cuda::fill<double>) Cuda::fill<double>;

}  // namespace noyau::inline v0
