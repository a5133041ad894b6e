#pragma once
// Batch normalisation, the sum with a residual and an activation, relu or leaky_relu, as one pass over rows [rows, c], and
// the first of its two passes back. See isa.h for the rules of this folder.
#include "cpu/kernels/norm_block.h"

namespace noyau::inline v0 {
namespace {

// Calls body(activation).
template <class Isa, class T, class Body>
void with_rectifier(const NormBlock<T>& p, Body body) {
  using V = Vector<Isa, T>;
  if (p.activation == UnaryOp::relu)
    body(ReluOf<V>{});
  else
    body(LeakyReluOf<V, T>{p.slope});
}

// Calls one(element, channel, lanes) for every vector of every row.
template <class Isa, class T, class F>
[[gnu::always_inline]] inline void for_each_row_vector(std::int64_t rows, std::int64_t c, F one) {
  for (std::int64_t r = 0; r < rows; ++r)
    for_each_vector<Isa, T>(c, [&](std::int64_t i, auto lanes) { one(r * c + i, i, lanes); });
}

// y = activation((x - mean) * scale + shift + residual)
template <class Isa, class T>
void norm_add_forward(const NormBlock<T>& p, std::int64_t rows, const T* x, const T* residual, T* y) {
  with_rectifier<Isa>(p, [&](auto f) {
    for_each_row_vector<Isa, T>(rows, p.c, [&](std::int64_t at, std::int64_t i, auto lanes) {
      const ChannelRun<Isa, T> channels(p, i, lanes);
      const auto sum =
          channels.normal(load_first<Isa>(x + at, lanes)) + load_first<Isa>(residual + at, lanes);
      store_first<Isa>(y + at, f.value(sum), lanes);
    });
  });
}

// g = dy * activation' of the sum; adds to plain[c] the sum of g, and to weighted[c] that of g * (x - mean).
template <class Isa, class T>
void norm_add_sums(const NormBlock<T>& p, std::int64_t rows, const T* x, const T* residual, const T* dy, T* g,
                   T* plain, T* weighted) {
  using V = Vector<Isa, T>;
  const auto add_to = [](T* total, const V& value, auto lanes) {
    store_first<Isa>(total, load_first<Isa>(total, lanes) + value, lanes);
  };
  with_rectifier<Isa>(p, [&](auto f) {
    for_each_row_vector<Isa, T>(rows, p.c, [&](std::int64_t at, std::int64_t i, auto lanes) {
      const ChannelRun<Isa, T> channels(p, i, lanes);
      const V distance = load_first<Isa>(x + at, lanes) - channels.mean;
      const V sum = distance * channels.scale + channels.shift + load_first<Isa>(residual + at, lanes);
      const V gradient = load_first<Isa>(dy + at, lanes) * f.slope(sum);
      store_first<Isa>(g + at, gradient, lanes);
      add_to(plain + i, gradient, lanes);
      add_to(weighted + i, gradient * distance, lanes);
    });
  });
}

}  // namespace
}  // namespace noyau::inline v0
