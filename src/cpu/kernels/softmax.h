#pragma once
// softmax: y[i, j] = e^x[i, j] / sum over k of e^x[k, j], and its logarithm, over `count` rows of `columns` neighbours
// that lie `stride` apart. A call owns all of its columns. See isa.h for the rules of this folder.
#include "cpu/kernels/math.h"
#include "kernel_dims.h"

namespace noyau::inline v0 {
namespace {

constexpr int kSoftmaxLanes = 16;

// start joined with f(0), f(1), ... in independent lanes.
template <class T, class Join, class F>
[[gnu::always_inline]] inline T fold_lanes(std::int64_t count, T start, Join join, F f) {
  T lanes[kSoftmaxLanes];
  for (T& lane : lanes) lane = start;
  std::int64_t i = 0;
  for (; i + kSoftmaxLanes <= count; i += kSoftmaxLanes) {
    for (int lane = 0; lane < kSoftmaxLanes; ++lane) lanes[lane] = join(lanes[lane], f(i + lane));
  }
  T total = start;
  for (const T lane : lanes) total = join(total, lane);
  for (; i < count; ++i) total = join(total, f(i));
  return total;
}

template <class T>
T row_max(std::int64_t count, const T* x) {
  return fold_lanes(
      count, x[0], [](T a, T b) { return b > a ? b : a; }, [=](std::int64_t i) { return x[i]; });
}

template <class T, class F>
T row_sum(std::int64_t count, F f) {
  return fold_lanes(
      count, T(0), [](T a, T b) { return a + b; }, f);
}

template <class Isa, class T>
T log_sum_exp(std::int64_t count, const T* x) {
  const T largest = row_max(count, x);
  return largest +
         Math<T>::log(row_sum<T>(count, [=](std::int64_t i) { return Math<T>::exp(x[i] - largest); }));
}

// y[i] = scale * e^(x[i] - shift)
template <class Isa, class T>
void scaled_exp(std::int64_t count, const T* __restrict x, T shift, T scale, T* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = scale * Math<T>::exp(x[i] - shift);
}

template <class T>
void softmax_row(SoftmaxOp op, std::int64_t count, const T* __restrict x, T* __restrict y) {
  const T largest = row_max(count, x);
  if (op == SoftmaxOp::log_softmax) {
    const T log_sum =
        Math<T>::log(row_sum<T>(count, [=](std::int64_t i) { return Math<T>::exp(x[i] - largest); }));
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] - largest - log_sum;
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) y[i] = Math<T>::exp(x[i] - largest);
  const T factor = 1 / row_sum<T>(count, [=](std::int64_t i) { return y[i]; });
  for (std::int64_t i = 0; i < count; ++i) y[i] *= factor;
}

template <class T>
void softmax_columns(SoftmaxOp op, std::int64_t count, std::int64_t columns, std::int64_t stride,
                     const T* __restrict x, T* __restrict y) {
  T largest[kSoftmaxColumns];
  T total[kSoftmaxColumns];
  for (std::int64_t j = 0; j < columns; ++j) {
    largest[j] = x[j];
    total[j] = 0;
  }
  for (std::int64_t i = 1; i < count; ++i) {
    for (std::int64_t j = 0; j < columns; ++j)
      largest[j] = x[i * stride + j] > largest[j] ? x[i * stride + j] : largest[j];
  }
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      y[i * stride + j] = Math<T>::exp(x[i * stride + j] - largest[j]);
      total[j] += y[i * stride + j];
    }
  }
  for (std::int64_t j = 0; j < columns; ++j) {
    total[j] = op == SoftmaxOp::log_softmax ? Math<T>::log(total[j]) : 1 / total[j];
  }
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      y[i * stride + j] = op == SoftmaxOp::log_softmax ? x[i * stride + j] - largest[j] - total[j]
                                                       : y[i * stride + j] * total[j];
    }
  }
}

template <class Isa, class T>
void softmax_forward(SoftmaxOp op, std::int64_t count, std::int64_t columns, std::int64_t stride, const T* x,
                     T* y) {
  if (stride == 1)
    softmax_row(op, count, x, y);
  else
    softmax_columns(op, count, columns, stride, x, y);
}

// softmax: dx = y * (dy - sum(dy * y)); log_softmax: dx = dy - e^y * sum(dy)
template <class T>
void softmax_row_backward(SoftmaxOp op, std::int64_t count, const T* __restrict dy, const T* __restrict y,
                          T* __restrict dx) {
  if (op == SoftmaxOp::log_softmax) {
    const T total = row_sum<T>(count, [=](std::int64_t i) { return dy[i]; });
    for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] - Math<T>::exp(y[i]) * total;
    return;
  }
  const T total = row_sum<T>(count, [=](std::int64_t i) { return dy[i] * y[i]; });
  for (std::int64_t i = 0; i < count; ++i) dx[i] = y[i] * (dy[i] - total);
}

template <class T>
void softmax_columns_backward(SoftmaxOp op, std::int64_t count, std::int64_t columns, std::int64_t stride,
                              const T* __restrict dy, const T* __restrict y, T* __restrict dx) {
  T total[kSoftmaxColumns] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const std::int64_t at = i * stride + j;
      total[j] += op == SoftmaxOp::log_softmax ? dy[at] : dy[at] * y[at];
    }
  }
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const std::int64_t at = i * stride + j;
      dx[at] = op == SoftmaxOp::log_softmax ? dy[at] - Math<T>::exp(y[at]) * total[j]
                                            : y[at] * (dy[at] - total[j]);
    }
  }
}

template <class Isa, class T>
void softmax_backward(SoftmaxOp op, std::int64_t count, std::int64_t columns, std::int64_t stride,
                      const T* dy, const T* y, T* dx) {
  if (stride == 1)
    softmax_row_backward(op, count, dy, y, dx);
  else
    softmax_columns_backward(op, count, columns, stride, dy, y, dx);
}

}  // namespace
}  // namespace noyau::inline v0
