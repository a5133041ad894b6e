#include "ops/conv2d_winograd.h"

#include <algorithm>

#include "kernel_trace.h"
#include "noyau/parallel.h"
#include "ops/conv2d_kernels.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kTilesPerBlock = 32;  // their transforms stay in L2
constexpr std::int64_t kWantedBlocks = 4;    // though each reads the whole kernel
constexpr std::int64_t kWantedItems = 16;    // for threads to share
constexpr std::int64_t kPanelsPerPart = 2;   // at least, where blocks suffice: each part transforms x anew
constexpr std::int64_t kMaxSumBytes = 5
                                      << 19;  // of the slices of a kernel gradient, which are read once more
constexpr std::int64_t kTilesPerSlice = 128;  // at least
constexpr std::int64_t kMaxGradientBytes = 640
                                           << 10;  // of the transforms of a block, where more tiles fit L2
constexpr std::int64_t kKernelRowsPerPart = 16;    // of in channels

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

std::int64_t tile_count(const WinogradTiles& tiles) { return tiles.images * tiles.rows * tiles.columns; }

// Few tiles make smaller blocks, for threads to share.
template <class T>
WinogradTiles make_tiles(int outputs, std::int64_t images, std::int64_t height, std::int64_t width,
                         Sharing sharing = Sharing::threads) {
  WinogradTiles tiles{outputs, images, ceil_div(height, outputs), ceil_div(width, outputs), 0};
  const std::int64_t wanted = sharing == Sharing::threads ? kWantedBlocks : 1;
  const std::int64_t shared = std::min(kTilesPerBlock, ceil_div(tile_count(tiles), wanted));
  tiles.per_block = round_up(shared, isa<T>().winograd_multiple);
  return tiles;
}

// What tiles read outside an image.
template <class T>
class Zeros {
 public:
  explicit Zeros(std::int64_t channels) : buffer_(channels + isa<T>().channels_per_block) {
    std::fill_n(buffer_.data(), channels + isa<T>().channels_per_block, T(0));
  }
  const T* data() const { return buffer_.data(); }

 private:
  WorkBuffer<T> buffer_;
};

// Parts of the out channels that give threads enough items, without more transforms than need be.
template <class T>
std::int64_t out_parts(std::int64_t channels, std::int64_t blocks) {
  const std::int64_t panels = ceil_div(channels, isa<T>().channels_per_block);
  const std::int64_t least = blocks < kWantedBlocks ? 1 : kPanelsPerPart;
  return std::clamp<std::int64_t>(kWantedItems / blocks, 1, std::max<std::int64_t>(1, panels / least));
}

// y = x correlated with kernel [3, 3, x.channels, channels], plus bias.
template <class T>
void convolve(int outputs, std::int64_t images, const TiledImages<T>& x, const WinogradKernel<T>& kernel,
              const ConvolutionEnd<T>& end, std::int64_t height, std::int64_t width, std::int64_t channels,
              Sharing sharing) {
  const IsaTable<T>& table = isa<T>();
  WinogradConvolution<T> c{};
  c.tiles = make_tiles<T>(outputs, images, height, width, sharing);
  const std::int64_t blocks = ceil_div(tile_count(c.tiles), c.tiles.per_block);
  c.parts = sharing == Sharing::threads ? out_parts<T>(channels, blocks) : 1;
  c.x = x;
  c.end = end;
  c.height = height;
  c.width = width;
  c.channels = channels;
  c.x_row = round_up(x.channels, table.channels_per_block / 2);
  c.x_plane = padded_plane<T>(c.tiles.per_block * c.x_row);
  c.y_plane = padded_plane<T>(c.tiles.per_block * table.channels_per_block);
  c.kernel_plane = kernel.plane();
  c.kernel = kernel.data();
  parallel_for(blocks * c.parts, 1, [&](std::int64_t begin, std::int64_t stop) {
    const WorkBuffer<T> scratch(planes(c.tiles) * (c.x_plane + c.y_plane));
    table.winograd_convolve(c, begin, stop, scratch.data());
  });
}

// What a kernel's storage keeps: for elements at `offset` as they were at `version`.
template <class T>
struct KeptKernel : Derived {
  KeptKernel(const Tensor& tensor, int per_tile)
      : table(&isa<T>()),
        outputs(per_tile),
        version(tensor.version()),
        offset(tensor.impl()->offset),
        shape(tensor.shape()),
        kernel(outputs, tensor.dim(2), tensor.dim(3), tensor.device_data<T>()) {}

  bool is_of(const Tensor& tensor, int per_tile) const {
    return table == &isa<T>() && outputs == per_tile && version == tensor.version() &&
           offset == tensor.impl()->offset && shape == tensor.shape();
  }

  const IsaTable<T>* table;
  int outputs;
  std::uint64_t version;
  std::int64_t offset;
  Shape shape;
  WinogradKernel<T> kernel;
};

}  // namespace

template <class T>
WinogradKernel<T>::WinogradKernel(int outputs, std::int64_t ic, std::int64_t oc, const T* kernel)
    : plane_(padded_plane<T>(ic * round_up(oc, isa<T>().channels_per_block))),
      planes_((outputs + 2) * (outputs + 2) * plane_) {
  parallel_for(ic, kKernelRowsPerPart, [&](std::int64_t begin, std::int64_t end) {
    isa<T>().winograd_kernel(outputs, ic, oc, kernel, begin, end, plane_, planes_.data());
  });
}

template <class T>
std::shared_ptr<const WinogradKernel<T>> winograd_kernel_of(const Tensor& kernel, int outputs) {
  Storage& storage = *kernel.impl()->storage;
  std::shared_ptr<const KeptKernel<T>> kept;
  {
    const std::lock_guard lock(storage.derived_mutex);
    kept = std::dynamic_pointer_cast<const KeptKernel<T>>(storage.derived);
  }
  if (kept == nullptr || !kept->is_of(kernel, outputs)) {
    kept = std::make_shared<const KeptKernel<T>>(kernel, outputs);
    const std::lock_guard lock(storage.derived_mutex);
    storage.derived = kept;
  }
  return {kept, &kept->kernel};
}

template <class T>
void winograd_forward(const Conv2dDims& d, int outputs, const T* x, const WinogradKernel<T>& kernel,
                      const ConvolutionEnd<T>& end, Sharing sharing) {
  trace_kernel(outputs == 4 ? "conv2d_forward/winograd4" : "conv2d_forward/winograd2");
  const Zeros<T> zeros(d.ic);
  convolve<T>(outputs, d.n, {x, d.ih, d.iw, d.ic, d.top, d.left, zeros.data()}, kernel, end, d.oh, d.ow, d.oc,
              sharing);
}

template <class T>
void winograd_dinput(const Conv2dDims& d, int outputs, const T* dy, const WinogradKernel<T>& flipped,
                     const T* bias, T* dx, Sharing sharing) {
  trace_kernel(outputs == 4 ? "conv2d_dinput/winograd4" : "conv2d_dinput/winograd2");
  const Zeros<T> zeros(d.oc);
  convolve<T>(outputs, d.n, {dy, d.oh, d.ow, d.oc, 2 - d.top, 2 - d.left, zeros.data()}, flipped,
              plain_end(bias, dx), d.ih, d.iw, d.ic, sharing);
}

template <class T>
void winograd_dkernel(const Conv2dDims& d, int outputs, const T* x, const T* dy, T* dkernel,
                      Sharing sharing) {
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
  const std::int64_t wanted = sharing == Sharing::threads ? kWantedItems : 1;
  g.slices = std::clamp<std::int64_t>(std::min(tile_count(g.tiles) / kTilesPerSlice, affordable), 1, wanted);
  g.parts = sharing == Sharing::threads ? out_parts<T>(d.oc, g.slices) : 1;
  g.x_row = round_up(d.ic, table.channels_per_block / 2);
  g.dy_row = ceil_div(g.sum_row / table.channels_per_block, g.parts) * table.channels_per_block;
  const std::int64_t tile_bytes =
      planes(g.tiles) * (g.x_row + g.dy_row) * static_cast<std::int64_t>(sizeof(T));
  while (g.tiles.per_block < kTilesPerSlice / 2 && 2 * g.tiles.per_block * tile_bytes <= kMaxGradientBytes)
    g.tiles.per_block *= 2;  // the sums are read and written once for each block
  g.x_plane = padded_plane<T>(g.tiles.per_block * g.x_row);
  g.dy_plane = padded_plane<T>(g.tiles.per_block * g.dy_row);
  const WorkBuffer<T> sums(g.slices * g.slice_size);
  g.sums = sums.data();
  parallel_for(g.slices * g.parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const WorkBuffer<T> scratch(planes(g.tiles) * (g.x_plane + g.dy_plane));
    table.winograd_sums(g, begin, end, scratch.data());
  });
  parallel_for(d.ic, kKernelRowsPerPart, [&](std::int64_t begin, std::int64_t end) {
    table.winograd_kernel_gradient(g, begin, end, dkernel);
  });
}

template class WinogradKernel<float>;
template class WinogradKernel<double>;
template std::shared_ptr<const WinogradKernel<float>> winograd_kernel_of(const Tensor&, int);
template std::shared_ptr<const WinogradKernel<double>> winograd_kernel_of(const Tensor&, int);
template void winograd_forward(const Conv2dDims&, int, const float*, const WinogradKernel<float>&,
                               const ConvolutionEnd<float>&, Sharing);
template void winograd_forward(const Conv2dDims&, int, const double*, const WinogradKernel<double>&,
                               const ConvolutionEnd<double>&, Sharing);
template void winograd_dinput(const Conv2dDims&, int, const float*, const WinogradKernel<float>&,
                              const float*, float*, Sharing);
template void winograd_dinput(const Conv2dDims&, int, const double*, const WinogradKernel<double>&,
                              const double*, double*, Sharing);
template void winograd_dkernel(const Conv2dDims&, int, const float*, const float*, float*, Sharing);
template void winograd_dkernel(const Conv2dDims&, int, const double*, const double*, double*, Sharing);

}  // namespace noyau::inline v0
