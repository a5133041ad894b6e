#include <cmath>
#include <limits>

#include "groups.h"
#include "runtime.h"

namespace noyau::inline v0 {
namespace {

// The target of one row: a[c] = w[c] * ((1 - smoothing) * q[c] + smoothing / classes), q being a row of probabilities
// or 1 at the class id.
template <class T>
struct Target {
  __device__ double weight(std::int64_t c) const {
    return weights == nullptr ? 1 : static_cast<double>(weights[c]);
  }
  __device__ double at(std::int64_t row, std::int64_t c) const {
    const double q = ids == nullptr  ? static_cast<double>(target[row * d.classes + c])
                     : c == ids[row] ? 1.0
                                     : 0.0;
    return weight(c) * ((1 - d.smoothing) * q + d.smoothing / static_cast<double>(d.classes));
  }
  __device__ bool is_valid(std::int64_t row) const {
    return ids == nullptr || (ids[row] >= 0 && ids[row] < d.classes);
  }

  CrossEntropyDims d;
  const std::int32_t* ids;
  const T* target;
  const T* weights;
};

// log_sums[n] = log(sum over c of e^x[n, c]); losses[n] = sum over c of a[n, c] * (log_sums[n] - x[n, c]). A column
// of threads owns one row.
template <class T>
__global__ void cross_entropy_forward_kernel(Target<T> a, Layout layout, const T* logits, T* log_sums,
                                             T* losses, Fault* fault) {
  __shared__ T shared[kGroupThreads];
  __shared__ double shared_loss[kGroupThreads];
  const Place place(layout);
  const std::int64_t row = place.o;
  const std::int64_t classes = place.inside ? a.d.classes : 0;
  const T* const x = logits + row * a.d.classes;
  T largest = -std::numeric_limits<T>::infinity();
  for (std::int64_t c = place.row; c < classes; c += layout.rows) largest = Larger{}(largest, x[c]);
  largest = join_rows(layout, place, largest, Larger{}, shared);
  T total = 0;
  for (std::int64_t c = place.row; c < classes; c += layout.rows) total += std::exp(x[c] - largest);
  const T log_sum = largest + std::log(join_rows(layout, place, total, Plus{}, shared));
  double loss = 0;
  for (std::int64_t c = place.row; c < classes; c += layout.rows) {
    const double share = a.at(row, c);
    if (share != 0) loss += share * static_cast<double>(log_sum - x[c]);
  }
  loss = join_rows(layout, place, loss, Plus{}, shared_loss);
  if (!place.inside || place.row != 0) return;
  log_sums[row] = log_sum;
  losses[row] = static_cast<T>(loss);
  if (!a.is_valid(row)) fault->report(a.ids[row], row, a.d.classes);
}

// dx[n, c] = dlosses[n] * (softmax(x)[n, c] * sum of a[n] - a[n, c]); dq[n, c] = dlosses[n] * w[c] * (1 - smoothing)
// * (log_sums[n] - x[n, c]). Either result may be null. A column of threads owns one row.
template <class T>
__global__ void cross_entropy_backward_kernel(Target<T> a, Layout layout, const T* logits, const T* log_sums,
                                              const T* dlosses, T* dlogits, T* dtarget) {
  __shared__ double shared[kGroupThreads];
  const Place place(layout);
  const std::int64_t row = place.o;
  const std::int64_t classes = place.inside ? a.d.classes : 0;
  double total = 0;
  for (std::int64_t c = place.row; c < classes; c += layout.rows) total += a.at(row, c);
  total = join_rows(layout, place, total, Plus{}, shared);
  for (std::int64_t c = place.row; c < classes; c += layout.rows) {
    const std::int64_t at = row * a.d.classes + c;
    const double slope = static_cast<double>(dlosses[row]);
    const double below = static_cast<double>(log_sums[row] - logits[at]);
    if (dlogits != nullptr) dlogits[at] = static_cast<T>(slope * (std::exp(-below) * total - a.at(row, c)));
    if (dtarget != nullptr) dtarget[at] = static_cast<T>(slope * a.weight(c) * (1 - a.d.smoothing) * below);
  }
}

}  // namespace

template <class T>
void Cuda::cross_entropy_forward(Context& context, const CrossEntropyDims& d, const T* logits,
                                 const std::int32_t* ids, const T* target, const T* weights, T* log_sums,
                                 T* losses) {
  if (d.n == 0) return;
  const Layout layout(d.n, d.classes, 1);
  launch(cross_entropy_forward_kernel<T>, dim3(layout.blocks()), layout.threads(), 0, stream_of(context),
         Target<T>{d, ids, target, weights}, layout, logits, log_sums, losses, fault_of(context));
}

template <class T>
void Cuda::cross_entropy_backward(Context& context, const CrossEntropyDims& d, const T* logits,
                                  const std::int32_t* ids, const T* target, const T* weights,
                                  const T* log_sums, const T* dlosses, T* dlogits, T* dtarget) {
  if (d.n == 0) return;
  const Layout layout(d.n, d.classes, 1);
  launch(cross_entropy_backward_kernel<T>, dim3(layout.blocks()), layout.threads(), 0, stream_of(context),
         Target<T>{d, ids, target, weights}, layout, logits, log_sums, dlosses, dlogits, dtarget);
}

template decltype(Cuda::cross_entropy_forward<float>) Cuda::cross_entropy_forward<float>;
template decltype(Cuda::cross_entropy_forward<double>) Cuda::cross_entropy_forward<double>;
template decltype(Cuda::cross_entropy_backward<float>) Cuda::cross_entropy_backward<float>;
template decltype(Cuda::cross_entropy_backward<double>) Cuda::cross_entropy_backward<double>;

}  // namespace noyau::inline v0
