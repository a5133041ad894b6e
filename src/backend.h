#pragma once
// The backends, as lists of plain functions on pointers, and the only place that knows which exist.
#include "kernel_dims.h"
#include "noyau/tensor.h"
#include "profiler.h"

namespace noyau::inline v0 {

#ifndef NOYAU_HAS_CUDA
#define NOYAU_HAS_CUDA 0
#endif
inline constexpr bool kHasCuda = NOYAU_HAS_CUDA;

// What a kernel may use besides its arguments.
struct Context {
  Device device;
  void* stream = nullptr;  // of the CUDA backend: a cudaStream_t
  bool tf32 = false;       // whether products of f32 elements may round them to tf32
};

// What kernels compute in, and keep sums, statistics and scalars as, where tensors store T.
template <class T>
struct Accumulate {
  using type = T;
};
template <>
struct Accumulate<half> {
  using type = float;
};
template <>
struct Accumulate<bfloat16> {
  using type = float;
};
template <class T>
using accumulate_t = typename Accumulate<T>::type;

inline bool is_16_bit(Dtype dtype) { return dtype == Dtype::f16 || dtype == Dtype::bf16; }
// That of accumulate_t<T>.
inline Dtype accumulate_dtype(Dtype dtype) { return is_16_bit(dtype) ? Dtype::f32 : dtype; }

struct Cpu {
#include "kernels.inc"
};
struct Cuda {
#include "kernels.inc"
};

template <class T>
struct Type {
  using type = T;
};
template <class... Ts>
struct Types {};

using Floats = Types<float, double>;
using AllTypes = Types<float, double, half, bfloat16, std::int32_t, std::uint8_t>;

// Element types of a kernel on the CPU and on CUDA devices.
template <class OnCpu, class OnCuda>
struct TypesByDevice {};
// What training stores: 16 bits on CUDA devices only.
using StoredFloats = TypesByDevice<Floats, Types<float, double, half, bfloat16>>;

namespace detail {
[[noreturn]] void fail_dtype(std::string_view op, Dtype dtype);
[[noreturn]] void fail_device(std::string_view op, Device device);
// The context of kernels on a CUDA device.
Context cuda_context(Device device);
}  // namespace detail

// Calls f(Type<T>{}) with the T of `dtype`; throws, naming `op`, when Ts lacks it.
template <class... Ts, class F>
void by_dtype(Types<Ts...>, std::string_view op, Dtype dtype, F&& f) {
  const bool found = ((dtype == dtype_of<Ts> ? (f(Type<Ts>{}), true) : false) || ...);
  if (!found) detail::fail_dtype(op, dtype);
}

// Calls f(backend, context) for `device`.
template <class F>
void by_device(std::string_view op, Device device, F&& f) {
  const KernelTimer timer(op);
  if (device.kind == Device::Kind::cpu) {
    Context context{device};
    return f(Cpu{}, context);
  }
  if constexpr (kHasCuda) {
    Context context = detail::cuda_context(device);
    f(Cuda{}, context);
    if (profiling()) synchronize(device);
    return;
  }
  detail::fail_device(op, device);
}

// Calls f(backend, context, Type<T>{}) for the device and dtype of `x`.
template <class... Ts, class F>
void dispatch(Types<Ts...> types, std::string_view op, const Tensor& x, F&& f) {
  by_dtype(types, op, x.dtype(), [&](auto type) {
    by_device(op, x.device(), [&](auto on, Context& context) { f(on, context, type); });
  });
}

// The same with the types of that device.
template <class OnCpu, class OnCuda, class F>
void dispatch(TypesByDevice<OnCpu, OnCuda>, std::string_view op, const Tensor& x, F&& f) {
  by_device(op, x.device(), [&](auto on, Context& context) {
    using Here = std::conditional_t<std::is_same_v<decltype(on), Cpu>, OnCpu, OnCuda>;
    by_dtype(Here{}, op, x.dtype(), [&](auto type) { f(on, context, type); });
  });
}

// Throws unless all defined operands share device and dtype, with the facts; the first must be defined.
void check_operands(std::string_view op, std::initializer_list<std::pair<const char*, Tensor>> operands);

// Whether an op without kernels for 16-bit elements computes with x.to(Dtype::f32): on CUDA devices.
bool is_widened(const Tensor& x);

// An uninitialised tensor for the gradient of `x` if it is wanted, else an undefined one.
Tensor grad_like(const Tensor& x);

}  // namespace noyau::inline v0
