#pragma once
// What kernels with a batch normalisation in them share.
#include <cmath>

#include "accumulate.h"
#include "sums.h"

namespace noyau::inline v0 {

// What the normalisation does to a channel: (x - mean) * scale + shift, with inv = 1 / sqrt(variance + epsilon).
template <class T>
struct Channel {
  T mean, inv, scale, shift;
};

template <class T>
struct Normalization {
  __device__ Channel<T> channel(std::int64_t c) const {
    const T inv = T(1) / std::sqrt(variance[c] + static_cast<T>(d.epsilon));
    return {mean[c], inv, gamma == nullptr ? inv : gamma[c] * inv, beta == nullptr ? T(0) : beta[c]};
  }
  // dy, or 0 where the fused relu cut y
  __device__ T kept(const Channel<T>& channel, T distance, T dy) const {
    return !d.relu || distance * channel.scale + channel.shift > 0 ? dy : T(0);
  }

  BatchNormDims d;
  const T* mean;
  const T* variance;
  const T* gamma;
  const T* beta;
};

}  // namespace noyau::inline v0
