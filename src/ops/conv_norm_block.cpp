#include "ops/conv_norm_block.h"

#include <utility>

#include "kernel_trace.h"
#include "noyau/parallel.h"
#include "ops/conv2d_gradients.h"
#include "ops/conv2d_kernels.h"
#include "ops/norm_block.h"

namespace noyau::inline v0 {
namespace {

constexpr const char* kName = "conv_norm_block";
constexpr std::int64_t kSlices = 16;  // of the images, each with a gradient of the kernel of its own

// What the backward of one call works on.
template <class T>
struct Operands {
  Conv2dDims convolution;
  NormBlockDims norm;
  const T* x;
  const T* z;  // the convolution's output
  const T* dy;
  const std::uint8_t* index;  // may be null
  T* dx;                      // may be null
  T* dkernel;                 // may be null
};

// The same for `count` images from `first` on.
template <class T>
Operands<T> images_of(Operands<T> all, std::int64_t first, std::int64_t count) {
  const Conv2dDims& d = all.convolution;
  const std::int64_t in = d.ih * d.iw * d.ic;
  const std::int64_t between = d.oh * d.ow * d.oc;
  const std::int64_t out = all.norm.pooled ? (d.oh / 2) * (d.ow / 2) * d.oc : between;
  all.x += first * in;
  all.z += first * between;
  all.dy += first * out;
  if (all.index != nullptr) all.index += first * out;
  if (all.dx != nullptr) all.dx += first * in;
  all.convolution.n = count;
  all.norm.norm.rows = count * d.oh * d.ow;
  if (all.norm.pooled) all.norm.n = count;
  return all;
}

// For each group of images dz = norm_block_dinput of dy, which the gradients of the convolution read from the cache. A
// thread owns slices of the groups and their dkernels; how many there are depends on the shape only.
template <class T>
void gradients_by_group(const Operands<T>& all, const NormBlockDinput<T>& norm_dinput, const T* kernel) {
  const Conv2dDims& d = all.convolution;
  const std::int64_t per_group = images_per_group(d);
  const std::int64_t groups = (d.n + per_group - 1) / per_group;
  const std::int64_t slices = std::min(groups, kSlices);
  const std::int64_t size = all.dkernel == nullptr ? 0 : d.kh * d.kw * (d.ic / d.groups) * d.oc;
  std::optional<ConvolutionDinput<T>> dinput;
  if (all.dx != nullptr) dinput.emplace(d, kernel);
  const WorkBuffer<T> sums(slices * size);
  parallel_for(slices, 1, [&](std::int64_t begin, std::int64_t end) {
    const WorkBuffer<T> dz(per_group * d.oh * d.ow * d.oc);
    const WorkBuffer<T> addend(size);
    for (std::int64_t slice = begin; slice < end; ++slice) {
      const std::int64_t first = groups * slice / slices;
      for (std::int64_t group = first; group < groups * (slice + 1) / slices; ++group) {
        const std::int64_t image = group * per_group;
        const Operands<T> part = images_of(all, image, std::min(per_group, d.n - image));
        norm_dinput.run(part.norm, part.z, part.dy, part.index, dz.data());
        if (dinput) dinput->run(part.convolution, dz.data(), nullptr, part.dx, Sharing::none);
        if (size == 0) continue;
        T* const sum = sums.data() + slice * size;
        T* const to = group == first ? sum : addend.data();
        convolution_dkernel(part.convolution, part.x, dz.data(), to, Sharing::none);
        for (std::int64_t i = 0; to != sum && i < size; ++i) sum[i] += to[i];
      }
    }
  });
  parallel_for(size, 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    isa<T>().sum_parts(sums.data(), slices, size, begin, end, all.dkernel);
  });
}

// Of x, kernel, gamma and beta.
Grads gradients(const Conv2dDims& d, const Tensor& x, const Tensor& kernel, const NormBlockRun& norm,
                const Tensor& dy) {
  const Tensor dx = grad_like(x);
  const Tensor dkernel = grad_like(kernel);
  const Tensor dgamma = empty({d.oc}, {dy.dtype()});
  const Tensor dbeta = empty_like(dgamma);
  dispatch(Floats{}, kName, dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    if constexpr (std::is_same_v<decltype(on), Cpu>) {
      note_flops(flops_of(d) * (dx.defined() + dkernel.defined()));
      const NormOperands& in = norm.in;
      const T* const mean = in.mean.device_data<T>();
      const T* const variance = in.variance.device_data<T>();
      const T* const gamma = data_or_null<T>(in.gamma);
      const T* const beta = data_or_null<T>(in.beta);
      const Operands<T> all{d,
                            norm.dims,
                            x.device_data<T>(),
                            in.x.device_data<T>(),
                            dy.device_data<T>(),
                            data_or_null<std::uint8_t>(norm.index),
                            data_or_null<T>(dx),
                            data_or_null<T>(dkernel)};
      Cpu::norm_block_dparameters<T>(context, norm.dims, all.z, all.dy, all.index, mean, variance, gamma,
                                     beta, dgamma.device_data<T>(), dbeta.device_data<T>());
      const NormBlockDinput<T> norm_dinput(norm.dims, mean, variance, gamma, beta, dgamma.device_data<T>(),
                                           dbeta.device_data<T>());
      if (dx.defined() || dkernel.defined()) gradients_by_group(all, norm_dinput, kernel.device_data<T>());
    }
  });
  return {dx, dkernel, norm.in.gamma.defined() ? dgamma : Tensor(),
          norm.in.beta.defined() ? dbeta : Tensor()};
}

}  // namespace

bool conv_norm_block_takes(const Tensor& x, const Tensor& kernel, const Conv2dOptions& convolution) {
  return x.device().kind == Device::Kind::cpu && gives_moments(conv2d_dims(x, kernel, {}, convolution));
}

Tensor conv_norm_block(const Tensor& x, const Tensor& kernel, const Conv2dOptions& convolution,
                       const NormOperands& norm, const NormBlockOptions& options, Generator& generator) {
  trace_kernel(kName);
  const Conv2dDims d = conv2d_dims(x, kernel, {}, convolution);
  NormOperands in = norm;
  {
    const NoGrad off;
    in.x = conv2d_ended(x, kernel, {}, convolution, {.norm = true});
  }
  const bool recorded = records({x, kernel, in.gamma, in.beta});
  NormBlockRun run = run_norm_block(in, true, options, generator, recorded);
  const Tensor y = std::exchange(run.y, Tensor());
  const auto backward = [d, x, kernel, run](const Tensor& dy, const Tensor&) {
    return gradients(d, x, kernel, run, dy);
  };
  return record(kName, y, {x, kernel, in.gamma, in.beta}, backward,
                {.reads_output = false, .options = options});
}

}  // namespace noyau::inline v0
