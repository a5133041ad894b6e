#include "optim/optimizer_updates.h"

#include <algorithm>
#include <cmath>

#include "backend.h"
#include "devices.h"
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

template <class T>
void update(const StepTensor<SgdRule<T>>& t) {
  const SgdRule<T> rule = t.rule;
  const T* __restrict const grad = t.grad;
  T* __restrict const parameter = t.parameter;
  T* __restrict const velocity = t.memory[SgdRule<T>::kVelocity];
  if (velocity == nullptr) {
    for_each_element<T>(t.count, [=](std::int64_t i) {
      parameter[i] = rule.shrink * parameter[i] - rule.rate * (grad[i] + rule.decay * parameter[i]);
    });
    return;
  }
  const T ahead = rule.nesterov ? rule.momentum : T{1};
  const T now = rule.nesterov ? T{1} : T{0};
  for_each_element<T>(t.count, [=](std::int64_t i) {
    const T g = grad[i] + rule.decay * parameter[i];
    const T v = rule.momentum * velocity[i] + rule.gain * g;
    velocity[i] = v;
    parameter[i] = rule.shrink * parameter[i] - rule.rate * (now * g + ahead * v);
  });
}

template <class T>
void update(const StepTensor<AdamRule<T>>& t) {
  const AdamRule<T> rule = t.rule;
  const T* __restrict const grad = t.grad;
  T* __restrict const parameter = t.parameter;
  T* __restrict const first = t.memory[AdamRule<T>::kFirst];
  T* __restrict const second = t.memory[AdamRule<T>::kSecond];
  T* __restrict const largest = t.memory[AdamRule<T>::kLargest];
  const auto moments = [=](std::int64_t i) {
    const T g = grad[i] + rule.decay * parameter[i];
    first[i] = rule.beta1 * first[i] + rule.rest1 * g;
    second[i] = rule.beta2 * second[i] + rule.rest2 * g * g;
  };
  const auto move = [=](std::int64_t i, T square) {
    const T size = std::sqrt(square) * rule.inverse_root + rule.epsilon;
    parameter[i] = rule.shrink * parameter[i] - rule.rate * first[i] / size;
  };
  if (largest == nullptr) {
    for_each_element<T>(t.count, [=](std::int64_t i) {
      moments(i);
      move(i, second[i]);
    });
    return;
  }
  for_each_element<T>(t.count, [=](std::int64_t i) {
    moments(i);
    largest[i] = std::max(largest[i], second[i]);
    move(i, largest[i]);
  });
}

template <class T>
void update(const StepTensor<RmsPropRule<T>>& t) {
  const RmsPropRule<T> rule = t.rule;
  const T* __restrict const grad = t.grad;
  T* __restrict const parameter = t.parameter;
  T* __restrict const square = t.memory[RmsPropRule<T>::kSquare];
  T* __restrict const mean = t.memory[RmsPropRule<T>::kMean];
  T* __restrict const velocity = t.memory[RmsPropRule<T>::kVelocity];
  for_each_element<T>(t.count, [=](std::int64_t i) {
    const T g = grad[i] + rule.decay * parameter[i];
    T spread = rule.alpha * square[i] + rule.rest * g * g;
    square[i] = spread;
    if (mean != nullptr) {
      mean[i] = rule.alpha * mean[i] + rule.rest * g;
      spread -= mean[i] * mean[i];
    }
    T u = g / (std::sqrt(spread) + rule.epsilon);
    if (velocity != nullptr) velocity[i] = u = rule.momentum * velocity[i] + u;
    parameter[i] = rule.shrink * parameter[i] - rule.rate * u;
  });
}

const char* name_of(const SgdStep&) { return "sgd"; }
const char* name_of(const AdamStep&) { return "adam"; }
const char* name_of(const RmsPropStep&) { return "rms_prop"; }

template <class T>
SgdRule<T> rule_of(const SgdStep& step) {
  return SgdRule<T>(step);
}
template <class T>
AdamRule<T> rule_of(const AdamStep& step) {
  return AdamRule<T>(step);
}
template <class T>
RmsPropRule<T> rule_of(const RmsPropStep& step) {
  return RmsPropRule<T>(step);
}

}  // namespace

// What the rule says of each element of each tensor; runs of elements a thread, tensor after tensor.
template <class Rule>
void Cpu::update_parameters(Context&, std::int64_t tensors, std::int64_t, const StepTensor<Rule>* table) {
  for (std::int64_t i = 0; i < tensors; ++i) update(table[i]);
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

template <class Step>
void StepBatch<Step>::add(const Step& step, const Tensor& grad, const Tensor& parameter,
                          const std::array<Tensor, kStepMemory>& memory) {
  updates_.push_back({step, grad, parameter, memory});
}

template <class Step>
void StepBatch<Step>::run() {
  auto begin = updates_.data();
  auto* const end = begin + updates_.size();
  for (std::size_t group = 0; begin != end; ++group) {
    if (group == tables_.size()) tables_.emplace_back();
    auto* const rest = std::stable_partition(begin, end, [like = begin->parameter](const Update& update) {
      return update.parameter.device() == like.device() && update.parameter.dtype() == like.dtype();
    });
    run_group(begin, rest, tables_[group]);
    begin = rest;
  }
  updates_.clear();
}

template <class Step>
void StepBatch<Step>::run_group(const Update* begin, const Update* end, Tensor& table) {
  const Tensor& like = begin->parameter;
  dispatch(Floats{}, name_of(begin->step), like, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using Rule = decltype(rule_of<T>(begin->step));
    std::vector<StepTensor<Rule>> tensors;
    tensors.reserve(static_cast<std::size_t>(end - begin));
    std::int64_t chunks = 0;
    for (const Update* update = begin; update != end; ++update) {
      const std::int64_t count = update->grad.size();
      tensors.push_back({rule_of<T>(update->step),
                         chunks,
                         count,
                         update->grad.template device_data<T>(),
                         written<T>(update->parameter),
                         {}});
      for (int i = 0; i < kStepMemory; ++i)
        tensors.back().memory[i] = elements<T>(update->memory[static_cast<std::size_t>(i)]);
      chunks += (count + kStepChunk - 1) / kStepChunk;
    }
    const std::size_t bytes = tensors.size() * sizeof(StepTensor<Rule>);
    if (!table.defined() || table.device() != like.device() ||
        table.size() < static_cast<std::int64_t>(bytes))
      table = empty({static_cast<std::int64_t>(bytes)}, {Dtype::u8, like.device()});
    std::uint8_t* const place = table.device_data<std::uint8_t>();
    copy_bytes(like.device(), place, Device(), tensors.data(), bytes);
    on.template update_parameters<Rule>(context, end - begin, chunks,
                                        reinterpret_cast<const StepTensor<Rule>*>(place));
  });
}

template class StepBatch<SgdStep>;
template class StepBatch<AdamStep>;
template class StepBatch<RmsPropStep>;

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

Tensor square_sum(const Tensor& x) {
  const Tensor total = empty({}, {Dtype::f64, x.device()});
  dispatch(Floats{}, "square_sum", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template square_sum<T>(context, x.size(), x.device_data<T>(), total.device_data<double>());
  });
  return total;
}

}  // namespace noyau::inline v0
