#pragma once
// dkernel[ty, tx, c, o] = sum over n, oy, ox of x[n, iy, ix, c] * dy[n, oy, ox, o], with iy and ix as in correlate.h.
// Chunks of images or rows are dealt to a fixed number of slices, each with a sum of its own.
#include "cpu/kernels/convolution_axis.h"

namespace noyau::inline v0 {
namespace {

constexpr int kDepthwiseTaps = 3;  // of a tile

// Pixels over which one tile sums, and the distances between them in x (stride included) and dy; and in x of two taps.
struct PixelBox {
  std::int64_t images;
  std::int64_t rows;
  std::int64_t columns;
  ImageStrides x;
  ImageStrides dy;
  std::int64_t tap;
};

// sum[r, o] += x[r] * dy[o] over the box, or if depthwise x[r, o] * dy[o] with r a tap; a tile owns `rows` x `vectors` of
// the sum, in registers: apart from its callers, for GCC keeps only part of it there once it is inlined for AVX2.
template <class Isa, int rows, int vectors, bool depthwise, class T>
[[gnu::noinline]] void kernel_gradient_tile(const PixelBox& box, const T* x, const T* dy,
                                            std::int64_t channels, T* sum, std::int64_t sum_row) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  V total[rows][vectors];
  unroll<0, rows>([&](auto r) { unroll<0, vectors>([&](auto v) { total[r][v] = V{}; }); });
  for (std::int64_t n = 0; n < box.images; ++n) {
    for (std::int64_t row = 0; row < box.rows; ++row) {
      const T* from = x + n * box.x.image + row * box.x.row;
      const T* with = dy + n * box.dy.image + row * box.dy.row;
      for (std::int64_t column = 0; column < box.columns;
           ++column, from += box.x.pixel, with += box.dy.pixel) {
        V gradient[vectors];
        unroll<0, vectors>([&](auto v) { gradient[v] = load<Isa>(with + v * kLane); });
        unroll<0, rows>([&](auto r) {
          unroll<0, vectors>([&](auto v) {
            if constexpr (depthwise)
              total[r][v] += load<Isa>(from + r * box.tap + v * kLane) * gradient[v];
            else
              total[r][v] += from[r] * gradient[v];
          });
        });
      }
    }
  }
  unroll<0, rows>([&](auto r) {
    T* to = sum + r * sum_row;
    unroll<0, vectors>([&](auto v) {
      const std::int64_t count = smaller(channels - v * kLane, kLane);
      store_first<Isa>(to + v * kLane, load_first<Isa>(to + v * kLane, count) + total[r][v], count);
    });
  });
}

// All in channels [0, count), counted along (tx, c), and all out channels of one group.
template <class Isa, class T>
void kernel_gradient_span(const KernelGradient<T>& g, const PixelBox& box, const T* x, const T* dy,
                          std::int64_t count, T* sum) {
  constexpr std::int64_t kBlock = Isa::kVectors * kLanes<Isa, T>;
  const std::int64_t sum_row = g.groups * g.out_channels;
  for (std::int64_t o = 0; o < g.out_channels; o += kBlock) {
    const std::int64_t channels = smaller(g.out_channels - o, kBlock);
    const bool wide = channels > kLanes<Isa, T>;
    if (g.depthwise) {
      for_even_parts<kDepthwiseTaps>(count, [&](std::int64_t tap, auto rows) {
        const auto tile =
            wide ? kernel_gradient_tile<Isa, rows, 2, true, T> : kernel_gradient_tile<Isa, rows, 1, true, T>;
        tile(box, x + tap * box.tap + o, dy + o, channels, sum + tap * sum_row + o, sum_row);
      });
      continue;
    }
    for_even_parts<Isa::kKernelRows>(count, [&](std::int64_t c, auto rows) {
      if (wide)
        kernel_gradient_tile<Isa, rows, 2, false>(box, x + c, dy + o, channels, sum + c * sum_row + o,
                                                  sum_row);
      else
        kernel_gradient_tile<Isa, rows, 1, false>(box, x + c, dy + o, channels, sum + c * sum_row + o,
                                                  sum_row);
    });
  }
}

// Adds one chunk of images and rows [oy, oy_end) to the sums of vertical tap ty.
template <class Isa, class T>
void kernel_gradient_chunk(const KernelGradient<T>& g, std::int64_t n, std::int64_t images, std::int64_t oy,
                           std::int64_t oy_end, std::int64_t ty, T* sum) {
  const ConvAxis& w = g.w;
  const T* x =
      g.x + n * g.x_strides.image + (oy * g.h.stride + ty * g.h.dilation + g.h.offset) * g.x_strides.row;
  const T* dy = g.dy + n * g.dy_strides.image + oy * g.dy_strides.row;
  const auto span = [&](std::int64_t group, TapRange taps, std::int64_t ox, std::int64_t ox_end) {
    const std::int64_t ix = ox * w.stride + taps.first * w.dilation + w.offset;
    const PixelBox box{
        images,       oy_end - oy,
        ox_end - ox,  {g.x_strides.image, g.h.stride * g.x_strides.row, w.stride * g.x_strides.pixel},
        g.dy_strides, w.dilation * g.x_strides.pixel};
    const std::int64_t row = taps.first * g.in_channels;
    kernel_gradient_span<Isa>(g, box, x + ix * g.x_strides.pixel + group * g.in_channels,
                              dy + ox * g.dy_strides.pixel + group * g.out_channels,
                              (taps.last - taps.first) * g.in_channels,
                              sum + row * g.groups * g.out_channels + group * g.out_channels);
  };
  const bool joined = g.depthwise || (w.dilation == 1 && g.x_strides.pixel == g.in_channels &&
                                      g.in_channels < Isa::kKernelRows);
  if (!joined) {
    for (std::int64_t tx = 0; tx < w.taps; ++tx) {
      const TapRange ox = outputs_inside(w, tx);
      for (std::int64_t group = 0; group < g.groups && ox.first < ox.last; ++group)
        span(group, {tx, tx + 1}, ox.first, ox.last);
    }
    return;
  }
  // Neighbouring taps share a tile if depthwise, or with few in channels, which are neighbours in x too.
  for (std::int64_t ox = 0; ox < w.out;) {
    const TapRange taps = taps_inside(w, ox);
    std::int64_t ox_end = ox + 1;
    for (; ox_end < w.out; ++ox_end) {
      const TapRange next = taps_inside(w, ox_end);
      if (next.first != taps.first || next.last != taps.last) break;
    }
    if (taps.first < taps.last) span(0, taps, ox, ox_end);
    ox = ox_end;
  }
}

template <class Isa, class T>
void kernel_gradient(const KernelGradient<T>& g, std::int64_t begin, std::int64_t end) {
  const std::int64_t row_chunks = ceil_div(g.h.out, g.rows_per_chunk);
  const std::int64_t chunks = row_chunks * ceil_div(g.images, g.images_per_chunk);
  const std::int64_t plane = g.slice_size / g.h.taps;
  const std::int64_t parts = g.h.taps / g.taps_per_item;
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t first_tap = item % parts * g.taps_per_item;
    const std::int64_t slice = item / parts;
    T* const sums = g.sums + slice * g.slice_size + first_tap * plane;
    for (std::int64_t i = 0; i < g.taps_per_item * plane; ++i) sums[i] = 0;
    for (std::int64_t chunk = chunks * slice / g.slices; chunk < chunks * (slice + 1) / g.slices; ++chunk) {
      const std::int64_t n = chunk / row_chunks * g.images_per_chunk;
      const std::int64_t row = chunk % row_chunks * g.rows_per_chunk;
      const std::int64_t images = smaller(g.images_per_chunk, g.images - n);
      for (std::int64_t tap = 0; tap < g.taps_per_item; ++tap) {
        const TapRange inside = outputs_inside(g.h, first_tap + tap);
        const std::int64_t oy = larger(row, inside.first);
        const std::int64_t oy_end = smaller(row + g.rows_per_chunk, inside.last);
        if (oy < oy_end)
          kernel_gradient_chunk<Isa>(g, n, images, oy, oy_end, first_tap + tap, sums + tap * plane);
      }
    }
  }
}

}  // namespace
}  // namespace noyau::inline v0
