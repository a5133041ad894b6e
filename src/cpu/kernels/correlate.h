#pragma once
// y[n, oy, ox, o] = bias[o] + sum over ty, tx, c of x[n, iy, ix, c] * kernel[ty, tx, c, o], with
// iy = oy * h.stride + ty * h.dilation + h.offset and ix alike; what lies outside x counts as 0.
#include "cpu/kernels/convolution_axis.h"
#include "cpu/kernels/convolution_end.h"

namespace noyau::inline v0 {
namespace {

// One row of outputs times one block of channels: pointers to its image, group and block.
template <class T>
struct CorrelationRow {
  const T* x;
  const T* kernel;
  const T* bias;
  T* y;
  TapRange taps;          // vertical ones inside x
  std::int64_t iy;        // input row of tap 0
  std::int64_t channels;  // of the block
};

// Row oy of image n: in channels from i, out channels [o, o + channels).
template <class T>
CorrelationRow<T> correlation_row(const Correlation<T>& c, std::int64_t n, std::int64_t oy, std::int64_t i,
                                  std::int64_t o, std::int64_t channels) {
  return {c.x + n * c.x_strides.image + i,
          c.kernel + o,
          c.end.bias == nullptr ? nullptr : c.end.bias + o,
          c.end.y + n * c.y_strides.image + oy * c.y_strides.row + o,
          taps_inside(c.h, oy),
          oy * c.h.stride + c.h.offset,
          channels};
}

constexpr int kDepthwisePixels = 4;     // of a tile
constexpr std::int64_t kLongRow = 128;  // products

// A tile owns `pixels` neighbours of the row times `vectors` of channels, in registers.
template <class Isa, class T, int pixels, int vectors>
class CorrelationTile {
 public:
  static void run(const Correlation<T>& c, const CorrelationRow<T>& row, std::int64_t ox) {
    CorrelationTile tile;
    unroll<0, pixels>(
        [&](auto p) { unroll<0, vectors>([&](auto v) { tile.sum_[p][v] = tile.before_[p][v] = V{}; }); });
    const ConvAxis& w = c.w;
    const std::int64_t left = ox * w.stride + w.offset;
    const std::int64_t right = left + (pixels - 1) * w.stride + (w.taps - 1) * w.dilation;
    const bool inside = left >= 0 && right < w.in;
    const bool joined = w.dilation == 1 && c.kernel_column == c.in_channels * c.kernel_channel &&
                        c.x_strides.pixel == c.in_channels;
    const bool apart = w.taps * c.in_channels >= kLongRow;
    for (std::int64_t ty = row.taps.first; ty < row.taps.last; ++ty) {
      const T* x = row.x + (row.iy + ty * c.h.dilation) * c.x_strides.row;
      const T* kernel = row.kernel + ty * c.kernel_row;
      if (apart && ty > row.taps.first) tile.begin_row();
      if (inside && joined) {
        tile.template add<0, pixels>(c, x + left * c.x_strides.pixel, kernel, w.taps * c.in_channels);
        continue;
      }
      for (std::int64_t tx = 0; tx < w.taps; ++tx)
        tile.add_tap(c, x, left + tx * w.dilation, kernel + tx * c.kernel_column);
    }
    if (apart) tile.join_rows();
    end_tile<Isa>(c.end, tile.sum_, row.bias, row.y + ox * c.y_strides.pixel, c.y_strides.pixel,
                  row.channels);
  }

 private:
  using V = Vector<Isa, T>;

  // Long rows of taps are summed apart, which halves the rounding of many channels.
  [[gnu::always_inline]] void begin_row() {
    unroll<0, pixels>([&](auto p) {
      unroll<0, vectors>([&](auto v) {
        before_[p][v] += sum_[p][v];
        sum_[p][v] = V{};
      });
    });
  }
  [[gnu::always_inline]] void join_rows() {
    unroll<0, pixels>([&](auto p) { unroll<0, vectors>([&](auto v) { sum_[p][v] += before_[p][v]; }); });
  }

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
      unroll<first, last>(
          [&](auto p) { unroll<0, vectors>([&](auto v) { sum_[p][v] += from[p][i] * weight[v]; }); });
    }
  }

  V sum_[pixels][vectors];
  V before_[pixels][vectors];
};

template <class Isa, class T, int vectors>
void correlate_row(const Correlation<T>& c, const CorrelationRow<T>& row) {
  for_even_parts<Isa::kPixels>(c.w.out, [&](std::int64_t ox, auto pixels) {
    CorrelationTile<Isa, T, pixels, vectors>::run(c, row, ox);
  });
}

// A depthwise tile: y[ox, o] = bias[o] + sum over ty, tx of x[iy, ix, o] * kernel[ty, tx, o]. Pixels outside are read from
// the zeros, so that there is one way through the loop and the sums stay in registers.
template <class Isa, int pixels, int vectors, class T>
void depthwise_tile(const Correlation<T>& c, const CorrelationRow<T>& row, std::int64_t ox) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  V sum[pixels][vectors];
  unroll<0, pixels>([&](auto p) { unroll<0, vectors>([&](auto v) { sum[p][v] = V{}; }); });
  for (std::int64_t ty = row.taps.first; ty < row.taps.last; ++ty) {
    const T* x = row.x + (row.iy + ty * c.h.dilation) * c.x_strides.row;
    const T* kernel = row.kernel + ty * c.kernel_row;
    std::int64_t left = ox * c.w.stride + c.w.offset;
    for (std::int64_t tx = 0; tx < c.w.taps; ++tx, left += c.w.dilation, kernel += c.kernel_column) {
      V weight[vectors];
      unroll<0, vectors>([&](auto v) { weight[v] = load<Isa>(kernel + v * kLane); });
      unroll<0, pixels>([&](auto p) {
        const std::int64_t ix = left + p * c.w.stride;
        const T* from = ix >= 0 && ix < c.w.in ? x + ix * c.x_strides.pixel : c.zeros;
        unroll<0, vectors>([&](auto v) { sum[p][v] += load<Isa>(from + v * kLane) * weight[v]; });
      });
    }
  }
  end_tile<Isa>(c.end, sum, row.bias, row.y + ox * c.y_strides.pixel, c.y_strides.pixel, row.channels);
}

// Every channel of one row: tile by tile, so that x is read in the order it lies in memory.
template <class Isa, class T>
void depthwise_row(const Correlation<T>& c, std::int64_t n, std::int64_t oy) {
  constexpr std::int64_t kBlock = Isa::kVectors * kLanes<Isa, T>;
  const CorrelationRow<T> row = correlation_row(c, n, oy, 0, 0, c.out_channels);
  for_even_parts<kDepthwisePixels>(c.w.out, [&](std::int64_t ox, auto pixels) {
    for (std::int64_t o = 0; o < c.out_channels; o += kBlock) {
      CorrelationRow<T> block = row;
      block.x += o;
      block.kernel += o;
      if (block.bias != nullptr) block.bias += o;
      block.y += o;
      block.channels = smaller(c.out_channels - o, kBlock);
      if (block.channels > kLanes<Isa, T>)
        depthwise_tile<Isa, pixels, 2>(c, block, ox);
      else
        depthwise_tile<Isa, pixels, 1>(c, block, ox);
    }
  });
}

template <class Isa, class T>
void correlate(const Correlation<T>& c, std::int64_t begin, std::int64_t end) {
  static_assert(Isa::kVectors == 2);
  constexpr std::int64_t kBlock = Isa::kVectors * kLanes<Isa, T>;
  const std::int64_t blocks = ceil_div(c.out_channels, kBlock);
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t oy = item % c.h.out;
    if (c.depthwise) {
      depthwise_row<Isa>(c, item / c.h.out, oy);
      continue;
    }
    const std::int64_t block = item / c.h.out % blocks * kBlock;
    const std::int64_t group = item / (c.h.out * blocks) % c.groups;
    const std::int64_t n = item / (c.h.out * blocks * c.groups);
    const std::int64_t channels = smaller(c.out_channels - block, kBlock);
    const CorrelationRow<T> row =
        correlation_row(c, n, oy, group * c.in_channels, group * c.out_channels + block, channels);
    if (channels > kLanes<Isa, T>)
      correlate_row<Isa, T, 2>(c, row);
    else
      correlate_row<Isa, T, 1>(c, row);
  }
}

}  // namespace
}  // namespace noyau::inline v0
