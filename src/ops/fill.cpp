#include <algorithm>

#include "backend.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {

template <class T>
void Cpu::fill(Context&, std::int64_t count, T value, T* y) {
  constexpr std::int64_t kGrain = 1 << 15;
  parallel_for(count, kGrain,
               [=](std::int64_t begin, std::int64_t end) { std::fill(y + begin, y + end, value); });
}

Tensor full(const Shape& shape, double value, const TensorOptions& options) {
  const Dtype computed = options.dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32;
  const Tensor y = empty(shape, {computed, options.device});
  dispatch(Floats{}, "full", y, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template fill<T>(context, shape.size(), static_cast<T>(value), y.device_data<T>());
  });
  return y.to(options.dtype);
}

}  // namespace noyau::inline v0
