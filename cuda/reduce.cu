#include <cmath>

#include "accumulate.h"
#include "groups.h"
#include "runtime.h"

namespace noyau::inline v0 {
namespace {

template <ReduceOp op>
struct Fold;
template <>
struct Fold<ReduceOp::sum> {
  using Join = Plus;
  static constexpr double kStart = 0;
};
template <>
struct Fold<ReduceOp::max> {
  using Join = Larger;
  static constexpr double kStart = -HUGE_VAL;
};
template <>
struct Fold<ReduceOp::min> {
  using Join = Smaller;
  static constexpr double kStart = HUGE_VAL;
};

// y[o, s, j] = join over the rows i of slice s of x[o, i, j]. A column of threads owns one y: it takes every
// layout.rows-th row, then joins as a tree.
template <class Fold, class From, class To>
__global__ void reduce_kernel(ReduceDims d, Layout layout, std::int64_t slice_rows, const From* x, To* y) {
  __shared__ double shared[kGroupThreads];
  const Place place(layout);
  const std::int64_t first = std::int64_t{blockIdx.y} * slice_rows;
  const std::int64_t last = first + slice_rows < d.count ? first + slice_rows : d.count;
  const typename Fold::Join join;
  double total = Fold::kStart;
  for (std::int64_t i = first + place.row; place.inside && i < last; i += layout.rows) {
    total = join(total, static_cast<double>(widen(x[(place.o * d.count + i) * d.inner + place.j])));
  }
  total = join_rows(layout, place, total, join, shared);
  if (place.inside && place.row == 0)
    y[(place.o * gridDim.y + blockIdx.y) * d.inner + place.j] =
        narrow<To>(static_cast<accumulate_t<To>>(total));
}

template <class Fold, class From, class To>
void reduce_slices(const Context& context, const ReduceDims& d, std::int64_t slices, const From* x, To* y) {
  const std::int64_t slice_rows = ceil_div(std::max<std::int64_t>(1, d.count), slices);
  const Layout layout(d.outer, slice_rows, d.inner);
  launch(reduce_kernel<Fold, From, To>, dim3(layout.blocks(), static_cast<unsigned>(slices)),
         layout.threads(), 0, stream_of(context), d, layout, slice_rows, x, y);
}

template <class Fold, class T>
void reduced(Context& context, const ReduceDims& d, const T* x, T* y) {
  const std::int64_t slices = slices_for(d.outer, d.count, d.inner);
  if (slices == 1) return reduce_slices<Fold>(context, d, 1, x, y);
  const Scratch<double> partial(context, d.outer * slices * d.inner);
  reduce_slices<Fold>(context, d, slices, x, partial.data());
  reduce_slices<Fold>(context, {d.outer, slices, d.inner}, 1, static_cast<const double*>(partial.data()), y);
}

// y[o, j] = the first i with the largest x[o, i, j], NaN being the largest
template <class T>
struct Argmax {
  ReduceDims d;
  const T* x;
  std::int32_t* y;
  __device__ void operator()(std::int64_t at) const {
    const T* const column = x + at / d.inner * d.count * d.inner + at % d.inner;
    std::int64_t best = 0;
    T largest = column[0];
    for (std::int64_t i = 1; i < d.count; ++i) {
      const T value = column[i * d.inner];
      if (value > largest || (value != value && largest == largest)) {
        best = i;
        largest = value;
      }
    }
    y[at] = static_cast<std::int32_t>(best);
  }
};

}  // namespace

template <class T>
void Cuda::reduce(Context& context, ReduceOp op, const ReduceDims& d, const T* x, T* y) {
  if (d.outer * d.inner == 0) return;
  switch (op) {
    case ReduceOp::sum:
      return reduced<Fold<ReduceOp::sum>>(context, d, x, y);
    case ReduceOp::max:
      return reduced<Fold<ReduceOp::max>>(context, d, x, y);
    case ReduceOp::min:
      return reduced<Fold<ReduceOp::min>>(context, d, x, y);
  }
}

template <class T>
void Cuda::argmax(Context& context, const ReduceDims& d, const T* x, std::int32_t* y) {
  launch_elements(context, d.outer * d.inner, Argmax<T>{d, x, y});
}

template decltype(Cuda::reduce<float>) Cuda::reduce<float>;
template decltype(Cuda::reduce<double>) Cuda::reduce<double>;
template decltype(Cuda::reduce<half>) Cuda::reduce<half>;
template decltype(Cuda::reduce<bfloat16>) Cuda::reduce<bfloat16>;
template decltype(Cuda::argmax<float>) Cuda::argmax<float>;
template decltype(Cuda::argmax<double>) Cuda::argmax<double>;

}  // namespace noyau::inline v0
