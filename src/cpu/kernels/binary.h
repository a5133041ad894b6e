#pragma once
// y[i] = op(a[i], b[i]) over one row, where an operand that does not step stays at its first element.
// See isa.h for the rules of this folder.
#include "kernel_dims.h"

namespace noyau::inline v0 {
namespace {

template <class T, class F>
void map_row(F f, std::int64_t count, const T* __restrict a, bool a_steps, const T* __restrict b,
             bool b_steps, T* __restrict y) {
  if (a_steps && b_steps) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], b[i]);
  } else if (a_steps) {
    const T right = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], right);
  } else if (b_steps) {
    const T left = *a;
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(left, b[i]);
  } else {
    const T value = f(*a, *b);
    for (std::int64_t i = 0; i < count; ++i) y[i] = value;
  }
}

template <class Isa, class T>
void binary(BinaryOp op, std::int64_t count, const T* a, bool a_steps, const T* b, bool b_steps, T* y) {
  const auto map_with = [=](auto f) { map_row(f, count, a, a_steps, b, b_steps, y); };
  switch (op) {
    case BinaryOp::add:
      return map_with([](T p, T q) { return p + q; });
    case BinaryOp::sub:
      return map_with([](T p, T q) { return p - q; });
    case BinaryOp::mul:
      return map_with([](T p, T q) { return p * q; });
    case BinaryOp::div:
      return map_with([](T p, T q) { return p / q; });
    case BinaryOp::minimum:
      return map_with([](T p, T q) { return p < q || p != p ? p : q; });
    case BinaryOp::maximum:
      return map_with([](T p, T q) { return p > q || p != p ? p : q; });
  }
}

}  // namespace
}  // namespace noyau::inline v0
