#pragma once
// Batch normalisation, activation, max pooling and dropout as one pass over memory, and its two passes back. A window is
// one cell of x, or 2x2 cells whose second row begins x_row after the first. See isa.h for the rules of this folder.
#include "cpu/kernels/normalize.h"
#include "cpu/kernels/passes.h"
#include "cpu/kernels/unary.h"

namespace noyau::inline v0 {
namespace {

template <class V>
struct ReluOf {
  static constexpr bool kMonotone = true;
  V value(V z) const { return z <= V{} ? V{} : z; }
  V slope(V z) const { return z <= V{} ? V{} : V{} + 1; }
};

// Also the identity, with factor 1.
template <class V, class T>
struct LeakyReluOf {
  static constexpr bool kMonotone = true;
  T factor;
  V value(V z) const { return z > V{} ? z : z * factor; }
  V slope(V z) const { return z > V{} ? V{} + 1 : V{} + factor; }
};

// A function of unary.h whose slope is one of x.
template <class Isa, class T, class F>
struct Lanewise {
  using V = Vector<Isa, T>;
  static constexpr bool kMonotone = false;
  template <class G>
  static V map(V z, G g) {
    T lanes[kLanes<Isa, T>];
    store<Isa>(lanes, z);
    for (T& lane : lanes) lane = g(lane);
    return load<Isa>(lanes);
  }
  V value(V z) const {
    return map(z, [](T v) { return F{}.value(v); });
  }
  V slope(V z) const {
    return map(z, [](T v) { return F{}.slope(v); });
  }
};

// Calls body(Constant<taps>{}, activation).
template <class Isa, class T, class Body>
void with_window(const NormBlock<T>& p, Body body) {
  using V = Vector<Isa, T>;
  const auto with_taps = [&](auto f) {
    if (p.pooled)
      body(Constant<4>{}, f);
    else
      body(Constant<1>{}, f);
  };
  switch (p.activation) {
    case UnaryOp::relu:
      return with_taps(ReluOf<V>{});
    case UnaryOp::gelu:
      return with_taps(Lanewise<Isa, T, Gelu<T>>{});
    case UnaryOp::silu:
      return with_taps(Lanewise<Isa, T, Silu<T>>{});
    default:
      return with_taps(LeakyReluOf<V, T>{p.slope});
  }
}

// One vector of channels of a window: (x - mean) * scale + shift, cell by cell.
template <class Isa, class T>
struct ChannelRun {
  using V = Vector<Isa, T>;
  V mean, scale, shift;

  template <class Lanes>
  ChannelRun(const NormBlock<T>& p, std::int64_t i, Lanes lanes)
      : mean(load_first<Isa>(p.mean + i, lanes)),
        scale(load_first<Isa>(p.scale + i, lanes)),
        shift(load_first<Isa>(p.shift + i, lanes)) {}
  V normal(V x) const { return (x - mean) * scale + shift; }
};

template <class T>
[[gnu::always_inline]] inline std::int64_t cell(const NormBlock<T>& p, int tap) {
  return (tap & 1) * p.c + (tap >> 1) * p.x_row;
}

template <class Isa, class T>
using Numbers = decltype(Vector<Isa, T>{} <= Vector<Isa, T>{});

// Lanes hold index[0], index[1], ...; zeros if there is none.
template <class Isa, class T, class Lanes>
[[gnu::always_inline]] inline Numbers<Isa, T> load_index(const std::uint8_t* index, Lanes lanes) {
  typedef std::uint8_t Bytes __attribute__((vector_size(kLanes<Isa, T>)));
  Bytes bytes{};
  if (index != nullptr)
    __builtin_memcpy(&bytes, index, static_cast<std::size_t>(static_cast<std::int64_t>(lanes)));
  return __builtin_convertvector(bytes, Numbers<Isa, T>);
}

template <class Isa, class T, class Lanes>
[[gnu::always_inline]] inline void store_index(std::uint8_t* index, const Numbers<Isa, T>& number,
                                               Lanes lanes) {
  typedef std::uint8_t Bytes __attribute__((vector_size(kLanes<Isa, T>)));
  const Bytes bytes = __builtin_convertvector(number, Bytes);
  __builtin_memcpy(index, &bytes, static_cast<std::size_t>(static_cast<std::int64_t>(lanes)));
}

// Calls one(i, lanes) for every vector of channels, the last perhaps not full.
template <class Isa, class T, class F>
[[gnu::always_inline]] inline void for_each_vector(std::int64_t c, F one) {
  constexpr int kLane = kLanes<Isa, T>;
  std::int64_t i = 0;
  for (; i + kLane <= c; i += kLane) one(i, Constant<kLane>{});
  if (i < c) one(i, c - i);
}

template <int taps, class Isa, class T, class F>
void forward_windows(F f, const NormBlock<T>& p, std::int64_t windows, const T* x, T* y,
                     std::uint8_t* index) {
  using V = Vector<Isa, T>;
  constexpr int kAcross = taps == 4 ? 2 : 1;
  for (std::int64_t w = 0; w < windows; ++w) {
    for_each_vector<Isa, T>(p.c, [&](std::int64_t i, auto lanes) {
      const ChannelRun<Isa, T> channels(p, i, lanes);
      const T* const from = x + w * kAcross * p.c + i;
      const auto normal = [&](int tap) {
        return channels.normal(load_first<Isa>(from + cell(p, tap), lanes));
      };
      const auto entry = [&](int tap) { return F::kMonotone ? normal(tap) : f.value(normal(tap)); };
      V best = entry(0);
      Numbers<Isa, T> number{};
      if constexpr (taps == 4) number = larger_of_four<V>(best, entry(1), entry(2), entry(3), best);
      store_first<Isa>(y + w * p.c + i, F::kMonotone ? f.value(best) : best, lanes);
      if (index != nullptr) store_index<Isa, T>(index + w * p.c + i, number, lanes);
    });
  }
}

// y = the largest activation((x - mean) * scale + shift) of each window, whose cell's number goes to index (unless null).
template <class Isa, class T>
void norm_block_forward(const NormBlock<T>& p, std::int64_t windows, const T* x, T* y, std::uint8_t* index) {
  with_window<Isa>(p, [&](auto taps, auto f) {
    forward_windows<decltype(taps)::kValue, Isa>(f, p, windows, x, y, index);
  });
}

// y = words >= threshold ? scale * y : 0; where that is 0, index = kDropped (unless null).
template <class T, class Count>
[[gnu::always_inline]] inline void drop_run(Count count, const std::uint32_t* __restrict words,
                                            std::uint32_t threshold, T scale, T* __restrict y,
                                            std::uint8_t* __restrict index) {
  for (std::int64_t i = 0; i < count; ++i) {
    const T kept = scale * y[i];
    y[i] = words[i] >= threshold ? kept : T{0};
  }
  if (index == nullptr) return;
  for (std::int64_t i = 0; i < count; ++i) index[i] = words[i] >= threshold ? index[i] : kDropped;
}

// Elements first, first + 1, ... of dropout(), in place.
template <class Isa, class T>
void norm_block_dropout(const DropoutDims& d, T scale, std::int64_t first, std::int64_t count, T* y,
                        std::uint8_t* index) {
  constexpr int kRun = 4 * kLanes<Isa, std::uint64_t>;
  std::uint32_t words[kRun];
  std::uint64_t block = d.offset + static_cast<std::uint64_t>(first / 4);
  std::int64_t skip = first % 4;
  for (std::int64_t done = 0; done < count;) {
    philox_words<Isa>(d.seed, block, words);
    const std::int64_t run = smaller(kRun - skip, count - done);
    std::uint8_t* const marks = index == nullptr ? nullptr : index + done;
    if (run == kRun)
      drop_run(Constant<kRun>{}, words, d.threshold, scale, y + done, marks);
    else
      drop_run(run, words + skip, d.threshold, scale, y + done, marks);
    done += run;
    block += kRun / 4;
    skip = 0;
  }
}

// What reaches the normalised x of one vector of windows: g, in the cell `number`, `distance` from the mean.
template <class Isa, class T>
struct WindowGradient {
  Vector<Isa, T> g, distance;
  Numbers<Isa, T> number;
};

template <int taps, class Isa, class T, class F, class Lanes>
[[gnu::always_inline]] inline WindowGradient<Isa, T> window_gradient(F f, const NormBlock<T>& p,
                                                                     const ChannelRun<Isa, T>& channels,
                                                                     const T* x, const T* dy,
                                                                     const std::uint8_t* index, Lanes lanes) {
  using V = Vector<Isa, T>;
  const Numbers<Isa, T> number = load_index<Isa, T>(index, lanes);
  V chosen = load_first<Isa>(x, lanes);
  unroll<1, taps>([&](auto tap) {
    chosen = number == static_cast<int>(tap) ? load_first<Isa>(x + cell(p, tap), lanes) : chosen;
  });
  const V distance = chosen - channels.mean;
  const V g = load_first<Isa>(dy, lanes) * p.kept * f.slope(distance * channels.scale + channels.shift);
  return {number == kDropped ? V{} : g, distance, number};
}

template <int taps, class Isa, class T, class F>
void sum_windows(F f, const NormBlock<T>& p, std::int64_t windows, const T* x, const T* dy,
                 const std::uint8_t* index, T* plain, T* weighted) {
  using V = Vector<Isa, T>;
  constexpr int kAcross = taps == 4 ? 2 : 1;
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  for_channels<Isa, T>(p.c, [&](std::int64_t c0, auto vectors, auto lanes) {
    constexpr int kVectors = vectors;
    V sum[kVectors], product[kVectors];
    unroll<0, kVectors>([&](auto v) {
      sum[v] = load_first<Isa>(plain + c0 + v * kLane, lanes);
      product[v] = load_first<Isa>(weighted + c0 + v * kLane, lanes);
    });
    for (std::int64_t w = 0; w < windows; ++w) {
      unroll<0, kVectors>([&](auto v) {
        const std::int64_t i = c0 + v * kLane;
        const std::int64_t at = w * p.c + i;
        const ChannelRun<Isa, T> channels(p, i, lanes);
        const auto d = window_gradient<taps, Isa>(f, p, channels, x + w * kAcross * p.c + i, dy + at,
                                                  index == nullptr ? nullptr : index + at, lanes);
        sum[v] += d.g;
        product[v] += d.g * d.distance;
      });
    }
    unroll<0, kVectors>([&](auto v) {
      store_first<Isa>(plain + c0 + v * kLane, sum[v], lanes);
      store_first<Isa>(weighted + c0 + v * kLane, product[v], lanes);
    });
  });
}

// Adds to plain[c] the sum over windows of g, and to weighted[c] that of g * (x - mean): g is dy times the slopes of
// dropout and activation in the cell that index names (the only one where index is null).
template <class Isa, class T>
void norm_block_sums(const NormBlock<T>& p, std::int64_t windows, const T* x, const T* dy,
                     const std::uint8_t* index, T* plain, T* weighted) {
  with_window<Isa>(p, [&](auto taps, auto f) {
    sum_windows<decltype(taps)::kValue, Isa>(f, p, windows, x, dy, index, plain, weighted);
  });
}

template <int taps, class Isa, class T, class F>
void input_gradient_windows(F f, const NormBlock<T>& p, std::int64_t windows, const T* x, const T* dy,
                            const std::uint8_t* index, T* dx) {
  using V = Vector<Isa, T>;
  constexpr int kAcross = taps == 4 ? 2 : 1;
  for (std::int64_t w = 0; w < windows; ++w) {
    for_each_vector<Isa, T>(p.c, [&](std::int64_t i, auto lanes) {
      const ChannelRun<Isa, T> channels(p, i, lanes);
      const std::int64_t first = w * kAcross * p.c + i;
      const std::int64_t at = w * p.c + i;
      const V plain = load_first<Isa>(p.plain + i, lanes);
      const V weighted = load_first<Isa>(p.weighted + i, lanes);
      const auto d = window_gradient<taps, Isa>(f, p, channels, x + first, dy + at,
                                                index == nullptr ? nullptr : index + at, lanes);
      unroll<0, taps>([&](auto tap) {
        const std::int64_t to = first + cell(p, tap);
        const V distance = load_first<Isa>(x + to, lanes) - channels.mean;
        const V g = taps == 1 ? d.g : d.number == static_cast<int>(tap) ? d.g : V{};
        store_first<Isa>(dx + to, channels.scale * (g - plain - distance * weighted), lanes);
      });
    });
  }
}

// dx = scale * (g - plain - (x - mean) * weighted) in all cells of the windows, with g as in norm_block_sums().
template <class Isa, class T>
void norm_block_input_gradient(const NormBlock<T>& p, std::int64_t windows, const T* x, const T* dy,
                               const std::uint8_t* index, T* dx) {
  with_window<Isa>(p, [&](auto taps, auto f) {
    input_gradient_windows<decltype(taps)::kValue, Isa>(f, p, windows, x, dy, index, dx);
  });
}

// The same for cells that are in no window.
template <class Isa, class T>
void norm_block_rest_gradient(const NormBlock<T>& p, std::int64_t cells, const T* x, T* dx) {
  using V = Vector<Isa, T>;
  for (std::int64_t r = 0; r < cells; ++r) {
    for_each_vector<Isa, T>(p.c, [&](std::int64_t i, auto lanes) {
      const V distance = load_first<Isa>(x + r * p.c + i, lanes) - load_first<Isa>(p.mean + i, lanes);
      const V through_statistics =
          load_first<Isa>(p.plain + i, lanes) + distance * load_first<Isa>(p.weighted + i, lanes);
      store_first<Isa>(dx + r * p.c + i, -load_first<Isa>(p.scale + i, lanes) * through_statistics, lanes);
    });
  }
}

}  // namespace
}  // namespace noyau::inline v0
