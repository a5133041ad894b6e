#pragma once
// Batch normalisation of a slice of rows [rows, c], by runs of channels in registers. See isa.h for the rules of this
// folder.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// Calls f(channel, vectors, lanes) for runs of at most four vectors, then for the channels that fill no vector.
template <class Isa, class T, class F>
[[gnu::always_inline]] inline void for_channels(std::int64_t c, F f) {
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for_even_parts<4>(c / kLane, [&](std::int64_t first, auto vectors) {
    f(first * kLane, vectors, Constant<static_cast<int>(kLane)>{});
  });
  if (c % kLane != 0) f(c - c % kLane, Constant<1>{}, c % kLane);
}

template <class V>
[[gnu::always_inline]] inline V kept_if_positive(V value, V sign) {
  return sign > V{} ? value : V{};
}

// mean[c] and squares[c] = sum of (x - mean)^2 over the rows. The sum is of distances from the first row, so that a
// mean far from zero costs no digits.
template <class Isa, class T>
void batch_moments(std::int64_t rows, std::int64_t c, const T* x, T* mean, T* squares) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for_channels<Isa, T>(c, [=](std::int64_t c0, auto vectors, auto lanes) {
    constexpr int kVectors = vectors;
    const auto at = [=](std::int64_t r, int v) { return load_first<Isa>(x + r * c + c0 + v * kLane, lanes); };
    V centre[kVectors], sum[kVectors], square[kVectors];
    unroll<0, kVectors>([&](auto v) {
      centre[v] = at(0, v);
      sum[v] = square[v] = V{};
    });
    for (std::int64_t r = 0; r < rows; ++r)
      unroll<0, kVectors>([&](auto v) { sum[v] += at(r, v) - centre[v]; });
    unroll<0, kVectors>([&](auto v) { centre[v] += sum[v] / static_cast<T>(rows); });
    for (std::int64_t r = 0; r < rows; ++r) {
      unroll<0, kVectors>([&](auto v) {
        const V distance = at(r, v) - centre[v];
        square[v] += distance * distance;
      });
    }
    unroll<0, kVectors>([&](auto v) {
      store_first<Isa>(mean + c0 + v * kLane, centre[v], lanes);
      store_first<Isa>(squares + c0 + v * kLane, square[v], lanes);
    });
  });
}

template <bool relu, class Isa, class T>
void normalize_rows(const BatchChannels<T>& p, std::int64_t rows, std::int64_t c, const T* x, T* y) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  const auto one = [&](std::int64_t i, std::int64_t at, auto lanes) {
    const V value = (load_first<Isa>(x + at, lanes) - load_first<Isa>(p.mean + i, lanes)) *
                        load_first<Isa>(p.scale + i, lanes) +
                    load_first<Isa>(p.shift + i, lanes);
    store_first<Isa>(y + at, relu ? (value < V{} ? V{} : value) : value, lanes);
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    std::int64_t i = 0;
    for (; i + kLane <= c; i += kLane) one(i, r * c + i, Constant<static_cast<int>(kLane)>{});
    if (i < c) one(i, r * c + i, c - i);
  }
}

// y = (x - mean) * scale + shift, or 0 where that is negative and relu is asked for.
template <class Isa, class T>
void batch_normalize(const BatchChannels<T>& p, std::int64_t rows, std::int64_t c, const T* x, T* y) {
  if (p.relu)
    normalize_rows<true, Isa>(p, rows, c, x, y);
  else
    normalize_rows<false, Isa>(p, rows, c, x, y);
}

template <bool relu, class Isa, class T>
void gradient_sums(const BatchChannels<T>& p, std::int64_t rows, std::int64_t c, const T* x, const T* dy,
                   T* plain, T* weighted) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for_channels<Isa, T>(c, [&](std::int64_t c0, auto vectors, auto lanes) {
    constexpr int kVectors = vectors;
    V mean[kVectors], scale[kVectors], shift[kVectors], sum[kVectors], product[kVectors];
    unroll<0, kVectors>([&](auto v) {
      mean[v] = load_first<Isa>(p.mean + c0 + v * kLane, lanes);
      scale[v] = load_first<Isa>(p.scale + c0 + v * kLane, lanes);
      shift[v] = load_first<Isa>(p.shift + c0 + v * kLane, lanes);
      sum[v] = product[v] = V{};
    });
    for (std::int64_t r = 0; r < rows; ++r) {
      unroll<0, kVectors>([&](auto v) {
        const std::int64_t at = r * c + c0 + v * kLane;
        const V distance = load_first<Isa>(x + at, lanes) - mean[v];
        const V all = load_first<Isa>(dy + at, lanes);
        const V g = relu ? kept_if_positive<V>(all, distance * scale[v] + shift[v]) : all;
        sum[v] += g;
        product[v] += g * distance;
      });
    }
    unroll<0, kVectors>([&](auto v) {
      store_first<Isa>(plain + c0 + v * kLane, sum[v], lanes);
      store_first<Isa>(weighted + c0 + v * kLane, product[v], lanes);
    });
  });
}

// plain[c] = sum over rows of g and weighted[c] = sum of g * (x - mean), where g is dy, or 0 where the fused relu cut y.
template <class Isa, class T>
void batch_gradient_sums(const BatchChannels<T>& p, std::int64_t rows, std::int64_t c, const T* x,
                         const T* dy, T* plain, T* weighted) {
  if (p.relu)
    gradient_sums<true, Isa>(p, rows, c, x, dy, plain, weighted);
  else
    gradient_sums<false, Isa>(p, rows, c, x, dy, plain, weighted);
}

template <bool relu, class Isa, class T>
void input_gradient(const BatchChannels<T>& p, std::int64_t rows, std::int64_t c, const T* x, const T* dy,
                    T* dx) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  const auto one = [&](std::int64_t i, std::int64_t at, auto lanes) {
    const V scale = load_first<Isa>(p.scale + i, lanes);
    const V distance = load_first<Isa>(x + at, lanes) - load_first<Isa>(p.mean + i, lanes);
    const V all = load_first<Isa>(dy + at, lanes);
    const V g = relu ? kept_if_positive<V>(all, distance * scale + load_first<Isa>(p.shift + i, lanes)) : all;
    const V through_statistics =
        load_first<Isa>(p.plain + i, lanes) + distance * load_first<Isa>(p.weighted + i, lanes);
    store_first<Isa>(dx + at, scale * (g - through_statistics), lanes);
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    std::int64_t i = 0;
    for (; i + kLane <= c; i += kLane) one(i, r * c + i, Constant<static_cast<int>(kLane)>{});
    if (i < c) one(i, r * c + i, c - i);
  }
}

// dx = scale * (g - plain - (x - mean) * weighted), with g as in batch_gradient_sums().
template <class Isa, class T>
void batch_input_gradient(const BatchChannels<T>& p, std::int64_t rows, std::int64_t c, const T* x,
                          const T* dy, T* dx) {
  if (p.relu)
    input_gradient<true, Isa>(p, rows, c, x, dy, dx);
  else
    input_gradient<false, Isa>(p, rows, c, x, dy, dx);
}

}  // namespace
}  // namespace noyau::inline v0
