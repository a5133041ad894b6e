// The in-place arithmetic of optimizers; null pointers stand for memory that a rule does not use.
#include <cmath>

#include "sums.h"

namespace noyau::inline v0 {
namespace {

// v = momentum v + gain g; p = shrink p - rate (nesterov ? g + momentum v : v), g = grad + decay p. No velocity: v =
// g.
template <class T>
struct Sgd {
  Sgd(const SgdStep& step, const T* grad_, T* velocity_, T* parameter_)
      : rate(static_cast<T>(step.rate)),
        shrink(static_cast<T>(step.shrink)),
        decay(static_cast<T>(step.decay)),
        momentum(static_cast<T>(step.momentum)),
        gain(static_cast<T>(step.gain)),
        nesterov(step.nesterov),
        grad(grad_),
        velocity(velocity_),
        parameter(parameter_) {}

  __device__ void operator()(std::int64_t i) const {
    const T p = parameter[i];
    const T g = grad[i] + decay * p;
    T move = g;
    if (velocity != nullptr) {
      const T v = momentum * velocity[i] + gain * g;
      velocity[i] = v;
      move = nesterov ? g + momentum * v : v;
    }
    parameter[i] = shrink * p - rate * move;
  }

  T rate, shrink, decay, momentum, gain;
  bool nesterov;
  const T* grad;
  T* velocity;
  T* parameter;
};

// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p = shrink p - rate / c1 * m / (sqrt(v) / sqrt(c2) +
// epsilon).
template <class T>
struct Adam {
  Adam(const AdamStep& step, const T* grad_, T* first_, T* second_, T* largest_, T* parameter_)
      : rate(static_cast<T>(step.rate / step.correction1)),
        shrink(static_cast<T>(step.shrink)),
        decay(static_cast<T>(step.decay)),
        epsilon(static_cast<T>(step.epsilon)),
        beta1(static_cast<T>(step.beta1)),
        beta2(static_cast<T>(step.beta2)),
        rest1(static_cast<T>(1 - step.beta1)),
        rest2(static_cast<T>(1 - step.beta2)),
        inverse_root(static_cast<T>(1 / std::sqrt(step.correction2))),
        grad(grad_),
        first(first_),
        second(second_),
        largest(largest_),
        parameter(parameter_) {}

  __device__ void operator()(std::int64_t i) const {
    const T p = parameter[i];
    const T g = grad[i] + decay * p;
    const T m = beta1 * first[i] + rest1 * g;
    T square = beta2 * second[i] + rest2 * g * g;
    first[i] = m;
    second[i] = square;
    if (largest != nullptr) largest[i] = square = largest[i] < square ? square : largest[i];
    parameter[i] = shrink * p - rate * m / (std::sqrt(square) * inverse_root + epsilon);
  }

  T rate, shrink, decay, epsilon, beta1, beta2, rest1, rest2, inverse_root;
  const T* grad;
  T* first;
  T* second;
  T* largest;
  T* parameter;
};

// s = alpha s + (1 - alpha) g^2; u = g / (sqrt(s - mean^2) + epsilon); v = momentum v + u; p = shrink p - rate v.
template <class T>
struct RmsProp {
  RmsProp(const RmsPropStep& step, const T* grad_, T* square_, T* mean_, T* velocity_, T* parameter_)
      : rate(static_cast<T>(step.rate)),
        shrink(static_cast<T>(step.shrink)),
        decay(static_cast<T>(step.decay)),
        alpha(static_cast<T>(step.alpha)),
        rest(static_cast<T>(1 - step.alpha)),
        epsilon(static_cast<T>(step.epsilon)),
        momentum(static_cast<T>(step.momentum)),
        grad(grad_),
        square(square_),
        mean(mean_),
        velocity(velocity_),
        parameter(parameter_) {}

  __device__ void operator()(std::int64_t i) const {
    const T p = parameter[i];
    const T g = grad[i] + decay * p;
    T spread = alpha * square[i] + rest * g * g;
    square[i] = spread;
    if (mean != nullptr) {
      const T m = alpha * mean[i] + rest * g;
      mean[i] = m;
      spread -= m * m;
    }
    T u = g / (std::sqrt(spread) + epsilon);
    if (velocity != nullptr) velocity[i] = u = momentum * velocity[i] + u;
    parameter[i] = shrink * p - rate * u;
  }

  T rate, shrink, decay, alpha, rest, epsilon, momentum;
  const T* grad;
  T* square;
  T* mean;
  T* velocity;
  T* parameter;
};

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

template <class T>
void Cuda::sgd_update(Context& context, std::int64_t count, const SgdStep& step, const T* grad, T* velocity,
                      T* parameter) {
  launch_elements(context, count, Sgd<T>(step, grad, velocity, parameter));
}

template <class T>
void Cuda::adam_update(Context& context, std::int64_t count, const AdamStep& step, const T* grad, T* first,
                       T* second, T* largest, T* parameter) {
  launch_elements(context, count, Adam<T>(step, grad, first, second, largest, parameter));
}

template <class T>
void Cuda::rms_prop_update(Context& context, std::int64_t count, const RmsPropStep& step, const T* grad,
                           T* square, T* mean, T* velocity, T* parameter) {
  launch_elements(context, count, RmsProp<T>(step, grad, square, mean, velocity, parameter));
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
  const Scratch<double> sum(context, 1);
  column_sums<1>(context, count, 1, Square<T>{x}, StoreTotal{sum.data()});
  cuda::download(context.device.index, total, sum.data(), sizeof(double));
}

template decltype(Cuda::sgd_update<float>) Cuda::sgd_update<float>;
template decltype(Cuda::sgd_update<double>) Cuda::sgd_update<double>;
template decltype(Cuda::adam_update<float>) Cuda::adam_update<float>;
template decltype(Cuda::adam_update<double>) Cuda::adam_update<double>;
template decltype(Cuda::rms_prop_update<float>) Cuda::rms_prop_update<float>;
template decltype(Cuda::rms_prop_update<double>) Cuda::rms_prop_update<double>;
template decltype(Cuda::blend<float>) Cuda::blend<float>;
template decltype(Cuda::blend<double>) Cuda::blend<double>;
template decltype(Cuda::scale_in_place<float>) Cuda::scale_in_place<float>;
template decltype(Cuda::scale_in_place<double>) Cuda::scale_in_place<double>;
template decltype(Cuda::limit_in_place<float>) Cuda::limit_in_place<float>;
template decltype(Cuda::limit_in_place<double>) Cuda::limit_in_place<double>;
template decltype(Cuda::square_sum<float>) Cuda::square_sum<float>;
template decltype(Cuda::square_sum<double>) Cuda::square_sum<double>;

}  // namespace noyau::inline v0
