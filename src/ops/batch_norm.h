#pragma once
// What batch_norm and the ops that contain one share.
#include <algorithm>
#include <cmath>
#include <vector>

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "ops/batch_moments.h"

namespace noyau::inline v0 {

// What the normalisation does to each channel: (x - mean) * scale + shift, with inv = 1 / sqrt(variance + epsilon).
template <class T>
struct NormChannels {
  NormChannels(const BatchNormDims& d, const T* mean_, const T* variance, const T* gamma, const T* beta)
      : mean(mean_), inv(static_cast<std::size_t>(d.c)), scale(inv.size()), shift(inv.size()) {
    for (std::size_t i = 0; i < inv.size(); ++i) {
      inv[i] = T{1} / std::sqrt(variance[i] + static_cast<T>(d.epsilon));
      scale[i] = gamma == nullptr ? inv[i] : gamma[i] * inv[i];
      shift[i] = beta == nullptr ? T{0} : beta[i];
    }
  }

  const T* mean;
  std::vector<T> inv, scale, shift;
};

// The kernel of windows of one cell: rows of channels.
template <class T>
NormBlock<T> rows_of(const BatchNormDims& d, const NormChannels<T>& channels, UnaryOp activation,
                     double slope) {
  return {.c = d.c,
          .pooled = false,
          .x_row = 0,
          .activation = activation,
          .slope = static_cast<T>(slope),
          .kept = 1,
          .mean = channels.mean,
          .scale = channels.scale.data(),
          .shift = channels.shift.data(),
          .plain = nullptr,
          .weighted = nullptr};
}

// What flows back through the statistics, for the backward kernels: nothing in evaluation.
template <class T>
struct NormShares {
  NormShares(const BatchNormDims& d, const NormChannels<T>& channels, const T* dgamma, const T* dbeta)
      : plain(channels.inv.size()), weighted(plain.size()) {
    for (std::size_t i = 0; d.training && i < plain.size(); ++i) {
      plain[i] = dbeta[i] / static_cast<T>(d.rows);
      weighted[i] = dgamma[i] * channels.inv[i] / static_cast<T>(d.rows);
    }
  }

  std::vector<T> plain, weighted;
};

inline std::int64_t slices(const BatchNormDims& d) {
  return (d.rows + rows_per_slice(d.c) - 1) / rows_per_slice(d.c);
}

// Calls body(slice, first row, rows) for every slice, in parallel.
template <class Body>
void for_slices(const BatchNormDims& d, Body&& body) {
  parallel_for(slices(d), 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t first = s * rows_per_slice(d.c);
      body(s, first, std::min(rows_per_slice(d.c), d.rows - first));
    }
  });
}

// dgamma and dbeta from the sums of g * (x - mean) and of g, [slices, 2, c] with those of g first, added in order.
template <class T>
void join_sums(std::int64_t slices, const NormChannels<T>& channels, const T* sums, T* dgamma, T* dbeta) {
  const std::size_t c = channels.inv.size();
  std::vector<double> total(2 * c);
  for (std::int64_t s = 0; s < slices; ++s, sums += total.size()) {
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += static_cast<double>(sums[i]);
  }
  for (std::size_t i = 0; i < c; ++i) {
    dbeta[i] = static_cast<T>(total[i]);
    dgamma[i] = static_cast<T>(total[c + i] * static_cast<double>(channels.inv[i]));
  }
}

struct NormOperands {
  Tensor x, gamma, beta, mean, variance;
};

// Throws, naming `op`, unless the operands fit.
BatchNormDims batch_norm_dims(const char* op, const NormOperands& in, bool training, double epsilon);
// Moves the moving averages of `in` towards the mean and variance of x, and puts the batch's in their place.
void use_batch_statistics(const char* op, NormOperands& in, const BatchNormDims& d, double momentum);
// True when a backward has to compute the gradients of gamma and beta, if only on the way to that of x.
bool wants_parameter_sums(const NormOperands& in, const BatchNormDims& d);

template <class T>
T* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.device_data<T>() : nullptr;
}

}  // namespace noyau::inline v0
