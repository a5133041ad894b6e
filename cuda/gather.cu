#include "divide.h"
#include "groups.h"
#include "runtime.h"

namespace noyau::inline v0 {
namespace {

// bounds[0] and bounds[1] = smallest and largest index; one block.
__global__ void index_bounds_kernel(std::int64_t count, Layout layout, const std::int32_t* indices,
                                    std::int32_t* bounds) {
  __shared__ std::int32_t shared[kGroupThreads];
  const Place place(layout);
  std::int32_t lowest = indices[0];
  std::int32_t highest = indices[0];
  for (std::int64_t i = place.row; place.inside && i < count; i += layout.rows) {
    lowest = Smaller{}(lowest, indices[i]);
    highest = Larger{}(highest, indices[i]);
  }
  lowest = join_rows(layout, place, lowest, Smaller{}, shared);
  highest = join_rows(layout, place, highest, Larger{}, shared);
  if (threadIdx.x != 0) return;
  bounds[0] = lowest;
  bounds[1] = highest;
}

// y[o, k, i] = x[o, indices[k], i]
template <class T>
struct Gather {
  GatherDims d;
  Divider by_inner, by_count;
  const T* x;
  const std::int32_t* indices;
  T* y;
  __device__ void operator()(std::int64_t element) const {
    std::int64_t o = element;
    const std::int64_t i = by_inner.split(o);
    const std::int64_t k = by_count.split(o);
    y[element] = x[(o * d.extent + indices[k]) * d.inner + i];
  }
};

// dx[o, e, i] = sum of dy[o, k, i] over k with indices[k] = e, in order of k; a thread owns o and i.
template <class T>
struct GatherInputGradient {
  GatherDims d;
  Divider by_inner;
  const T* dy;
  const std::int32_t* indices;
  T* dx;
  __device__ void operator()(std::int64_t column) const {
    std::int64_t o = column;
    const std::int64_t i = by_inner.split(o);
    T* const to = dx + o * d.extent * d.inner + i;
    const T* const from = dy + o * d.count * d.inner + i;
    for (std::int64_t e = 0; e < d.extent; ++e) to[e * d.inner] = T(0);
    for (std::int64_t k = 0; k < d.count; ++k) to[indices[k] * d.inner] += from[k * d.inner];
  }
};

// y[k, c] = 1 where ids[k] = c, else 0
template <class T>
struct OneHot {
  Divider by_classes;
  const std::int32_t* ids;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t k = i;
    const std::int64_t c = by_classes.split(k);
    y[i] = ids[k] == c ? T(1) : T(0);
  }
};

}  // namespace

void Cuda::index_bounds(Context& context, std::int64_t count, const std::int32_t* indices,
                        std::int32_t* lowest_highest) {
  const Layout layout(1, count, 1);
  const Scratch<std::int32_t> bounds(context, 2);
  launch(index_bounds_kernel, dim3(1), layout.threads(), 0, stream_of(context), count, layout, indices,
         bounds.data());
  cuda::download(context.device.index, lowest_highest, bounds.data(), 2 * sizeof(std::int32_t));
}

template <class T>
void Cuda::gather_forward(Context& context, const GatherDims& d, const T* x, const std::int32_t* indices,
                          T* y) {
  const std::int64_t count = d.outer * d.count * d.inner;
  if (count == 0) return;
  launch_elements(context, count, Gather<T>{d, Divider(d.inner), Divider(d.count), x, indices, y});
}

template <class T>
void Cuda::gather_dinput(Context& context, const GatherDims& d, const T* dy, const std::int32_t* indices,
                         T* dx) {
  if (d.inner == 0) return;
  launch_elements(context, d.outer * d.inner, GatherInputGradient<T>{d, Divider(d.inner), dy, indices, dx});
}

template <class T>
void Cuda::one_hot(Context& context, std::int64_t count, std::int64_t classes, const std::int32_t* ids,
                   T* y) {
  launch_elements(context, count * classes, OneHot<T>{Divider(classes), ids, y});
}

template decltype(Cuda::gather_forward<float>) Cuda::gather_forward<float>;
template decltype(Cuda::gather_forward<double>) Cuda::gather_forward<double>;
template decltype(Cuda::gather_forward<half>) Cuda::gather_forward<half>;
template decltype(Cuda::gather_forward<bfloat16>) Cuda::gather_forward<bfloat16>;
template decltype(Cuda::gather_forward<std::int32_t>) Cuda::gather_forward<std::int32_t>;
template decltype(Cuda::gather_forward<std::uint8_t>) Cuda::gather_forward<std::uint8_t>;
template decltype(Cuda::gather_dinput<float>) Cuda::gather_dinput<float>;
template decltype(Cuda::gather_dinput<double>) Cuda::gather_dinput<double>;
template decltype(Cuda::one_hot<float>) Cuda::one_hot<float>;
template decltype(Cuda::one_hot<double>) Cuda::one_hot<double>;
template decltype(Cuda::one_hot<std::int32_t>) Cuda::one_hot<std::int32_t>;
template decltype(Cuda::one_hot<std::uint8_t>) Cuda::one_hot<std::uint8_t>;

}  // namespace noyau::inline v0
