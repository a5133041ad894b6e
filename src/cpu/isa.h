#pragma once
// CPU kernels that are compiled once for each instruction set, behind a table of plain functions chosen at run time.
//
// To add one: write `template <class Isa, class T> void name(...)` in a header of kernels/, declare it as a member of
// IsaTable, name it in the file of kernels/ that includes the header, and call `isa<T>().name(...)`, usually on a range
// inside parallel_for. These files are compiled with different flags into one program, so everything in their headers
// has internal linkage, and they include no header with inline functions: the linker might keep the copy this machine
// cannot run.
#include <cstdint>

#include "kernel_dims.h"

namespace noyau::inline v0 {

// One direction of a convolution: output o and tap t meet at input o * stride + t * dilation + offset.
struct ConvAxis {
  std::int64_t in;
  std::int64_t out;
  std::int64_t taps;
  std::int64_t stride;
  std::int64_t dilation;
  std::int64_t offset;
};

// Distances between neighbouring images, rows and pixels, in elements.
struct ImageStrides {
  std::int64_t image;
  std::int64_t row;
  std::int64_t pixel;
};

// What becomes of the outputs of a convolution in the write that ends it, whichever algorithm it runs:
// y = the larger of (sum + bias + residual) and floor.
template <class T>
struct ConvolutionEnd {
  const T* bias;  // [out channels], may be null
  T* y;
  const T* residual;  // laid out as y, may be null
  T floor;            // 0 for a ReLU, else -infinity
};

// What correlate() computes; channels are those of one group.
template <class T>
struct Correlation {
  std::int64_t images;
  std::int64_t groups;
  std::int64_t in_channels;
  std::int64_t out_channels;
  bool depthwise;  // out channel o reads in channel o alone; then groups is 1
  ConvAxis h;
  ConvAxis w;
  const T* x;
  ImageStrides x_strides;
  const T* kernel;
  std::int64_t kernel_row;      // to the next vertical tap
  std::int64_t kernel_column;   // to the next horizontal tap
  std::int64_t kernel_channel;  // to the next in channel
  const T* zeros;               // as many as in_channels, 64 at least
  ConvolutionEnd<T> end;
  ImageStrides y_strides;
};

// What kernel_gradient() computes; channels are those of one group.
template <class T>
struct KernelGradient {
  std::int64_t images;
  std::int64_t groups;
  std::int64_t in_channels;
  std::int64_t out_channels;
  bool depthwise;
  ConvAxis h;
  ConvAxis w;
  const T* x;
  ImageStrides x_strides;
  const T* dy;
  ImageStrides dy_strides;
  std::int64_t images_per_chunk;
  std::int64_t rows_per_chunk;
  std::int64_t taps_per_item;  // vertical ones: 1 or all
  std::int64_t slices;
  std::int64_t slice_size;  // elements of one sum, [kh, kw, in_channels, groups * out_channels]
  T* sums;                  // [slices, slice_size]
};

// Images seen through tiles that lie `outputs` pixels apart: tile (i, j) begins at pixel (i * outputs - top,
// j * outputs - left), and what lies outside an image counts as 0.
template <class T>
struct TiledImages {
  const T* data;
  std::int64_t height, width, channels;
  std::int64_t top, left;
  const T* zeros;  // channels and one vector more
};

// The tiles of a Winograd convolution F(outputs x outputs, 3x3), numbered columns fastest, then rows, then images.
struct WinogradTiles {
  int outputs;  // 2 or 4
  std::int64_t images, rows, columns;
  std::int64_t per_block;  // transformed together, a multiple of winograd_multiple
};

// What winograd_convolve() computes: a correlation with a 3x3 kernel and stride 1. Each of the positions of a
// transformed tile has a plane of its own.
template <class T>
struct WinogradConvolution {
  WinogradTiles tiles;
  std::int64_t parts;  // of the out channels, in blocks of channels_per_block
  TiledImages<T> x;
  const T* kernel;            // of winograd_kernel()
  std::int64_t kernel_plane;  // distance of two planes
  ConvolutionEnd<T> end;
  std::int64_t height, width, channels;  // of end.y
  std::int64_t x_row, x_plane;           // of the transformed x: distance of two tiles, of two planes
  std::int64_t y_plane;                  // of the products
};

// What winograd_sums() computes: for each slice of the tiles, the gradient of the transformed kernel.
template <class T>
struct WinogradGradient {
  WinogradTiles tiles;
  std::int64_t slices;
  std::int64_t parts;  // of the out channels, in blocks of channels_per_block
  TiledImages<T> x;
  TiledImages<T> dy;
  std::int64_t x_row, x_plane;    // of the transformed x
  std::int64_t dy_row, dy_plane;  // of one part of the transformed dy
  std::int64_t sum_row, sum_plane, slice_size;
  T* sums;  // [slices, planes, x.channels rounded up, sum_row]
};

// What gemm() computes: c [m, n] = a [m, k] b [k, n], ended as a convolution of n out channels.
template <class T>
struct Gemm {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  const T* a;
  std::int64_t a_row;
  std::int64_t a_column;
  const T* b;   // contiguous, or
  bool packed;  // panels of gemm_pack()
  ConvolutionEnd<T> end;
  std::int64_t row_block;
  std::int64_t column_block;  // a multiple of channels_per_block
};

// What the norm_block kernels compute; arrays are [c].
template <class T>
struct NormBlock {
  std::int64_t c;
  bool pooled;         // windows of 2x2 cells, else of one
  std::int64_t x_row;  // from a cell of x to the one below
  UnaryOp activation;  // relu, gelu, silu or leaky_relu
  T slope;             // of leaky_relu; the identity is that of slope 1
  T kept;              // what dropout multiplies the rest by, for the backward
  const T* mean;
  const T* scale;
  const T* shift;
  const T* plain;  // the backward's alone, as weighted
  const T* weighted;
};

// The kernels, for T = float and double.
template <class T>
struct IsaTable {
  const char* name;
  std::int64_t
      channels_per_block;          // out channels of a work item of correlate(), columns of a panel of gemm()
  std::int64_t winograd_multiple;  // of tiles of a block, and of rows of WinogradGradient::sums
  std::int64_t gemm_depth;         // products that gemm() sums in registers

  // Work items [begin, end) of h.out rows x out channel blocks (of every group; if depthwise one) x images, rows fastest.
  void (*correlate)(const Correlation<T>&, std::int64_t begin, std::int64_t end);
  // Work items [begin, end) of h.taps / taps_per_item x slices, taps fastest.
  void (*kernel_gradient)(const KernelGradient<T>&, std::int64_t begin, std::int64_t end);
  // Rows [begin, end) of in channels of kernel [3, 3, ic, oc], transformed: planes of panels [channels_per_block
  // out channels, ic, channels_per_block].
  void (*winograd_kernel)(int outputs, std::int64_t ic, std::int64_t oc, const T* kernel, std::int64_t begin,
                          std::int64_t end, std::int64_t plane, T* transformed);
  // Work items [begin, end) of parts x blocks of tiles, parts fastest; scratch for the transformed x and the products.
  void (*winograd_convolve)(const WinogradConvolution<T>&, std::int64_t begin, std::int64_t end, T* scratch);
  // Work items [begin, end) of parts x slices, parts fastest; scratch for the transformed x and dy.
  void (*winograd_sums)(const WinogradGradient<T>&, std::int64_t begin, std::int64_t end, T* scratch);
  // Rows [begin, end) of in channels of dkernel [3, 3, ic, oc] from the sums.
  void (*winograd_kernel_gradient)(const WinogradGradient<T>&, std::int64_t begin, std::int64_t end,
                                   T* dkernel);
  // Work items [begin, end) of row blocks x column blocks, rows fastest. Each copies what it reads of a to scratch,
  // (row_block + 64) * (gemm_depth + 64) elements, unless that is null.
  void (*gemm)(const Gemm<T>&, std::int64_t begin, std::int64_t end, T* scratch);
  // Panels [begin, end) of channels_per_block columns of b [k, n] with the strides given, for Gemm::b.
  void (*gemm_pack)(std::int64_t k, std::int64_t n, const T* b, std::int64_t b_row, std::int64_t b_column,
                    std::int64_t begin, std::int64_t end, T* packed);
  // y[i] = sum of parts[k * stride + i] over k < count, pairwise, for i in [begin, end).
  void (*sum_parts)(const T* parts, std::int64_t count, std::int64_t stride, std::int64_t begin,
                    std::int64_t end, T* y);
  // Moments of a slice of rows, see kernels/normalize.h.
  void (*batch_moments)(std::int64_t rows, std::int64_t c, const T* x, T* mean, T* squares);
  // Normalisation, activation, pooling and dropout in one pass, see kernels/norm_block.h.
  void (*norm_block_forward)(const NormBlock<T>&, std::int64_t windows, const T* x, T* y,
                             std::uint8_t* index);
  void (*norm_block_dropout)(const DropoutDims&, T scale, std::int64_t first, std::int64_t count, T* y,
                             std::uint8_t* index);
  void (*norm_block_sums)(const NormBlock<T>&, std::int64_t windows, const T* x, const T* dy,
                          const std::uint8_t* index, T* plain, T* weighted);
  void (*norm_block_input_gradient)(const NormBlock<T>&, std::int64_t windows, const T* x, const T* dy,
                                    const std::uint8_t* index, T* dx);
  void (*norm_block_rest_gradient)(const NormBlock<T>&, std::int64_t cells, const T* x, T* dx);
  // The same with a residual, see kernels/norm_add.h.
  void (*norm_add_forward)(const NormBlock<T>&, std::int64_t rows, const T* x, const T* residual, T* y);
  void (*norm_add_sums)(const NormBlock<T>&, std::int64_t rows, const T* x, const T* residual, const T* dy,
                        T* g, T* plain, T* weighted);
  // Rows of 2x2 max pooling and dropout, see kernels/passes.h.
  void (*max_2x2)(std::int64_t width, std::int64_t c, const T* x, std::int64_t x_row, T* y,
                  std::uint8_t* index);
  void (*max_2x2_gradient)(std::int64_t width, std::int64_t c, const T* dy, const std::uint8_t* index, T* dx,
                           std::int64_t dx_row);
  void (*dropout)(std::int64_t count, std::uint64_t seed, std::uint64_t offset, std::uint32_t threshold,
                  T scale, const T* x, T* y);

  // y[i] = f(x[i]); dx[i] = dy[i] * f'(v[i]), where v is x or y by op.
  void (*unary_forward)(UnaryOp, UnaryParameters<T>, std::int64_t count, const T* x, T* y);
  void (*unary_backward)(UnaryOp, UnaryParameters<T>, std::int64_t count, const T* dy, const T* v, T* dx);
  // y[i] = op(a[i], b[i]); an operand that does not step stays at its first element.
  void (*binary)(BinaryOp, std::int64_t count, const T* a, bool a_steps, const T* b, bool b_steps, T* y);
  // All elements of a row joined.
  double (*reduce_row)(ReduceOp, std::int64_t count, const T* x);
  // Joins x[i * stride + j] over i < rows into total[j].
  void (*reduce_columns)(ReduceOp, std::int64_t rows, std::int64_t columns, std::int64_t stride, const T* x,
                         double* total);
  // Over `count` rows of at most kSoftmaxColumns columns; stride 1 means a single column.
  void (*softmax_forward)(SoftmaxOp, std::int64_t count, std::int64_t columns, std::int64_t stride,
                          const T* x, T* y);
  void (*softmax_backward)(SoftmaxOp, std::int64_t count, std::int64_t columns, std::int64_t stride,
                           const T* dy, const T* y, T* dx);
  // log(sum of e^x[i]), without overflow.
  T (*log_sum_exp)(std::int64_t count, const T* x);
  // y[i] = scale * e^(x[i] - shift)
  void (*scaled_exp)(std::int64_t count, const T* x, T shift, T scale, T* y);
};

// The table in use.
template <class T>
const IsaTable<T>& isa();

}  // namespace noyau::inline v0
