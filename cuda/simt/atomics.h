#pragma once
// Atomics on integers, as relaxed as CUDA's. There are none on floating-point numbers: their sums would depend on order.
#include <type_traits>

namespace simt {
template <class T>
concept AtomicInteger = std::is_integral_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

// Replaces *p by f(*p) in one step and returns what was there.
template <AtomicInteger T, class F>
T update(T* p, F&& f) {
  T old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(p, &old, f(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
}  // namespace simt

template <simt::AtomicInteger T>
T atomicAdd(T* p, std::type_identity_t<T> v) {
  return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}
template <simt::AtomicInteger T>
T atomicSub(T* p, std::type_identity_t<T> v) {
  return __atomic_fetch_sub(p, v, __ATOMIC_RELAXED);
}
template <simt::AtomicInteger T>
T atomicAnd(T* p, std::type_identity_t<T> v) {
  return __atomic_fetch_and(p, v, __ATOMIC_RELAXED);
}
template <simt::AtomicInteger T>
T atomicOr(T* p, std::type_identity_t<T> v) {
  return __atomic_fetch_or(p, v, __ATOMIC_RELAXED);
}
template <simt::AtomicInteger T>
T atomicXor(T* p, std::type_identity_t<T> v) {
  return __atomic_fetch_xor(p, v, __ATOMIC_RELAXED);
}
template <simt::AtomicInteger T>
T atomicExch(T* p, std::type_identity_t<T> v) {
  return __atomic_exchange_n(p, v, __ATOMIC_RELAXED);
}
template <simt::AtomicInteger T>
T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
  __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
template <simt::AtomicInteger T>
T atomicMin(T* p, std::type_identity_t<T> v) {
  return simt::update(p, [v](T old) { return v < old ? v : old; });
}
template <simt::AtomicInteger T>
T atomicMax(T* p, std::type_identity_t<T> v) {
  return simt::update(p, [v](T old) { return v > old ? v : old; });
}
// Counts 0, 1, .., limit, 0, ..
inline unsigned atomicInc(unsigned* p, unsigned limit) {
  return simt::update(p, [limit](unsigned old) { return old >= limit ? 0 : old + 1; });
}
inline unsigned atomicDec(unsigned* p, unsigned limit) {
  return simt::update(p, [limit](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}
