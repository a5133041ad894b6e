#include "ops/conv2d_kernels.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "kernel_trace.h"
#include "memory.h"
#include "noyau/parallel.h"
#include "ops/batch_moments.h"
#include "ops/conv2d_few_channels.h"
#include "ops/conv2d_gradients.h"
#include "ops/matmul.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kZeros = 64;              // elements, at least two vectors
constexpr std::int64_t kFlopsPerPart = 1 << 19;  // what is worth waking a thread for
constexpr std::int64_t kMaxSums = 16 << 20;      // elements of all slices of a kernel gradient
constexpr std::int64_t kMaxSlices = 16;
constexpr std::int64_t kPixelsPerChunk = 256;
constexpr std::int64_t kProductsPerChunk = 1 << 16;   // elements of x or dy; so that both stay in L2
constexpr std::int64_t kDepthwisePerChunk = 1 << 14;  // of a depthwise convolution
constexpr std::int64_t kMaxProductSums = 1 << 20;  // likewise of a 1x1 convolution, whose products are fewer
constexpr std::int64_t kPixelsPerGroup = 512;      // of images convolved together: a block of tiles of 4x4
constexpr std::int64_t kLeastGroups = 16;          // for threads to share

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

ImageStrides strides(std::int64_t height, std::int64_t width, std::int64_t channels) {
  return {height * width * channels, width * channels, channels};
}

// Depthwise kernels see one group whose out channel o reads in channel o.
template <class Problem>
void set_channels(Problem& problem, std::int64_t groups, std::int64_t in, std::int64_t out) {
  problem.depthwise = groups > 1 && in == groups && out == groups;
  problem.groups = problem.depthwise ? 1 : groups;
  problem.in_channels = problem.depthwise ? 1 : in / groups;
  problem.out_channels = problem.depthwise ? out : out / groups;
}

// Work items of one image.
template <class T>
std::int64_t items_of(const Correlation<T>& c) {
  const std::int64_t blocks = c.depthwise ? 1 : ceil_div(c.out_channels, isa<T>().channels_per_block);
  return c.groups * blocks * c.h.out;
}

template <class T>
void run(const Correlation<T>& c) {
  const IsaTable<T>& table = isa<T>();
  const std::int64_t channels =
      c.depthwise ? c.out_channels : std::min(c.out_channels, table.channels_per_block);
  const std::int64_t flops = 2 * c.w.out * c.h.taps * c.w.taps * c.in_channels * channels;
  parallel_for(c.images * items_of(c), ceil_div(kFlopsPerPart, std::max<std::int64_t>(1, flops)),
               [&](std::int64_t begin, std::int64_t end) { table.correlate(c, begin, end); });
}

// Correlations of the same images, by image where that leaves work for every thread: they share its rows.
template <class T>
void run_phases(const std::vector<Correlation<T>>& phases) {
  const std::int64_t images = phases.front().images;
  if (phases.size() == 1 || images < num_threads()) {
    for (const Correlation<T>& c : phases) run(c);
    return;
  }
  const IsaTable<T>& table = isa<T>();
  parallel_for(images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      for (const Correlation<T>& c : phases) table.correlate(c, n * items_of(c), (n + 1) * items_of(c));
    }
  });
}

// The outputs start, start + step, ... of one direction of d-input, which the taps first, first + tap_step, ... of the
// flipped kernel reach: a convolution of dy with stride 1.
struct Phase {
  ConvAxis axis;
  std::int64_t start;
  std::int64_t step;
  std::int64_t first_tap;
  std::int64_t tap_step;
};

// i + pad = o * stride + k * dilation ties input i to output o through tap k. Inputs whose i + pad is r modulo stride
// use the taps with k * dilation = r modulo stride.
std::vector<Phase> input_phases(std::int64_t in, std::int64_t out, std::int64_t taps, std::int64_t stride,
                                std::int64_t dilation, std::int64_t pad) {
  std::vector<Phase> phases;
  const std::int64_t tap_step = stride / std::gcd(stride, dilation);
  for (std::int64_t start = 0; start < std::min(stride, in); ++start) {
    std::int64_t first = 0;
    while (first < std::min(tap_step, taps) && (start + pad - first * dilation) % stride != 0) ++first;
    const std::int64_t count = first < std::min(tap_step, taps) ? (taps - 1 - first) / tap_step + 1 : 0;
    const std::int64_t last =
        count == 0 ? taps - 1 : first + (count - 1) * tap_step;  // flipped, it comes first
    const std::int64_t offset = count == 0 ? 0 : (start + pad - last * dilation) / stride;
    phases.push_back({{out, ceil_div(in - start, stride), count, 1, tap_step * dilation / stride, offset},
                      start,
                      stride,
                      taps - 1 - last,
                      tap_step});
  }
  return phases;
}

// [kh, kw, i, groups * o] to [kh, kw, o, groups * i], flipped in both directions.
template <class T>
void flip_kernel(const Conv2dDims& d, const T* kernel, T* flipped) {
  const std::int64_t in = d.ic / d.groups;
  const std::int64_t out = d.oc / d.groups;
  const std::int64_t taps = d.kh * d.kw;
  parallel_for(taps * out, ceil_div(1 << 14, d.ic), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t o = row % out;
      const T* from = kernel + (taps - 1 - row / out) * in * d.oc + o;
      T* to = flipped + row * d.ic;
      for (std::int64_t g = 0; g < d.groups; ++g) {
        for (std::int64_t i = 0; i < in; ++i) to[g * in + i] = from[i * d.oc + g * out];
      }
    }
  });
}

// Whether every output reads the one pixel in its place: then images are matrices [n * h * w, channels].
bool is_product(const Conv2dDims& d) {
  return d.kh == 1 && d.kw == 1 && d.groups == 1 && d.oh == d.ih && d.ow == d.iw && d.top == 0 &&
         d.left == 0 && d.stride_h == 1 && d.stride_w == 1;
}

MatmulDims product_dims(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_b) {
  MatmulDims dims{};
  dims.m = m;
  dims.n = n;
  dims.k = k;
  dims.transpose_b = transpose_b;
  return dims;
}

// The same product over rows as long as a chunk takes.
Conv2dDims in_long_rows(Conv2dDims d, std::int64_t longest) {
  const std::int64_t pixels = d.n * d.ih * d.iw;
  std::int64_t row = std::clamp<std::int64_t>(pixels, 1, longest);
  while (pixels % row != 0) --row;
  if (row <= d.iw) return d;
  d.n = 1;
  d.ih = d.oh = pixels / row;
  d.iw = d.ow = row;
  return d;
}

// Outputs that one chunk of a kernel gradient sums over.
std::int64_t pixels_per_chunk(const Conv2dDims& d, bool product, bool depthwise) {
  if (depthwise) return std::max<std::int64_t>(1, kDepthwisePerChunk / d.oc);
  if (!product) return kPixelsPerChunk;
  return std::clamp<std::int64_t>(kProductsPerChunk / std::max(d.ic, d.oc), 32, kPixelsPerChunk);
}

// y[n, oh, ow, o] = bias[o] + sum of x[n, oh * stride + kh * dilation - top, .., c] * kernel[kh, kw, c, o].
template <class T>
void direct_forward(const Conv2dDims& d, const T* x, const T* kernel, const ConvolutionEnd<T>& end) {
  if (is_product(d)) {
    trace_kernel("conv2d_forward/product");
    return multiply(product_dims(d.n * d.oh * d.ow, d.oc, d.ic, false), x, kernel, end);
  }
  Correlation<T> c{};
  set_channels(c, d.groups, d.ic, d.oc);
  trace_kernel(c.depthwise ? "conv2d_forward/depthwise" : "conv2d_forward/tile");
  WorkBuffer<T> zeros(std::max(c.in_channels, kZeros));
  std::fill_n(zeros.data(), std::max(c.in_channels, kZeros), T(0));
  c.images = d.n;
  c.h = {d.ih, d.oh, d.kh, d.stride_h, d.dilation_h, -d.top};
  c.w = {d.iw, d.ow, d.kw, d.stride_w, d.dilation_w, -d.left};
  c.x = x;
  c.x_strides = strides(d.ih, d.iw, d.ic);
  c.kernel = kernel;
  c.kernel_channel = d.oc;
  c.kernel_column = c.in_channels * d.oc;
  c.kernel_row = d.kw * c.kernel_column;
  c.end = end;
  c.zeros = zeros.data();
  c.y_strides = strides(d.oh, d.ow, d.oc);
  run(c);
}

}  // namespace

template <class T>
void convolve_and_end(const Conv2dDims& d, const T* x, const Tensor& kernel, const ConvolutionEnd<T>& end) {
  if (const int outputs = winograd_outputs<T>(d, ConvPass::forward))
    return winograd_forward(d, outputs, x, *winograd_kernel_of<T>(kernel, outputs), end);
  direct_forward(d, x, kernel.device_data<T>(), end);
}

template <class T>
void Cpu::conv2d_forward(Context&, const Conv2dDims& d, const T* x, const T* kernel, const T* bias,
                         const T* residual, bool relu, T* y) {
  const ConvolutionEnd<T> end = convolution_end(bias, residual, relu, y);
  if (const int outputs = winograd_outputs<T>(d, ConvPass::forward)) {
    const WinogradKernel<T> transformed(outputs, d.ic, d.oc, kernel);
    return winograd_forward(d, outputs, x, transformed, end);
  }
  direct_forward(d, x, kernel, end);
}

std::int64_t images_per_group(const Conv2dDims& d) {
  return std::max<std::int64_t>(1, ceil_div(kPixelsPerGroup, std::max<std::int64_t>(1, d.oh * d.ow)));
}

bool gives_moments(const Conv2dDims& d) {
  return d.oc > 0 && d.oh * d.ow > 0 && ceil_div(d.n, images_per_group(d)) >= kLeastGroups;
}

template <class T>
void convolve_with_moments(const Conv2dDims& d, const T* x, const T* kernel, const T* bias, const Tensor& y) {
  trace_kernel("conv2d_forward/moments");
  const int outputs = winograd_outputs<T>(d, ConvPass::forward);
  std::optional<WinogradKernel<T>> transformed;
  if (outputs != 0) transformed.emplace(outputs, d.ic, d.oc, kernel);
  Conv2dDims group = d;
  group.n = images_per_group(d);
  BatchMoments<T> moments(d.n * d.oh * d.ow, group.n * d.oh * d.ow, d.oc);
  parallel_for(moments.runs(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t run = begin; run < end; ++run) {
      const std::int64_t first = run * group.n;
      Conv2dDims part = group;
      part.n = std::min(group.n, d.n - first);
      const T* const from = x + first * d.ih * d.iw * d.ic;
      const ConvolutionEnd<T> plain = plain_end(bias, y.device_data<T>() + first * d.oh * d.ow * d.oc);
      if (outputs != 0)
        winograd_forward(part, outputs, from, *transformed, plain, Sharing::none);
      else
        direct_forward(part, from, kernel, plain);
      moments.measure(run, y.device_data<T>());
    }
  });
  const Tensor mean = empty({d.oc}, {dtype_of<T>});
  const Tensor variance = empty_like(mean);
  moments.join(mean.device_data<T>(), variance.device_data<T>());
  keep_moments(y, {mean, variance});
}

template <class T>
ConvolutionDinput<T>::ConvolutionDinput(const Conv2dDims& d, const T* kernel)
    : kernel_(kernel),
      outputs_(winograd_outputs<T>(d, ConvPass::dinput)),
      flips_(outputs_ != 0 || (!has_few_channels<T>(d) && !is_product(d))),
      flipped_(flips_ ? d.kh * d.kw * (d.oc / d.groups) * d.ic : 0) {
  if (flips_) flip_kernel(d, kernel, flipped_.data());
  if (outputs_ != 0) transformed_.emplace(outputs_, d.oc, d.ic, flipped_.data());
}

template <class T>
void ConvolutionDinput<T>::run(const Conv2dDims& d, const T* dy, const T* bias, T* dx,
                               Sharing sharing) const {
  if (outputs_ != 0) return winograd_dinput(d, outputs_, dy, *transformed_, bias, dx, sharing);
  if (flips_) return correlate(d, dy, bias, dx);
  if (has_few_channels<T>(d)) return few_channels_dinput(d, dy, kernel_, bias, dx);
  trace_kernel("conv2d_dinput/product");
  multiply(product_dims(d.n * d.ih * d.iw, d.ic, d.oc, true), dy, kernel_, plain_end(bias, dx));
}

// For each remainder of ih and iw by the stride d-input is a correlation of stride 1.
template <class T>
void ConvolutionDinput<T>::correlate(const Conv2dDims& d, const T* dy, const T* bias, T* dx) const {
  Correlation<T> c{};
  set_channels(c, d.groups, d.oc, d.ic);
  trace_kernel(c.depthwise ? "conv2d_dinput/depthwise" : "conv2d_dinput/tile");
  WorkBuffer<T> zeros(std::max(c.in_channels, kZeros));
  std::fill_n(zeros.data(), std::max(c.in_channels, kZeros), T(0));
  const std::int64_t column = d.oc / d.groups * d.ic;
  const ImageStrides dx_strides = strides(d.ih, d.iw, d.ic);
  c.images = d.n;
  c.x = dy;
  c.x_strides = strides(d.oh, d.ow, d.oc);
  c.kernel_channel = d.ic;
  c.end = plain_end(bias, dx);
  c.zeros = zeros.data();
  std::vector<Correlation<T>> phases;
  for (const Phase& h : input_phases(d.ih, d.oh, d.kh, d.stride_h, d.dilation_h, d.top)) {
    for (const Phase& w : input_phases(d.iw, d.ow, d.kw, d.stride_w, d.dilation_w, d.left)) {
      c.h = h.axis;
      c.w = w.axis;
      c.kernel = flipped_.data() + (h.first_tap * d.kw + w.first_tap) * column;
      c.kernel_row = h.tap_step * d.kw * column;
      c.kernel_column = w.tap_step * column;
      c.end.y = dx + h.start * dx_strides.row + w.start * dx_strides.pixel;
      c.y_strides = {dx_strides.image, h.step * dx_strides.row, w.step * dx_strides.pixel};
      phases.push_back(c);
    }
  }
  run_phases(phases);
}

// dx[n, ih, iw, c] = bias[c] + sum of dy[n, oh, ow, o] * kernel[kh, kw, c, o] over oh * stride + kh * dilation - top = ih
// and the same for w.
template <class T>
void Cpu::conv2d_dinput(Context&, const Conv2dDims& d, const T* dy, const T* kernel, const T* bias, T* dx) {
  ConvolutionDinput<T>(d, kernel).run(d, dy, bias, dx, Sharing::threads);
}

// dkernel[kh, kw, c, o] = sum of x[n, oh * stride + kh * dilation - top, .., c] * dy[n, oh, ow, o].
template <class T>
void convolution_dkernel(const Conv2dDims& shape, const T* x, const T* dy, T* dkernel, Sharing sharing) {
  if (const int outputs = winograd_outputs<T>(shape, ConvPass::dkernel))
    return winograd_dkernel(shape, outputs, x, dy, dkernel, sharing);
  KernelGradient<T> g{};
  set_channels(g, shape.groups, shape.ic, shape.oc);
  const bool product = is_product(shape);
  const std::int64_t pixels = pixels_per_chunk(shape, product, g.depthwise);
  const Conv2dDims d = product ? in_long_rows(shape, pixels) : shape;
  trace_kernel(product       ? "conv2d_dkernel/product"
               : g.depthwise ? "conv2d_dkernel/depthwise"
                             : "conv2d_dkernel/tile");
  g.images = d.n;
  g.h = {d.ih, d.oh, d.kh, d.stride_h, d.dilation_h, -d.top};
  g.w = {d.iw, d.ow, d.kw, d.stride_w, d.dilation_w, -d.left};
  g.x = x;
  g.x_strides = strides(d.ih, d.iw, d.ic);
  g.dy = dy;
  g.dy_strides = strides(d.oh, d.ow, d.oc);
  g.rows_per_chunk = std::clamp<std::int64_t>(pixels / d.ow, 1, d.oh);
  g.images_per_chunk = std::max<std::int64_t>(1, pixels / (d.oh * d.ow));
  g.taps_per_item = g.depthwise ? d.kh : 1;  // depthwise ones wait for memory, which is then read once
  g.slice_size = d.kh * d.kw * (d.ic / d.groups) * d.oc;
  const std::int64_t chunks = ceil_div(d.n, g.images_per_chunk) * ceil_div(d.oh, g.rows_per_chunk);
  const std::int64_t affordable = product ? kMaxProductSums / g.slice_size : kMaxSums / g.slice_size;
  const std::int64_t most = sharing == Sharing::threads ? kMaxSlices : 1;
  g.slices = std::clamp<std::int64_t>(std::min(chunks, affordable), 1, most);
  WorkBuffer<T> sums(g.slices == 1 ? 0 : g.slices * g.slice_size);
  g.sums = g.slices == 1 ? dkernel : sums.data();
  const IsaTable<T>& table = isa<T>();
  const std::int64_t items = g.slices * d.kh / g.taps_per_item;
  const std::int64_t flops = 2 * d.n * d.oh * d.ow * g.slice_size / items;
  parallel_for(items, ceil_div(kFlopsPerPart, std::max<std::int64_t>(1, flops)),
               [&](std::int64_t begin, std::int64_t end) { table.kernel_gradient(g, begin, end); });
  if (g.slices == 1) return;
  parallel_for(g.slice_size, 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    table.sum_parts(g.sums, g.slices, g.slice_size, begin, end, dkernel);
  });
}

template <class T>
void Cpu::conv2d_dkernel(Context&, const Conv2dDims& d, const T* x, const T* dy, T* dkernel) {
  convolution_dkernel(d, x, dy, dkernel, Sharing::threads);
}

template class ConvolutionDinput<float>;
template class ConvolutionDinput<double>;
template void convolution_dkernel(const Conv2dDims&, const float*, const float*, float*, Sharing);
template void convolution_dkernel(const Conv2dDims&, const double*, const double*, double*, Sharing);
template void convolve_and_end(const Conv2dDims&, const float*, const Tensor&, const ConvolutionEnd<float>&);
template void convolve_and_end(const Conv2dDims&, const double*, const Tensor&,
                               const ConvolutionEnd<double>&);
template void convolve_with_moments(const Conv2dDims&, const float*, const float*, const float*,
                                    const Tensor&);
template void convolve_with_moments(const Conv2dDims&, const double*, const double*, const double*,
                                    const Tensor&);
template void Cpu::conv2d_forward(Context&, const Conv2dDims&, const float*, const float*, const float*,
                                  const float*, bool, float*);
template void Cpu::conv2d_forward(Context&, const Conv2dDims&, const double*, const double*, const double*,
                                  const double*, bool, double*);
template void Cpu::conv2d_dinput(Context&, const Conv2dDims&, const float*, const float*, const float*,
                                 float*);
template void Cpu::conv2d_dinput(Context&, const Conv2dDims&, const double*, const double*, const double*,
                                 double*);
template void Cpu::conv2d_dkernel(Context&, const Conv2dDims&, const float*, const float*, float*);
template void Cpu::conv2d_dkernel(Context&, const Conv2dDims&, const double*, const double*, double*);

}  // namespace noyau::inline v0
