#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kOutside = -1;

// Input position that output `i` reads, or kOutside.
__device__ std::int64_t source(const RemapAxis& axis, std::int64_t i) {
  const std::int64_t scaled = axis.begin + axis.step * i;
  if (axis.divisor != 1 && scaled % axis.divisor != 0) return kOutside;
  const std::int64_t position = axis.divisor == 1 ? scaled : scaled / axis.divisor;
  if (position >= 0 && position < axis.in) return position;
  if (!axis.reflect) return kOutside;
  return position < 0 ? -position : 2 * (axis.in - 1) - position;
}

// y[i0, i1, ..] = x[source(0, i0), source(1, i1), ..], or fill if one of them is outside
template <class T>
struct Remap {
  RemapDims d;
  Divider by_out[RemapDims::kMaxRank];
  T fill;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t rest = i;
    std::int64_t from = 0;
    std::int64_t stride = 1;
    for (int k = d.rank - 1; k >= 0; --k) {
      const std::int64_t position = source(d.axes[k], by_out[k].split(rest));
      from = position == kOutside || from == kOutside ? kOutside : from + position * stride;
      stride *= d.axes[k].in;
    }
    y[i] = from == kOutside ? fill : x[from];
  }
};

}  // namespace

template <class T>
void Cuda::remap(Context& context, const RemapDims& dims, T fill, const T* x, T* y) {
  Remap<T> remap{dims, {}, fill, x, y};
  std::int64_t count = 1;
  for (int k = 0; k < dims.rank; ++k) {
    remap.by_out[k] = Divider(dims.axes[k].out);
    count *= dims.axes[k].out;
  }
  launch_elements(context, count, remap);
}

template decltype(Cuda::remap<float>) Cuda::remap<float>;
template decltype(Cuda::remap<double>) Cuda::remap<double>;
template decltype(Cuda::remap<half>) Cuda::remap<half>;
template decltype(Cuda::remap<bfloat16>) Cuda::remap<bfloat16>;
template decltype(Cuda::remap<std::int32_t>) Cuda::remap<std::int32_t>;
template decltype(Cuda::remap<std::uint8_t>) Cuda::remap<std::uint8_t>;

}  // namespace noyau::inline v0
