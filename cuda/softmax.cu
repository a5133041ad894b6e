#include <cmath>
#include <limits>

#include "groups.h"

namespace noyau::inline v0 {
namespace {

// A column of threads and the column [outer, :, inner] of x that it owns.
struct Column {
  __device__ Column(const ReduceDims& d, const Layout& layout, const Place& place)
      : first(place.row), step(layout.rows), stride(d.inner) {
    count = place.inside ? d.count : 0;
    offset = place.inside ? place.o * d.count * d.inner + place.j : 0;
  }
  __device__ std::int64_t at(std::int64_t i) const { return offset + i * stride; }

  std::int64_t first, step, stride, count, offset;
};

// y[o, i, j] = e^x[o, i, j] / sum over k of e^x[o, k, j], or its logarithm
template <class T>
__global__ void softmax_forward_kernel(SoftmaxOp op, ReduceDims d, Layout layout, const T* x, T* y) {
  __shared__ T shared[kGroupThreads];
  const Place place(layout);
  const Column column(d, layout, place);
  T largest = -std::numeric_limits<T>::infinity();
  for (std::int64_t i = column.first; i < column.count; i += column.step) {
    largest = Larger{}(largest, x[column.at(i)]);
  }
  largest = join_rows(layout, place, largest, Larger{}, shared);
  T total = 0;
  for (std::int64_t i = column.first; i < column.count; i += column.step) {
    total += std::exp(x[column.at(i)] - largest);
  }
  total = join_rows(layout, place, total, Plus{}, shared);
  const T log_total = std::log(total);
  for (std::int64_t i = column.first; i < column.count; i += column.step) {
    const T distance = x[column.at(i)] - largest;
    y[column.at(i)] = op == SoftmaxOp::log_softmax ? distance - log_total : std::exp(distance) / total;
  }
}

// softmax: dx = y * (dy - sum(dy * y)); log_softmax: dx = dy - e^y * sum(dy)
template <class T>
__global__ void softmax_backward_kernel(SoftmaxOp op, ReduceDims d, Layout layout, const T* dy, const T* y,
                                        T* dx) {
  __shared__ T shared[kGroupThreads];
  const Place place(layout);
  const Column column(d, layout, place);
  const bool log = op == SoftmaxOp::log_softmax;
  T total = 0;
  for (std::int64_t i = column.first; i < column.count; i += column.step) {
    total += log ? dy[column.at(i)] : dy[column.at(i)] * y[column.at(i)];
  }
  total = join_rows(layout, place, total, Plus{}, shared);
  for (std::int64_t i = column.first; i < column.count; i += column.step) {
    const std::int64_t at = column.at(i);
    dx[at] = log ? dy[at] - std::exp(y[at]) * total : y[at] * (dy[at] - total);
  }
}

template <class Kernel, class... Arguments>
void launch_columns(const Context& context, Kernel kernel, SoftmaxOp op, const ReduceDims& d,
                    Arguments... arguments) {
  if (d.outer * d.count * d.inner == 0) return;
  const Layout layout(d.outer, d.count, d.inner);
  launch(kernel, dim3(layout.blocks()), layout.threads(), 0, stream_of(context), op, d, layout, arguments...);
}

}  // namespace

template <class T>
void Cuda::softmax_forward(Context& context, SoftmaxOp op, const ReduceDims& d, const T* x, T* y) {
  launch_columns(context, softmax_forward_kernel<T>, op, d, x, y);
}

template <class T>
void Cuda::softmax_backward(Context& context, SoftmaxOp op, const ReduceDims& d, const T* dy, const T* y,
                            T* dx) {
  launch_columns(context, softmax_backward_kernel<T>, op, d, dy, y, dx);
}

template decltype(Cuda::softmax_forward<float>) Cuda::softmax_forward<float>;
template decltype(Cuda::softmax_forward<double>) Cuda::softmax_forward<double>;
template decltype(Cuda::softmax_backward<float>) Cuda::softmax_backward<float>;
template decltype(Cuda::softmax_backward<double>) Cuda::softmax_backward<double>;

}  // namespace noyau::inline v0
