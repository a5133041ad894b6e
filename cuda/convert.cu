#include "elements.h"
#include "storage.h"

namespace noyau::inline v0 {
namespace {

template <class To, class From>
__device__ To converted(From x) {
  if constexpr (std::is_same_v<From, half> || std::is_same_v<From, bfloat16>)
    return converted<To>(device::to_float(x));
  else if constexpr (std::is_same_v<To, half>)
    return device::to_half(static_cast<float>(x));
  else if constexpr (std::is_same_v<To, bfloat16>)
    return device::to_bfloat16(static_cast<float>(x));
  else
    return static_cast<To>(x);
}

// y[i] = x[i], converted
template <class From, class To>
struct Convert {
  const From* x;
  To* y;
  __device__ void operator()(std::int64_t i) const { y[i] = converted<To>(x[i]); }
};

}  // namespace

template <class From, class To>
void Cuda::convert(Context& context, std::int64_t count, const From* x, To* y) {
  launch_elements(context, count, Convert<From, To>{x, y});
}

namespace {

// Names every conversion, so that this file holds them.
template <class... From>
constexpr auto all_conversions(Types<From...>) {
  const auto from_one = []<class One, class... To>(Type<One>, Types<To...>) {
    return std::tuple(&Cuda::convert<One, To>...);
  };
  return std::tuple_cat(from_one(Type<From>{}, AllTypes{})...);
}

}  // namespace

// A symbol that uses them all.
extern const decltype(all_conversions(AllTypes{})) kCudaConversions;
constinit const decltype(all_conversions(AllTypes{})) kCudaConversions = all_conversions(AllTypes{});

}  // namespace noyau::inline v0
