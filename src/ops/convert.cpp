#include <algorithm>

#include "backend.h"
#include "half.h"
#include "noyau/autograd.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

template <class To, class From>
To converted(From x) {
  if constexpr (std::is_same_v<From, half> || std::is_same_v<From, bfloat16>)
    return converted<To>(to_float(x));
  else if constexpr (std::is_same_v<To, half>)
    return to_half(static_cast<float>(x));
  else if constexpr (std::is_same_v<To, bfloat16>)
    return to_bfloat16(static_cast<float>(x));
  else
    return static_cast<To>(x);
}

constexpr std::int64_t kGrain = 1 << 15;

}  // namespace

template <class From, class To>
void Cpu::convert(Context&, std::int64_t count, const From* x, To* y) {
  parallel_for(count, kGrain, [=](std::int64_t begin, std::int64_t end) {
    std::transform(x + begin, x + end, y + begin, [](From value) { return converted<To>(value); });
  });
}

Tensor Tensor::to(Dtype target) const {
  const Dtype source = dtype();
  if (source == target) return *this;
  const Tensor y = empty(shape(), {target, device()});
  by_dtype(AllTypes{}, "to", source, [&](auto from) {
    dispatch(AllTypes{}, "to", y, [&](auto on, Context& context, auto to) {
      using From = typename decltype(from)::type;
      using To = typename decltype(to)::type;
      on.template convert<From, To>(context, size(), device_data<From>(), y.device_data<To>());
    });
  });
  if (!is_floating(source) || !is_floating(target)) return y;
  return record("to", y, {*this}, [=](const Tensor& dy, const Tensor&) -> Grads { return {dy.to(source)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

}  // namespace noyau::inline v0
