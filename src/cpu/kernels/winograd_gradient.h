#pragma once
// dkernel[r, s, c, o] = sum over n, oy, ox of x[n, oy + r - top, ox + s - left, c] * dy[n, oy, ox, o] for 3x3 kernels,
// the adjoint of winograd.h in its kernel:
//   X = I x I' for every tile and c,  D = O' dy O for every tile and o,
//   S[k, c, o] = sum over tiles of X[k, tile, c] * D[k, tile, o],  dkernel = K' S K for every c and o.
// A work item owns a slice of the tiles and a part of the out channels, with sums of its own; the number of slices
// depends on the shape alone, so the result does not depend on the threads.
#include "cpu/kernels/loops.h"
#include "cpu/kernels/winograd_transform.h"

namespace noyau::inline v0 {
namespace {

// sum[c, o] (+)= sum over tiles of x[t, c] * dy[t, o]; owns `rows` of c times `vectors` of o, in registers.
template <class Isa, int rows, int vectors, class T>
void winograd_gradient_product(std::int64_t tiles, const T* x, std::int64_t x_row, const T* dy,
                               std::int64_t dy_row, bool first, T* sum, std::int64_t sum_row) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  V total[rows][vectors];
  unroll<0, rows>([&](auto r) { unroll<0, vectors>([&](auto v) { total[r][v] = V{}; }); });
  for (std::int64_t t = 0; t < tiles; ++t, x += x_row, dy += dy_row) {
    V gradient[vectors];
    unroll<0, vectors>([&](auto v) { gradient[v] = load<Isa>(dy + v * kLane); });
    unroll<0, rows>([&](auto r) { unroll<0, vectors>([&](auto v) { total[r][v] += x[r] * gradient[v]; }); });
  }
  unroll<0, rows>([&](auto r) {
    unroll<0, vectors>([&](auto v) {
      T* to = sum + r * sum_row + v * kLane;
      store<Isa>(to, first ? total[r][v] : load<Isa>(to) + total[r][v]);
    });
  });
}

template <class Isa, int m, class T>
void winograd_sums_item(const WinogradGradient<T>& g, std::int64_t item, T* scratch) {
  constexpr int kPlanes = (m + 2) * (m + 2);
  constexpr std::int64_t kPanel = 2 * kLanes<Isa, T>;
  const std::int64_t part = item % g.parts;
  const std::int64_t slice = item / g.parts;
  const std::int64_t panels = ceil_div(g.dy.channels, kPanel);
  const std::int64_t o_begin = panels * part / g.parts * kPanel;
  const std::int64_t o_end = smaller(panels * (part + 1) / g.parts * kPanel, g.dy.channels);
  const std::int64_t count = tile_count(g.tiles);
  const std::int64_t slice_begin = count * slice / g.slices;
  const std::int64_t slice_end = count * (slice + 1) / g.slices;
  T* gradients = scratch + kPlanes * g.x_plane;
  for (std::int64_t begin = slice_begin; begin < slice_end; begin += g.tiles.per_block) {
    const std::int64_t end = smaller(begin + g.tiles.per_block, slice_end);
    transform_tiles<InputTransform<m>, Isa>(g.x, g.tiles, begin, end, 0, g.x.channels, g.x_row, g.x_plane,
                                            scratch);
    transform_tiles<OutputGradientTransform<m>, Isa>(g.dy, g.tiles, begin, end, o_begin, o_end - o_begin,
                                                     g.dy_row, g.dy_plane, gradients);
    for (int k = 0; k < kPlanes; ++k) {
      const T* x = scratch + k * g.x_plane;
      const T* dy = gradients + k * g.dy_plane;
      T* sums = g.sums + slice * g.slice_size + k * g.sum_plane + o_begin;
      for (std::int64_t o = 0; o < o_end - o_begin; o += kPanel) {
        const bool wide = o_end - o_begin - o > kPanel / 2;
        const auto product = wide ? winograd_gradient_product<Isa, Isa::kPixels, 2, T>
                                  : winograd_gradient_product<Isa, Isa::kPixels, 1, T>;
        for (std::int64_t c = 0; c < g.x.channels; c += Isa::kPixels)
          product(end - begin, x + c, g.x_row, dy + o, g.dy_row, begin == slice_begin,
                  sums + c * g.sum_row + o, g.sum_row);
      }
    }
  }
}

template <class Isa, class T>
void winograd_sums(const WinogradGradient<T>& g, std::int64_t begin, std::int64_t end, T* scratch) {
  for (std::int64_t item = begin; item < end; ++item) {
    if (g.tiles.outputs == 4)
      winograd_sums_item<Isa, 4>(g, item, scratch);
    else
      winograd_sums_item<Isa, 2>(g, item, scratch);
  }
}

template <class Isa, int m, class T>
void winograd_kernel_gradient_rows(const WinogradGradient<T>& g, std::int64_t begin, std::int64_t end,
                                   T* dkernel) {
  using V = Vector<Isa, T>;
  const std::int64_t oc = g.dy.channels;
  for (std::int64_t c = begin; c < end; ++c) {
    for (std::int64_t o = 0; o < oc; o += kLanes<Isa, T>) {
      const T* sums = g.sums + c * g.sum_row + o;
      T* to = dkernel + c * oc + o;
      const std::int64_t count = smaller(oc - o, kLanes<Isa, T>);
      transform<KernelGradientTransform<m>, T, V>(
          [&](auto i, auto j) {
            return pairwise_vector_sum<Isa>(sums + (i * (m + 2) + j) * g.sum_plane, g.slices, g.slice_size);
          },
          [&](auto i, auto j, const V& value) {
            store_first<Isa>(to + (i * 3 + j) * g.x.channels * oc, value, count);
          });
    }
  }
}

template <class Isa, class T>
void winograd_kernel_gradient(const WinogradGradient<T>& g, std::int64_t begin, std::int64_t end,
                              T* dkernel) {
  if (g.tiles.outputs == 4)
    winograd_kernel_gradient_rows<Isa, 4>(g, begin, end, dkernel);
  else
    winograd_kernel_gradient_rows<Isa, 2>(g, begin, end, dkernel);
}

}  // namespace
}  // namespace noyau::inline v0
