#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

// y[i0, i1, ..] = x[i0 * strides[0] + i1 * strides[1] + ..]
template <class T>
struct Transpose {
  int rank;
  Divider extents[TransposeDims::kMaxRank];
  std::int64_t strides[TransposeDims::kMaxRank];
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t rest = i;
    std::int64_t from = 0;
    for (int k = rank - 1; k >= 0; --k) from += extents[k].split(rest) * strides[k];
    y[i] = x[from];
  }
};

}  // namespace

template <class T>
void Cuda::transpose(Context& context, const TransposeDims& dims, const T* x, T* y) {
  Transpose<T> transpose{dims.rank, {}, {}, x, y};
  std::int64_t count = 1;
  for (int k = 0; k < dims.rank; ++k) {
    transpose.extents[k] = Divider(dims.extents[k]);
    transpose.strides[k] = dims.strides[k];
    count *= dims.extents[k];
  }
  launch_elements(context, count, transpose);
}

template decltype(Cuda::transpose<float>) Cuda::transpose<float>;
template decltype(Cuda::transpose<double>) Cuda::transpose<double>;
template decltype(Cuda::transpose<half>) Cuda::transpose<half>;
template decltype(Cuda::transpose<bfloat16>) Cuda::transpose<bfloat16>;
template decltype(Cuda::transpose<std::int32_t>) Cuda::transpose<std::int32_t>;
template decltype(Cuda::transpose<std::uint8_t>) Cuda::transpose<std::uint8_t>;

}  // namespace noyau::inline v0
