#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

// y[o, j, i] = sum over t in [begin[j], begin[j + 1]) of weights[t] * x[o, start[j] + t - begin[j], i]
template <class T>
struct Resample {
  ResampleDims d;
  Divider by_inner, by_out;
  const std::int32_t* start;
  const std::int32_t* begin;
  const T* weights;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t element) const {
    std::int64_t o = element;
    const std::int64_t i = by_inner.split(o);
    const std::int64_t j = by_out.split(o);
    const T* from = x + (o * d.in + start[j]) * d.inner + i;
    T sum = 0;
    for (std::int32_t t = begin[j]; t < begin[j + 1]; ++t, from += d.inner) sum += weights[t] * *from;
    y[element] = sum;
  }
};

}  // namespace

template <class T>
void Cuda::resample(Context& context, const ResampleDims& d, const std::int32_t* start,
                    const std::int32_t* begin, const T* weights, const T* x, T* y) {
  if (d.inner == 0) return;
  launch_elements(context, d.outer * d.out * d.inner,
                  Resample<T>{d, Divider(d.inner), Divider(d.out), start, begin, weights, x, y});
}

template decltype(Cuda::resample<float>) Cuda::resample<float>;
template decltype(Cuda::resample<double>) Cuda::resample<double>;

}  // namespace noyau::inline v0
