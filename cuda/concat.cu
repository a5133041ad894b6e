#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

// y[r * y_stride + i] = x[r * x_stride + i] for i < count
template <class T>
struct CopyRows {
  Divider by_count;
  const T* x;
  std::int64_t x_stride;
  T* y;
  std::int64_t y_stride;
  __device__ void operator()(std::int64_t element) const {
    std::int64_t r = element;
    const std::int64_t i = by_count.split(r);
    y[r * y_stride + i] = x[r * x_stride + i];
  }
};

}  // namespace

template <class T>
void Cuda::copy_rows(Context& context, std::int64_t rows, std::int64_t count, const T* x,
                     std::int64_t x_stride, T* y, std::int64_t y_stride) {
  if (count == 0) return;
  launch_elements(context, rows * count, CopyRows<T>{Divider(count), x, x_stride, y, y_stride});
}

template decltype(Cuda::copy_rows<float>) Cuda::copy_rows<float>;
template decltype(Cuda::copy_rows<double>) Cuda::copy_rows<double>;
template decltype(Cuda::copy_rows<half>) Cuda::copy_rows<half>;
template decltype(Cuda::copy_rows<bfloat16>) Cuda::copy_rows<bfloat16>;
template decltype(Cuda::copy_rows<std::int32_t>) Cuda::copy_rows<std::int32_t>;
template decltype(Cuda::copy_rows<std::uint8_t>) Cuda::copy_rows<std::uint8_t>;

}  // namespace noyau::inline v0
