// P[ow, (kh, kw, c)] = sum over o of dy[oh, ow, o] * kernel[kh, kw, c, o] is a matrix product for each row of dy; the
// kw * c neighbours of P are neighbours in dx, too, and are added there. A work item owns an image.
#include "ops/conv2d_few_channels.h"

#include <algorithm>

#include "cpu/isa.h"
#include "kernel_trace.h"
#include "memory.h"
#include "noyau/parallel.h"
#include "ops/conv2d_kernels.h"

namespace noyau::inline v0 {
namespace {

std::int64_t round_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b * b; }

// The share of a vector's lanes that hold `count` numbers, if whole vectors are used.
double filled(std::int64_t count, std::int64_t lanes) {
  return static_cast<double>(count) / static_cast<double>(round_up(count, lanes));
}

constexpr double kWorthwhile = 1.5;  // adding to dx costs, too

// Adds the products of row oh of dy to the image dx.
template <class T>
void add_row(const Conv2dDims& d, std::int64_t oh, const T* products, std::int64_t columns, T* dx) {
  for (std::int64_t kh = 0; kh < d.kh; ++kh) {
    const std::int64_t ih = oh * d.stride_h + kh * d.dilation_h - d.top;
    if (ih < 0 || ih >= d.ih) continue;
    for (std::int64_t ow = 0; ow < d.ow; ++ow) {
      const std::int64_t iw = ow * d.stride_w - d.left;
      const std::int64_t first = std::max<std::int64_t>(0, -iw);
      const std::int64_t last = std::min(d.kw, d.iw - iw);
      if (first >= last) continue;
      const T* from = products + ow * columns + (kh * d.kw + first) * d.ic;
      T* to = dx + (ih * d.iw + iw + first) * d.ic;
      for (std::int64_t i = 0; i < (last - first) * d.ic; ++i) to[i] += from[i];
    }
  }
}

template <class T>
void fill_image(std::int64_t pixels, std::int64_t channels, const T* bias, T* dx) {
  if (bias == nullptr) {
    std::fill_n(dx, pixels * channels, T(0));
    return;
  }
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) std::copy_n(bias, channels, dx + pixel * channels);
}

}  // namespace

template <class T>
bool has_few_channels(const Conv2dDims& d) {
  const std::int64_t block = isa<T>().channels_per_block;
  return d.groups == 1 && d.dilation_w == 1 &&
         filled(d.kh * d.kw * d.ic, block) > kWorthwhile * filled(d.ic, block / 2);
}

template <class T>
void few_channels_dinput(const Conv2dDims& d, const T* dy, const T* kernel, const T* bias, T* dx) {
  trace_kernel("conv2d_dinput/few_channels");
  const IsaTable<T>& table = isa<T>();
  const std::int64_t taps = d.kh * d.kw * d.ic;
  const std::int64_t columns = round_up(taps, table.channels_per_block);
  const WorkBuffer<T> packed(columns * d.oc);
  table.gemm_pack(d.oc, taps, kernel, 1, d.oc, 0, columns / table.channels_per_block, packed.data());
  parallel_for(d.n, 1, [&](std::int64_t begin, std::int64_t end) {
    const WorkBuffer<T> products(d.ow * columns);
    Gemm<T> g{
        d.ow, columns, d.oc, nullptr, d.oc, 1, packed.data(), true, plain_end<T>(nullptr, products.data()),
        d.ow, columns};
    for (std::int64_t n = begin; n < end; ++n) {
      T* image = dx + n * d.ih * d.iw * d.ic;
      fill_image(d.ih * d.iw, d.ic, bias, image);
      for (std::int64_t oh = 0; oh < d.oh; ++oh) {
        g.a = dy + (n * d.oh + oh) * d.ow * d.oc;
        table.gemm(g, 0, 1, nullptr);
        add_row(d, oh, products.data(), columns, image);
      }
    }
  });
}

template bool has_few_channels<float>(const Conv2dDims&);
template bool has_few_channels<double>(const Conv2dDims&);
template void few_channels_dinput(const Conv2dDims&, const float*, const float*, const float*, float*);
template void few_channels_dinput(const Conv2dDims&, const double*, const double*, const double*, double*);

}  // namespace noyau::inline v0
