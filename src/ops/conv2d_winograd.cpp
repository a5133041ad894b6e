#include "ops/conv2d_winograd.h"

#include <algorithm>

#include "cpu/isa.h"
#include "kernel_trace.h"
#include "memory.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kTilesPerBlock = 32;  // their transforms stay in L2
constexpr std::int64_t kWantedItems = 16;    // for threads to share
constexpr std::int64_t kPanelsPerPart = 2;   // at least: each part transforms x anew
constexpr std::int64_t kMaxSumBytes = 5
                                      << 19;  // of the slices of a kernel gradient, which are read once more
constexpr std::int64_t kTilesPerSlice = 128;  // at least
constexpr std::int64_t kKernelRowsPerPart = 16;  // of in channels

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

// Planes are a cache line apart from a round size, so that the cells of one tile do not share a cache set.
template <class T>
std::int64_t padded_plane(std::int64_t size) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  return round_up(size, kLine) + kLine;
}

std::int64_t planes(const WinogradTiles& tiles) {
  return static_cast<std::int64_t>(tiles.outputs + 2) * (tiles.outputs + 2);
}

template <class T>
WinogradTiles make_tiles(int outputs, std::int64_t images, std::int64_t height, std::int64_t width) {
  return {outputs, images, ceil_div(height, outputs), ceil_div(width, outputs),
          round_up(kTilesPerBlock, isa<T>().winograd_multiple)};
}

std::int64_t tile_count(const WinogradTiles& tiles) { return tiles.images * tiles.rows * tiles.columns; }

// What tiles read outside an image.
template <class T>
class Zeros {
 public:
  explicit Zeros(std::int64_t channels) : buffer_(channels + isa<T>().channels_per_block) {
    std::fill_n(buffer_.data(), channels + isa<T>().channels_per_block, T(0));
  }
  const T* data() const { return buffer_.data(); }

 private:
  Buffer<T> buffer_;
};

// Parts of the out channels that give threads enough items, without more transforms than need be.
template <class T>
std::int64_t out_parts(std::int64_t channels, std::int64_t blocks) {
  const std::int64_t panels = ceil_div(channels, isa<T>().channels_per_block);
  return std::clamp<std::int64_t>(kWantedItems / blocks, 1,
                                  std::max<std::int64_t>(1, panels / kPanelsPerPart));
}

// y = x correlated with kernel [3, 3, x.channels, channels], plus bias.
template <class T>
void convolve(int outputs, std::int64_t images, const TiledImages<T>& x, const T* kernel,
              const ConvolutionEnd<T>& end, std::int64_t height, std::int64_t width, std::int64_t channels) {
  const IsaTable<T>& table = isa<T>();
  WinogradConvolution<T> c{};
  c.tiles = make_tiles<T>(outputs, images, height, width);
  const std::int64_t blocks = ceil_div(tile_count(c.tiles), c.tiles.per_block);
  c.parts = out_parts<T>(channels, blocks);
  c.x = x;
  c.end = end;
  c.height = height;
  c.width = width;
  c.channels = channels;
  c.x_row = round_up(x.channels, table.channels_per_block / 2);
  c.x_plane = padded_plane<T>(c.tiles.per_block * c.x_row);
  c.y_plane = padded_plane<T>(c.tiles.per_block * table.channels_per_block);
  c.kernel_plane = padded_plane<T>(x.channels * round_up(channels, table.channels_per_block));
  const Buffer<T> transformed(planes(c.tiles) * c.kernel_plane);
  parallel_for(x.channels, kKernelRowsPerPart, [&](std::int64_t begin, std::int64_t stop) {
    table.winograd_kernel(outputs, x.channels, channels, kernel, begin, stop, c.kernel_plane,
                          transformed.data());
  });
  c.kernel = transformed.data();
  parallel_for(blocks * c.parts, 1, [&](std::int64_t begin, std::int64_t stop) {
    const Buffer<T> scratch(planes(c.tiles) * (c.x_plane + c.y_plane));
    table.winograd_convolve(c, begin, stop, scratch.data());
  });
}

}  // namespace

template <class T>
void winograd_forward(const Conv2dDims& d, int outputs, const T* x, const T* kernel, const T* bias, T* y) {
  trace_kernel(outputs == 4 ? "conv2d_forward/winograd4" : "conv2d_forward/winograd2");
  const Zeros<T> zeros(d.ic);
  convolve<T>(outputs, d.n, {x, d.ih, d.iw, d.ic, d.top, d.left, zeros.data()}, kernel, {bias, y}, d.oh, d.ow,
              d.oc);
}

template <class T>
void winograd_dinput(const Conv2dDims& d, int outputs, const T* dy, const T* flipped, const T* bias, T* dx) {
  trace_kernel(outputs == 4 ? "conv2d_dinput/winograd4" : "conv2d_dinput/winograd2");
  const Zeros<T> zeros(d.oc);
  convolve<T>(outputs, d.n, {dy, d.oh, d.ow, d.oc, 2 - d.top, 2 - d.left, zeros.data()}, flipped, {bias, dx},
              d.ih, d.iw, d.ic);
}

template <class T>
void winograd_dkernel(const Conv2dDims& d, int outputs, const T* x, const T* dy, T* dkernel) {
  trace_kernel(outputs == 4 ? "conv2d_dkernel/winograd4" : "conv2d_dkernel/winograd2");
  const IsaTable<T>& table = isa<T>();
  const Zeros<T> zeros(std::max(d.ic, d.oc));
  WinogradGradient<T> g{};
  g.tiles = make_tiles<T>(outputs, d.n, d.oh, d.ow);
  g.x = {x, d.ih, d.iw, d.ic, d.top, d.left, zeros.data()};
  g.dy = {dy, d.oh, d.ow, d.oc, 0, 0, zeros.data()};
  g.sum_row = round_up(d.oc, table.channels_per_block);
  g.sum_plane = round_up(d.ic, table.winograd_multiple) * g.sum_row;
  g.slice_size = planes(g.tiles) * g.sum_plane;
  const std::int64_t affordable = kMaxSumBytes / (g.slice_size * static_cast<std::int64_t>(sizeof(T)));
  g.slices =
      std::clamp<std::int64_t>(std::min(tile_count(g.tiles) / kTilesPerSlice, affordable), 1, kWantedItems);
  g.parts = out_parts<T>(d.oc, g.slices);
  g.x_row = round_up(d.ic, table.channels_per_block / 2);
  g.x_plane = padded_plane<T>(g.tiles.per_block * g.x_row);
  g.dy_row = ceil_div(g.sum_row / table.channels_per_block, g.parts) * table.channels_per_block;
  g.dy_plane = padded_plane<T>(g.tiles.per_block * g.dy_row);
  const Buffer<T> sums(g.slices * g.slice_size);
  g.sums = sums.data();
  parallel_for(g.slices * g.parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const Buffer<T> scratch(planes(g.tiles) * (g.x_plane + g.dy_plane));
    table.winograd_sums(g, begin, end, scratch.data());
  });
  parallel_for(d.ic, kKernelRowsPerPart, [&](std::int64_t begin, std::int64_t end) {
    table.winograd_kernel_gradient(g, begin, end, dkernel);
  });
}

template void winograd_forward(const Conv2dDims&, int, const float*, const float*, const float*, float*);
template void winograd_forward(const Conv2dDims&, int, const double*, const double*, const double*, double*);
template void winograd_dinput(const Conv2dDims&, int, const float*, const float*, const float*, float*);
template void winograd_dinput(const Conv2dDims&, int, const double*, const double*, const double*, double*);
template void winograd_dkernel(const Conv2dDims&, int, const float*, const float*, float*);
template void winograd_dkernel(const Conv2dDims&, int, const double*, const double*, double*);

}  // namespace noyau::inline v0
