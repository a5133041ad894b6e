// The in-place arithmetic of optimizers.
#include <cmath>

#include "sums.h"

namespace noyau::inline v0 {
namespace {

template <class T>
__device__ void update(const StepTensor<SgdRule<T>>& t, std::int64_t i) {
  const SgdRule<T>& rule = t.rule;
  T* const velocity = t.memory[SgdRule<T>::kVelocity];
  const T p = t.parameter[i];
  const T g = t.grad[i] + rule.decay * p;
  T move = g;
  if (velocity != nullptr) {
    const T v = rule.momentum * velocity[i] + rule.gain * g;
    velocity[i] = v;
    move = rule.nesterov ? g + rule.momentum * v : v;
  }
  t.parameter[i] = rule.shrink * p - rule.rate * move;
}

template <class T>
__device__ void update(const StepTensor<AdamRule<T>>& t, std::int64_t i) {
  const AdamRule<T>& rule = t.rule;
  T* const first = t.memory[AdamRule<T>::kFirst];
  T* const second = t.memory[AdamRule<T>::kSecond];
  T* const largest = t.memory[AdamRule<T>::kLargest];
  const T p = t.parameter[i];
  const T g = t.grad[i] + rule.decay * p;
  const T m = rule.beta1 * first[i] + rule.rest1 * g;
  T square = rule.beta2 * second[i] + rule.rest2 * g * g;
  first[i] = m;
  second[i] = square;
  if (largest != nullptr) largest[i] = square = largest[i] < square ? square : largest[i];
  t.parameter[i] = rule.shrink * p - rule.rate * m / (std::sqrt(square) * rule.inverse_root + rule.epsilon);
}

template <class T>
__device__ void update(const StepTensor<RmsPropRule<T>>& t, std::int64_t i) {
  const RmsPropRule<T>& rule = t.rule;
  T* const square = t.memory[RmsPropRule<T>::kSquare];
  T* const mean = t.memory[RmsPropRule<T>::kMean];
  T* const velocity = t.memory[RmsPropRule<T>::kVelocity];
  const T p = t.parameter[i];
  const T g = t.grad[i] + rule.decay * p;
  T spread = rule.alpha * square[i] + rule.rest * g * g;
  square[i] = spread;
  if (mean != nullptr) {
    const T m = rule.alpha * mean[i] + rule.rest * g;
    mean[i] = m;
    spread -= m * m;
  }
  T u = g / (std::sqrt(spread) + rule.epsilon);
  if (velocity != nullptr) velocity[i] = u = rule.momentum * velocity[i] + u;
  t.parameter[i] = rule.shrink * p - rule.rate * u;
}

// The rule for elements of one chunk of one tensor: block b owns chunk b, and finds its tensor, the last whose first chunk
// is not beyond b.
template <class Rule>
__global__ void update_parameters_kernel(std::int64_t tensors, const StepTensor<Rule>* table) {
  const auto chunk = static_cast<std::int64_t>(blockIdx.x);
  std::int64_t low = 0;
  for (std::int64_t high = tensors; high - low > 1;) {
    const std::int64_t middle = (low + high) / 2;
    (table[middle].first_chunk <= chunk ? low : high) = middle;
  }
  const StepTensor<Rule> tensor = table[low];
  const std::int64_t begin = (chunk - tensor.first_chunk) * kStepChunk;
  const std::int64_t end = begin + kStepChunk < tensor.count ? begin + kStepChunk : tensor.count;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) update(tensor, i);
}

// average = keep average + (1 - keep) x
template <class T>
struct Blend {
  T keep;
  const T* x;
  T* average;
  __device__ void operator()(std::int64_t i) const { average[i] += (1 - keep) * (x[i] - average[i]); }
};

template <class T>
struct Scale {
  T factor;
  T* x;
  __device__ void operator()(std::int64_t i) const { x[i] *= factor; }
};

// Every element to [-largest, largest].
template <class T>
struct Limit {
  T largest;
  T* x;
  __device__ void operator()(std::int64_t i) const {
    x[i] = x[i] < -largest ? -largest : x[i] > largest ? largest : x[i];
  }
};

template <class T>
struct Square {
  const T* x;
  __device__ void operator()(std::int64_t r, std::int64_t, double (&sums)[1]) const {
    sums[0] += static_cast<double>(x[r]) * static_cast<double>(x[r]);
  }
};

struct StoreTotal {
  double* total;
  __device__ void operator()(std::int64_t, const double (&sums)[1]) const { *total = sums[0]; }
};

}  // namespace

template <class Rule>
void Cuda::update_parameters(Context& context, std::int64_t tensors, std::int64_t chunks,
                             const StepTensor<Rule>* table) {
  if (chunks == 0) return;
  launch(update_parameters_kernel<Rule>, dim3(static_cast<unsigned>(chunks)), dim3(kElementThreads), 0,
         stream_of(context), tensors, table);
}

template <class T>
void Cuda::blend(Context& context, std::int64_t count, T keep, const T* x, T* average) {
  launch_elements(context, count, Blend<T>{keep, x, average});
}

template <class T>
void Cuda::scale_in_place(Context& context, std::int64_t count, T factor, T* x) {
  launch_elements(context, count, Scale<T>{factor, x});
}

template <class T>
void Cuda::limit_in_place(Context& context, std::int64_t count, T largest, T* x) {
  launch_elements(context, count, Limit<T>{largest, x});
}

template <class T>
void Cuda::square_sum(Context& context, std::int64_t count, const T* x, double* total) {
  column_sums<1>(context, count, 1, Square<T>{x}, StoreTotal{total});
}

template decltype(Cuda::update_parameters<SgdRule<float>>) Cuda::update_parameters<SgdRule<float>>;
template decltype(Cuda::update_parameters<SgdRule<double>>) Cuda::update_parameters<SgdRule<double>>;
template decltype(Cuda::update_parameters<AdamRule<float>>) Cuda::update_parameters<AdamRule<float>>;
template decltype(Cuda::update_parameters<AdamRule<double>>) Cuda::update_parameters<AdamRule<double>>;
template decltype(Cuda::update_parameters<RmsPropRule<float>>) Cuda::update_parameters<RmsPropRule<float>>;
template decltype(Cuda::update_parameters<RmsPropRule<double>>) Cuda::update_parameters<RmsPropRule<double>>;
template decltype(Cuda::blend<float>) Cuda::blend<float>;
template decltype(Cuda::blend<double>) Cuda::blend<double>;
template decltype(Cuda::scale_in_place<float>) Cuda::scale_in_place<float>;
template decltype(Cuda::scale_in_place<double>) Cuda::scale_in_place<double>;
template decltype(Cuda::limit_in_place<float>) Cuda::limit_in_place<float>;
template decltype(Cuda::limit_in_place<double>) Cuda::limit_in_place<double>;
template decltype(Cuda::square_sum<float>) Cuda::square_sum<float>;
template decltype(Cuda::square_sum<double>) Cuda::square_sum<double>;

}  // namespace noyau::inline v0
