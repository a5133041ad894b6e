#include <cmath>

#include "divide.h"
#include "sums.h"

namespace noyau::inline v0 {
namespace {

// One group of one example, which the block owns: `count` elements, thread t takes t, t + threads, ...
struct Group {
  __device__ explicit Group(const GroupNormDims& d)
      : index(blockIdx.x),
        width(d.c / d.groups),
        channel(index % d.groups * width),
        offset(index / d.groups * d.positions * d.c + channel),
        stride(d.c),
        count(d.positions * width) {}

  __device__ std::int64_t place(std::int64_t i) const { return offset + i / width * stride + i % width; }
  __device__ std::int64_t channel_of(std::int64_t i) const { return channel + i % width; }

  std::int64_t index, width, channel, offset, stride, count;
};

// The sum of `value` over the threads of the block, as a tree, for all of them.
__device__ inline double block_sum(double value, double* shared) {
  const unsigned me = threadIdx.x;
  __syncthreads();
  shared[me] = value;
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (me < half) shared[me] += shared[me + half];
  }
  __syncthreads();
  return shared[0];
}

// y[n, p, c] = (x[n, p, c] - mean[n, g]) * inv[n, g] * gamma[c] + beta[c], g = c / width; a block owns a group.
template <class T>
__global__ void group_norm_forward_kernel(GroupNormDims d, const T* x, const T* gamma, const T* beta, T* mean,
                                          T* inv, T* y) {
  __shared__ double shared[kGroupThreads];
  const Group group(d);
  const double count = static_cast<double>(group.count);
  double total = 0;
  for (std::int64_t i = threadIdx.x; i < group.count; i += blockDim.x) {
    total += static_cast<double>(x[group.place(i)]);
  }
  const double centre = block_sum(total, shared) / count;
  double squares = 0;
  for (std::int64_t i = threadIdx.x; i < group.count; i += blockDim.x) {
    const double distance = static_cast<double>(x[group.place(i)]) - centre;
    squares += distance * distance;
  }
  const T m = static_cast<T>(centre);
  const T scale = static_cast<T>(1 / std::sqrt(block_sum(squares, shared) / count + d.epsilon));
  for (std::int64_t i = threadIdx.x; i < group.count; i += blockDim.x) {
    const std::int64_t at = group.place(i);
    const std::int64_t c = group.channel_of(i);
    y[at] = (x[at] - m) * scale * (gamma == nullptr ? T(1) : gamma[c]) + (beta == nullptr ? T(0) : beta[c]);
  }
  if (threadIdx.x != 0) return;
  mean[group.index] = m;
  inv[group.index] = scale;
}

// dx = inv * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * gamma and means over the group; a block owns a
// group.
template <class T>
__global__ void group_norm_dinput_kernel(GroupNormDims d, const T* x, const T* dy, const T* gamma,
                                         const T* mean, const T* inv, T* dx) {
  __shared__ double shared[kGroupThreads];
  const Group group(d);
  const double count = static_cast<double>(group.count);
  const T m = mean[group.index];
  const T scale = inv[group.index];
  double total = 0;
  double product = 0;
  for (std::int64_t i = threadIdx.x; i < group.count; i += blockDim.x) {
    const std::int64_t at = group.place(i);
    const T g = gamma == nullptr ? dy[at] : dy[at] * gamma[group.channel_of(i)];
    total += static_cast<double>(g);
    product += static_cast<double>(g) * static_cast<double>((x[at] - m) * scale);
  }
  const T plain = static_cast<T>(block_sum(total, shared) / count);
  const T weighted = static_cast<T>(block_sum(product, shared) / count);
  for (std::int64_t i = threadIdx.x; i < group.count; i += blockDim.x) {
    const std::int64_t at = group.place(i);
    const T g = gamma == nullptr ? dy[at] : dy[at] * gamma[group.channel_of(i)];
    dx[at] = scale * (g - plain - (x[at] - m) * scale * weighted);
  }
}

// dgamma[c] = sum over n, p of dy * xhat, dbeta[c] = sum of dy
template <class T>
struct ParameterSums {
  GroupNormDims d;
  Divider by_positions, by_width;
  const T* x;
  const T* dy;
  const T* mean;
  const T* inv;
  __device__ void operator()(std::int64_t r, std::int64_t c, double (&sums)[2]) const {
    const std::int64_t at = r * d.c + c;
    const std::int64_t group = by_positions.quotient(r) * d.groups + by_width.quotient(c);
    sums[0] += static_cast<double>(dy[at]);
    sums[1] += static_cast<double>(dy[at]) * static_cast<double>((x[at] - mean[group]) * inv[group]);
  }
};

dim3 group_threads(const GroupNormDims& d) {
  const std::int64_t wanted = power_of_two_above(d.positions * (d.c / d.groups));
  return dim3(static_cast<unsigned>(std::clamp<std::int64_t>(wanted, kWarp, kGroupThreads)));
}

}  // namespace

template <class T>
void Cuda::group_norm_forward(Context& context, const GroupNormDims& d, const T* x, const T* gamma,
                              const T* beta, T* mean, T* inv, T* y) {
  if (d.n == 0) return;
  launch(group_norm_forward_kernel<T>, dim3(static_cast<unsigned>(d.n * d.groups)), group_threads(d), 0,
         stream_of(context), d, x, gamma, beta, mean, inv, y);
}

template <class T>
void Cuda::group_norm_dinput(Context& context, const GroupNormDims& d, const T* x, const T* dy,
                             const T* gamma, const T* mean, const T* inv, T* dx) {
  if (d.n == 0) return;
  launch(group_norm_dinput_kernel<T>, dim3(static_cast<unsigned>(d.n * d.groups)), group_threads(d), 0,
         stream_of(context), d, x, dy, gamma, mean, inv, dx);
}

template <class T>
void Cuda::group_norm_dparameters(Context& context, const GroupNormDims& d, const T* x, const T* dy,
                                  const T* mean, const T* inv, T* dgamma, T* dbeta) {
  column_sums<2>(context, d.n * d.positions, d.c,
                 ParameterSums<T>{d, Divider(d.positions), Divider(d.c / d.groups), x, dy, mean, inv},
                 StoreGradients<T>{dgamma, dbeta});
}

template decltype(Cuda::group_norm_forward<float>) Cuda::group_norm_forward<float>;
template decltype(Cuda::group_norm_forward<double>) Cuda::group_norm_forward<double>;
template decltype(Cuda::group_norm_dinput<float>) Cuda::group_norm_dinput<float>;
template decltype(Cuda::group_norm_dinput<double>) Cuda::group_norm_dinput<double>;
template decltype(Cuda::group_norm_dparameters<float>) Cuda::group_norm_dparameters<float>;
template decltype(Cuda::group_norm_dparameters<double>) Cuda::group_norm_dparameters<double>;

}  // namespace noyau::inline v0
