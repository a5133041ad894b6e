#include "optim/optimizer_updates.h"

#include <algorithm>
#include <cmath>

#include "backend.h"
#include "noyau/parallel.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

template <class T, class Body>
void for_each_element(std::int64_t count, Body body) {
  parallel_for(count, kGrain, [body](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

template <class T>
T* elements(const Tensor& tensor) {
  return tensor.defined() ? tensor.device_data<T>() : nullptr;
}

// Elements about to be written, on any device.
template <class T>
T* written(const Tensor& tensor) {
  tensor.impl()->storage->version.fetch_add(1);
  return tensor.device_data<T>();
}

}  // namespace

// v = momentum v + gain g; p = shrink p - rate (nesterov ? g + momentum v : v), g = grad + decay p. No velocity: v = g.
template <class T>
void Cpu::sgd_update(Context&, std::int64_t count, const SgdStep& step, const T* __restrict grad,
                     T* __restrict velocity, T* __restrict parameter) {
  const T rate = static_cast<T>(step.rate), shrink = static_cast<T>(step.shrink),
          decay = static_cast<T>(step.decay);
  const T momentum = static_cast<T>(step.momentum), gain = static_cast<T>(step.gain);
  const T ahead = step.nesterov ? momentum : T{1};
  const T now = step.nesterov ? T{1} : T{0};
  if (velocity == nullptr) {
    for_each_element<T>(count, [=](std::int64_t i) {
      parameter[i] = shrink * parameter[i] - rate * (grad[i] + decay * parameter[i]);
    });
    return;
  }
  for_each_element<T>(count, [=](std::int64_t i) {
    const T g = grad[i] + decay * parameter[i];
    const T v = momentum * velocity[i] + gain * g;
    velocity[i] = v;
    parameter[i] = shrink * parameter[i] - rate * (now * g + ahead * v);
  });
}

// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p = shrink p - rate / c1 * m / (sqrt(v) / sqrt(c2) + epsilon).
template <class T>
void Cpu::adam_update(Context&, std::int64_t count, const AdamStep& step, const T* __restrict grad,
                      T* __restrict first, T* __restrict second, T* __restrict largest,
                      T* __restrict parameter) {
  const T rate = static_cast<T>(step.rate / step.correction1), shrink = static_cast<T>(step.shrink);
  const T decay = static_cast<T>(step.decay), epsilon = static_cast<T>(step.epsilon);
  const T beta1 = static_cast<T>(step.beta1), beta2 = static_cast<T>(step.beta2);
  const T rest1 = static_cast<T>(1 - step.beta1), rest2 = static_cast<T>(1 - step.beta2);
  const T inverse_root = static_cast<T>(1 / std::sqrt(step.correction2));
  const auto moments = [=](std::int64_t i) {
    const T g = grad[i] + decay * parameter[i];
    first[i] = beta1 * first[i] + rest1 * g;
    second[i] = beta2 * second[i] + rest2 * g * g;
  };
  const auto move = [=](std::int64_t i, T square) {
    parameter[i] = shrink * parameter[i] - rate * first[i] / (std::sqrt(square) * inverse_root + epsilon);
  };
  if (largest == nullptr) {
    for_each_element<T>(count, [=](std::int64_t i) {
      moments(i);
      move(i, second[i]);
    });
    return;
  }
  for_each_element<T>(count, [=](std::int64_t i) {
    moments(i);
    largest[i] = std::max(largest[i], second[i]);
    move(i, largest[i]);
  });
}

// s = alpha s + (1 - alpha) g^2; u = g / (sqrt(s - mean^2) + epsilon); v = momentum v + u; p = shrink p - rate v.
template <class T>
void Cpu::rms_prop_update(Context&, std::int64_t count, const RmsPropStep& step, const T* __restrict grad,
                          T* __restrict square, T* __restrict mean, T* __restrict velocity,
                          T* __restrict parameter) {
  const T rate = static_cast<T>(step.rate), shrink = static_cast<T>(step.shrink),
          decay = static_cast<T>(step.decay);
  const T alpha = static_cast<T>(step.alpha), rest = static_cast<T>(1 - step.alpha);
  const T epsilon = static_cast<T>(step.epsilon), momentum = static_cast<T>(step.momentum);
  for_each_element<T>(count, [=](std::int64_t i) {
    const T g = grad[i] + decay * parameter[i];
    T spread = alpha * square[i] + rest * g * g;
    square[i] = spread;
    if (mean != nullptr) {
      mean[i] = alpha * mean[i] + rest * g;
      spread -= mean[i] * mean[i];
    }
    T u = g / (std::sqrt(spread) + epsilon);
    if (velocity != nullptr) velocity[i] = u = momentum * velocity[i] + u;
    parameter[i] = shrink * parameter[i] - rate * u;
  });
}

// average = keep average + (1 - keep) x
template <class T>
void Cpu::blend(Context&, std::int64_t count, T keep, const T* __restrict x, T* __restrict average) {
  for_each_element<T>(count, [=](std::int64_t i) { average[i] += (1 - keep) * (x[i] - average[i]); });
}

template <class T>
void Cpu::scale_in_place(Context&, std::int64_t count, T factor, T* x) {
  for_each_element<T>(count, [=](std::int64_t i) { x[i] *= factor; });
}

template <class T>
void Cpu::limit_in_place(Context&, std::int64_t count, T largest, T* x) {
  for_each_element<T>(count, [=](std::int64_t i) {
    x[i] = x[i] < -largest ? -largest : x[i] > largest ? largest : x[i];
  });
}

// Lane l sums elements l, l + 8, ...: the order is fixed and the compiler can vectorise it.
template <class T>
void Cpu::square_sum(Context&, std::int64_t count, const T* x, double* total) {
  constexpr std::int64_t kLanes = 8;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(x[i + lane]) * x[i + lane];
  }
  for (; i < count; ++i) lanes[0] += static_cast<double>(x[i]) * x[i];
  *total = 0;
  for (const double lane : lanes) *total += lane;
}

void sgd_update(const SgdStep& step, const Tensor& grad, const Tensor& velocity, const Tensor& parameter) {
  dispatch(Floats{}, "sgd", parameter, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template sgd_update<T>(context, grad.size(), step, grad.device_data<T>(), elements<T>(velocity),
                              written<T>(parameter));
  });
}

void adam_update(const AdamStep& step, const Tensor& grad, const Tensor& first, const Tensor& second,
                 const Tensor& largest, const Tensor& parameter) {
  dispatch(Floats{}, "adam", parameter, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template adam_update<T>(context, grad.size(), step, grad.device_data<T>(), first.device_data<T>(),
                               second.device_data<T>(), elements<T>(largest), written<T>(parameter));
  });
}

void rms_prop_update(const RmsPropStep& step, const Tensor& grad, const Tensor& square, const Tensor& mean,
                     const Tensor& velocity, const Tensor& parameter) {
  dispatch(Floats{}, "rms_prop", parameter, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template rms_prop_update<T>(context, grad.size(), step, grad.device_data<T>(), square.device_data<T>(),
                                   elements<T>(mean), elements<T>(velocity), written<T>(parameter));
  });
}

void blend(const Tensor& average, const Tensor& x, double keep) {
  dispatch(Floats{}, "blend", average, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template blend<T>(context, x.size(), static_cast<T>(keep), x.device_data<T>(), written<T>(average));
  });
}

void scale_in_place(const Tensor& x, double factor) {
  dispatch(Floats{}, "scale_in_place", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template scale_in_place<T>(context, x.size(), static_cast<T>(factor), written<T>(x));
  });
}

void limit_in_place(const Tensor& x, double largest) {
  dispatch(Floats{}, "limit_in_place", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template limit_in_place<T>(context, x.size(), static_cast<T>(largest), written<T>(x));
  });
}

double square_sum(const Tensor& x) {
  double total = 0;
  dispatch(Floats{}, "square_sum", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template square_sum<T>(context, x.size(), x.device_data<T>(), &total);
  });
  return total;
}

}  // namespace noyau::inline v0
