#pragma once
// y[n, oy, ox, o] = bias[o] + sum over r, s, c of x[n, oy + r - top, ox + s - left, c] * kernel[r, s, c, o] for 3x3
// kernels, by F(m x m, 3x3): with I, K, O of winograd_matrices.h and ' for the transpose,
//   X = I x I' for every tile and c,  U = K kernel K' for every c and o,
//   P[k, tile, o] = sum over c of X[k, tile, c] * U[k, c, o] for each of the (m + 2)^2 positions k,
//   y = O P O' for every tile and o.
// A work item owns a block of tiles and a part of the out channels. It transforms its tiles once; then, panel by panel of
// out channels, makes all the products of the block and ends them, so what it writes and reads again stays in L2.
#include "cpu/kernels/convolution_end.h"
#include "cpu/kernels/winograd_transform.h"

namespace noyau::inline v0 {
namespace {

// p[t, o] = sum over c < count of x[t, c] * u[c, o]; owns `rows` tiles times `vectors` of o, in registers. A panel of u
// has two vectors.
template <class Isa, int rows, int vectors, class T>
void winograd_product(const T* x, std::int64_t x_row, const T* u, std::int64_t count, T* p) {
  using V = Vector<Isa, T>;
  constexpr int kLane = kLanes<Isa, T>;
  V sum[rows][vectors];
  const T* from[rows];
  unroll<0, rows>([&](auto r) {
    from[r] = x + r * x_row;
    unroll<0, vectors>([&](auto v) { sum[r][v] = V{}; });
  });
  for (std::int64_t c = 0; c < count; ++c, u += 2 * kLane) {
    V weight[vectors];
    unroll<0, vectors>([&](auto v) { weight[v] = load<Isa>(u + v * kLane); });
    unroll<0, rows>(
        [&](auto r) { unroll<0, vectors>([&](auto v) { sum[r][v] += from[r][c] * weight[v]; }); });
  }
  unroll<0, rows>([&](auto r) {
    unroll<0, vectors>([&](auto v) { store<Isa>(p + r * 2 * kLane + v * kLane, sum[r][v]); });
  });
}

// Writes one vector of channels of the tile whose products begin at p.
template <class Isa, int m, class T>
void winograd_end_tile(const WinogradConvolution<T>& c, const WinogradTile& tile, std::int64_t o,
                       const T* p) {
  using V = Vector<Isa, T>;
  constexpr int kSpan = m + 2;
  const std::int64_t count = smaller(c.channels - o, kLanes<Isa, T>);
  const V bias = c.end.bias == nullptr ? V{} : load<Isa>(c.end.bias + o);
  const std::int64_t rows = c.height - tile.i * m;
  const std::int64_t columns = c.width - tile.j * m;
  const std::int64_t y_row = c.width * c.channels;
  T* y = c.end.y + (tile.n * c.height + tile.i * m) * y_row + tile.j * m * c.channels + o;
  const auto product = [&](auto i, auto j) { return load<Isa>(p + (i * kSpan + j) * c.y_plane); };
  // Apart, for the tests of each vector take as long as the transform.
  if (rows >= m && columns >= m && count == kLanes<Isa, T>) {
    const V floor = V{} + c.end.floor;
    const std::int64_t y_pixel = c.channels;
    transform<OutputTransform<m>, T, V>(product, [&](auto i, auto j, const V& value) {
      T* const to = y + i * y_row + j * y_pixel;
      V sum = value + bias;
      if (c.end.residual != nullptr) sum += load<Isa>(c.end.residual + (to - c.end.y));
      store<Isa>(to, floor > sum ? floor : sum);
    });
    return;
  }
  transform<OutputTransform<m>, T, V>(product, [&](auto i, auto j, const V& value) {
    if (i < rows && j < columns) end_vector<Isa>(c.end, y + i * y_row + j * c.channels, value + bias, count);
  });
}

template <class Isa, int m, class T>
void winograd_item(const WinogradConvolution<T>& c, std::int64_t item, T* scratch) {
  constexpr int kPlanes = (m + 2) * (m + 2);
  constexpr std::int64_t kLane = kLanes<Isa, T>;
  constexpr std::int64_t kPanel = 2 * kLane;
  constexpr int kHalf = Isa::kPixels / 2;
  const std::int64_t part = item % c.parts;
  const std::int64_t begin = item / c.parts * c.tiles.per_block;
  const std::int64_t end = smaller(begin + c.tiles.per_block, tile_count(c.tiles));
  T* products = scratch + kPlanes * c.x_plane;
  transform_tiles<InputTransform<m>, Isa>(c.x, c.tiles, begin, end, 0, c.x.channels, c.x_row, c.x_plane,
                                          scratch);
  const std::int64_t panels = ceil_div(c.channels, kPanel);
  for (std::int64_t panel = panels * part / c.parts; panel < panels * (part + 1) / c.parts; ++panel) {
    const std::int64_t o = panel * kPanel;
    const bool wide = c.channels - o > kLane;
    for (int k = 0; k < kPlanes; ++k) {
      const T* u = c.kernel + k * c.kernel_plane + o * c.x.channels;
      for (std::int64_t t = 0; t < end - begin; t += Isa::kPixels) {
        const T* x = scratch + k * c.x_plane + t * c.x_row;
        T* p = products + k * c.y_plane + t * kPanel;
        if (end - begin - t <= kHalf)
          wide ? winograd_product<Isa, kHalf, 2>(x, c.x_row, u, c.x.channels, p)
               : winograd_product<Isa, kHalf, 1>(x, c.x_row, u, c.x.channels, p);
        else
          wide ? winograd_product<Isa, Isa::kPixels, 2>(x, c.x_row, u, c.x.channels, p)
               : winograd_product<Isa, Isa::kPixels, 1>(x, c.x_row, u, c.x.channels, p);
      }
    }
    WinogradTile tile = winograd_tile(c.tiles, begin);
    for (std::int64_t t = begin; t < end; ++t, tile = next_tile(c.tiles, tile)) {
      const T* p = products + (t - begin) * kPanel;
      winograd_end_tile<Isa, m>(c, tile, o, p);
      if (wide) winograd_end_tile<Isa, m>(c, tile, o + kLane, p + kLane);
    }
  }
}

template <class Isa, class T>
void winograd_convolve(const WinogradConvolution<T>& c, std::int64_t begin, std::int64_t end, T* scratch) {
  for (std::int64_t item = begin; item < end; ++item) {
    if (c.tiles.outputs == 4)
      winograd_item<Isa, 4>(c, item, scratch);
    else
      winograd_item<Isa, 2>(c, item, scratch);
  }
}

template <class Isa, int m, class T>
void winograd_kernel_rows(std::int64_t ic, std::int64_t oc, const T* kernel, std::int64_t begin,
                          std::int64_t end, std::int64_t plane, T* transformed) {
  using V = Vector<Isa, T>;
  constexpr std::int64_t kPanel = 2 * kLanes<Isa, T>;
  for (std::int64_t c = begin; c < end; ++c) {
    for (std::int64_t o = 0; o < oc; o += kLanes<Isa, T>) {
      T* to = transformed + o / kPanel * kPanel * ic + c * kPanel + o % kPanel;
      transform<KernelTransform<m>, T, V>(
          [&](auto i, auto j) { return load<Isa>(kernel + ((i * 3 + j) * ic + c) * oc + o); },
          [&](auto i, auto j, const V& value) { store<Isa>(to + (i * (m + 2) + j) * plane, value); });
    }
  }
}

template <class Isa, class T>
void winograd_kernel(int outputs, std::int64_t ic, std::int64_t oc, const T* kernel, std::int64_t begin,
                     std::int64_t end, std::int64_t plane, T* transformed) {
  if (outputs == 4)
    winograd_kernel_rows<Isa, 4>(ic, oc, kernel, begin, end, plane, transformed);
  else
    winograd_kernel_rows<Isa, 2>(ic, oc, kernel, begin, end, plane, transformed);
}

}  // namespace
}  // namespace noyau::inline v0
