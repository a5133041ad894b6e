#pragma once
// y[n, oy, ox, o] = bias[o] + sum over ty, tx, c of x[n, iy, ix, c] * kernel[ty, tx, c, o], with
// iy = oy * h.stride + ty * h.dilation + h.offset and ix alike; what lies outside x counts as 0.
#include "cpu/isa.h"
#include "cpu/kernels/simd.h"

namespace noyau::inline v0 {
namespace {

// One row of outputs times one block of channels: pointers to its image, group and block.
template <class T>
struct CorrelationRow {
  const T* x;
  const T* kernel;
  const T* bias;
  T* y;
  std::int64_t iy;        // input row of tap 0
  std::int64_t channels;  // of the block
};

// A tile owns `pixels` neighbours of the row times `vectors` of channels, in registers.
template <class Isa, class T, int pixels, int vectors, bool depthwise>
class CorrelationTile {
 public:
  static void run(const Correlation<T>& c, const CorrelationRow<T>& row, std::int64_t ox) {
    CorrelationTile tile;
    unroll<0, pixels>([&](auto p) { unroll<0, vectors>([&](auto v) { tile.sum_[p][v] = V{}; }); });
    const ConvAxis& w = c.w;
    const std::int64_t left = ox * w.stride + w.offset;
    const std::int64_t right = left + (pixels - 1) * w.stride + (w.taps - 1) * w.dilation;
    const bool inside = left >= 0 && right < w.in;
    const bool joined = !depthwise && w.dilation == 1 &&
                        c.kernel_column == c.in_channels * c.kernel_channel &&
                        c.x_strides.pixel == c.in_channels;
    const std::int64_t first = row.iy >= 0 ? 0 : ceil_div(-row.iy, c.h.dilation);
    const std::int64_t last = smaller(c.h.taps, ceil_div(c.h.in - row.iy, c.h.dilation));
    for (std::int64_t ty = first; ty < last; ++ty) {
      const T* x = row.x + (row.iy + ty * c.h.dilation) * c.x_strides.row;
      const T* kernel = row.kernel + ty * c.kernel_row;
      if (inside && joined) {
        tile.template add<0, pixels>(c, x + left * c.x_strides.pixel, kernel, w.taps * c.in_channels);
        continue;
      }
      for (std::int64_t tx = 0; tx < w.taps; ++tx)
        tile.add_tap(c, x, left + tx * w.dilation, kernel + tx * c.kernel_column);
    }
    tile.write(c, row, ox);
  }

 private:
  using V = Vector<Isa, T>;
  static constexpr int kLane = kLanes<Isa, T>;

  // One tap of pixels at x[ix], x[ix + stride], ...; padding of one pixel, the common case, is skipped.
  [[gnu::always_inline]] void add_tap(const Correlation<T>& c, const T* x, std::int64_t ix, const T* kernel) {
    const std::int64_t stride = c.w.stride;
    const std::int64_t end = ix + (pixels - 1) * stride;
    const T* at = x + ix * c.x_strides.pixel;
    if (end < 0 || ix >= c.w.in) return;
    if (ix >= 0 && end < c.w.in) return add<0, pixels>(c, at, kernel, c.in_channels);
    if (ix >= 0 && end - stride < c.w.in) return add<0, pixels - 1>(c, at, kernel, c.in_channels);
    if (ix + stride >= 0 && end < c.w.in) return add<1, pixels>(c, at, kernel, c.in_channels);
    const T* from[pixels];
    unroll<0, pixels>([&](auto p) {
      const std::int64_t here = ix + p * stride;
      from[p] = here >= 0 && here < c.w.in ? x + here * c.x_strides.pixel : c.zeros;
    });
    multiply_add<0, pixels>(c, from, kernel, c.in_channels);
  }

  template <int first, int last>
  [[gnu::always_inline]] void add(const Correlation<T>& c, const T* x, const T* kernel, std::int64_t count) {
    const T* from[pixels];
    const std::int64_t step = c.w.stride * c.x_strides.pixel;
    unroll<first, last>([&](auto p) { from[p] = x + p * step; });
    multiply_add<first, last>(c, from, kernel, count);
  }

  template <int first, int last>
  [[gnu::always_inline]] void multiply_add(const Correlation<T>& c, const T* const (&from)[pixels],
                                           const T* kernel, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i, kernel += c.kernel_channel) {
      V weight[vectors];
      unroll<0, vectors>([&](auto v) { weight[v] = load<Isa>(kernel + v * kLane); });
      unroll<first, last>([&](auto p) {
        unroll<0, vectors>([&](auto v) {
          if constexpr (depthwise)
            sum_[p][v] += load<Isa>(from[p] + v * kLane) * weight[v];
          else
            sum_[p][v] += from[p][i] * weight[v];
        });
      });
    }
  }

  [[gnu::always_inline]] void write(const Correlation<T>& c, const CorrelationRow<T>& row, std::int64_t ox) {
    if (row.bias != nullptr) {
      unroll<0, vectors>([&](auto v) {
        const V bias = load<Isa>(row.bias + v * kLane);
        unroll<0, pixels>([&](auto p) { sum_[p][v] += bias; });
      });
    }
    T* y = row.y + ox * c.y_strides.pixel;
    unroll<0, pixels>([&](auto p) {
      T* to = y + p * c.y_strides.pixel;
      unroll<0, vectors - 1>([&](auto v) { store<Isa>(to + v * kLane, sum_[p][v]); });
      store_first<Isa>(to + (vectors - 1) * kLane, sum_[p][vectors - 1],
                       row.channels - (vectors - 1) * kLane);
    });
  }

  V sum_[pixels][vectors];
};

template <class Isa, class T, int vectors, bool depthwise>
void correlate_row(const Correlation<T>& c, const CorrelationRow<T>& row) {
  for_even_parts<(depthwise ? 4 : Isa::kPixels)>(c.w.out, [&](std::int64_t ox, auto pixels) {
    CorrelationTile<Isa, T, pixels, vectors, depthwise>::run(c, row, ox);
  });
}

template <class Isa, class T>
void correlate(const Correlation<T>& c, std::int64_t begin, std::int64_t end) {
  static_assert(Isa::kVectors == 2);
  constexpr std::int64_t kBlock = Isa::kVectors * kLanes<Isa, T>;
  const std::int64_t blocks = ceil_div(c.out_channels, kBlock);
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t oy = item % c.h.out;
    const std::int64_t block = item / c.h.out % blocks * kBlock;
    const std::int64_t group = item / (c.h.out * blocks) % c.groups;
    const std::int64_t n = item / (c.h.out * blocks * c.groups);
    const std::int64_t o = group * c.out_channels + block;
    const CorrelationRow<T> row{c.x + n * c.x_strides.image + (c.depthwise ? o : group * c.in_channels),
                                c.kernel + o,
                                c.end.bias == nullptr ? nullptr : c.end.bias + o,
                                c.end.y + n * c.y_strides.image + oy * c.y_strides.row + o,
                                oy * c.h.stride + c.h.offset,
                                smaller(c.out_channels - block, kBlock)};
    const bool wide = row.channels > kLanes<Isa, T>;
    if (c.depthwise)
      wide ? correlate_row<Isa, T, 2, true>(c, row) : correlate_row<Isa, T, 1, true>(c, row);
    else
      wide ? correlate_row<Isa, T, 2, false>(c, row) : correlate_row<Isa, T, 1, false>(c, row);
  }
}

}  // namespace
}  // namespace noyau::inline v0
