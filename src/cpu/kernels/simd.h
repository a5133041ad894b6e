#pragma once
// Vectors of one instruction set and loops unrolled by the front end: GCC keeps an array of vectors in registers only
// when every index is a constant before optimisation. See isa.h for the rules of this folder.
#include <cstdint>

namespace noyau::inline v0 {
namespace {

template <class T, int bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(bytes)));
};

template <class Isa, class T>
using Vector = typename VectorOf<T, Isa::kVectorBytes>::type;

template <class Isa, class T>
constexpr int kLanes = Isa::kVectorBytes / static_cast<int>(sizeof(T));

template <int I>
struct Constant {
  static constexpr int kValue = I;
  constexpr operator int() const { return I; }
};

// f(Constant<begin>{}), ..., f(Constant<end - 1>{}).
template <int begin, int end, class F>
[[gnu::always_inline]] inline void unroll(F f) {
  if constexpr (begin < end) {
    f(Constant<begin>{});
    unroll<begin + 1, end>(f);
  }
}

template <class Isa, class T>
[[gnu::always_inline]] inline Vector<Isa, T> load(const T* from) {
  Vector<Isa, T> value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

template <class Isa, class T>
[[gnu::always_inline]] inline void store(T* to, const Vector<Isa, T>& value) {
  __builtin_memcpy(to, &value, sizeof value);
}

// Fewer than all lanes; apart, so that tiles stay small.
template <class Isa, class T>
[[gnu::noinline]] void copy_lanes(T* to, const T* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// The first `count` lanes.
template <class Isa, class T>
[[gnu::always_inline]] inline void store_first(T* to, const Vector<Isa, T>& value, std::int64_t count) {
  if (count >= kLanes<Isa, T>) return store<Isa>(to, value);
  T lanes[kLanes<Isa, T>];
  store<Isa>(lanes, value);
  copy_lanes<Isa>(to, lanes, count);
}

// The first `count` lanes, zeros in the others.
template <class Isa, class T>
[[gnu::always_inline]] inline Vector<Isa, T> load_first(const T* from, std::int64_t count) {
  if (count >= kLanes<Isa, T>) return load<Isa>(from);
  T lanes[kLanes<Isa, T>] = {};
  copy_lanes<Isa>(lanes, from, count);
  return load<Isa>(lanes);
}

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
constexpr std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
// For b > 0, also when a is negative.
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }

// Calls f(first, Constant<size>{}) on parts of nearly equal size, at most `most`, that cover [0, count).
template <int most, class F>
[[gnu::always_inline]] inline void for_even_parts(std::int64_t count, F f) {
  const std::int64_t parts = ceil_div(count, most);
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t first = count * part / parts;
    const std::int64_t size = count * (part + 1) / parts - first;
    unroll<1, most + 1>([&](auto constant) {
      if (constant == size) f(first, constant);
    });
  }
}

}  // namespace
}  // namespace noyau::inline v0
