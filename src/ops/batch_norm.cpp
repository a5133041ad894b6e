#include <algorithm>
#include <cmath>
#include <vector>

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {
namespace {

// Rows are reduced in slices that fit the first-level cache; how many there are depends on the shape only.
std::int64_t rows_per_slice(const BatchNormDims& d) { return std::max<std::int64_t>(16, 8192 / d.c); }

std::int64_t slices(const BatchNormDims& d) { return (d.rows + rows_per_slice(d) - 1) / rows_per_slice(d); }

// Calls body(slice, first row, rows) for every slice, in parallel.
template <class Body>
void for_slices(const BatchNormDims& d, Body&& body) {
  parallel_for(slices(d), 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t first = s * rows_per_slice(d);
      body(s, first, std::min(rows_per_slice(d), d.rows - first));
    }
  });
}

// What the normalisation does to each channel: (x - mean) * scale + shift, with inv = 1 / sqrt(variance + epsilon).
template <class T>
struct Channels {
  Channels(const BatchNormDims& d, const T* mean_, const T* variance, const T* gamma, const T* beta)
      : mean(mean_), inv(static_cast<std::size_t>(d.c)), scale(inv.size()), shift(inv.size()) {
    for (std::size_t i = 0; i < inv.size(); ++i) {
      inv[i] = T{1} / std::sqrt(variance[i] + static_cast<T>(d.epsilon));
      scale[i] = gamma == nullptr ? inv[i] : gamma[i] * inv[i];
      shift[i] = beta == nullptr ? T{0} : beta[i];
    }
  }

  BatchChannels<T> pointers(const BatchNormDims& d, const T* plain = nullptr,
                            const T* weighted = nullptr) const {
    return {mean, scale.data(), shift.data(), plain, weighted, d.relu};
  }

  const T* mean;
  std::vector<T> inv, scale, shift;
};

}  // namespace

// mean[c] and biased variance[c] over the rows of x; slices are joined by Chan, Golub and LeVeque's formula (1983).
template <class T>
void Cpu::batch_norm_statistics(Context&, const BatchNormDims& d, const T* x, T* mean, T* variance) {
  std::vector<T> partial(static_cast<std::size_t>(2 * slices(d) * d.c));
  for_slices(d, [&](std::int64_t s, std::int64_t first, std::int64_t rows) {
    T* const moments = partial.data() + 2 * s * d.c;
    isa<T>().batch_moments(rows, d.c, x + first * d.c, moments, moments + d.c);
  });
  const auto rows_of = [&](std::int64_t s) {
    return static_cast<double>(std::min(rows_per_slice(d), d.rows - s * rows_per_slice(d)));
  };
  const auto total = static_cast<double>(d.rows);
  std::vector<double> sum(static_cast<std::size_t>(d.c));
  std::vector<double> squares(sum.size());
  for (std::int64_t s = 0; s < slices(d); ++s) {
    const T* const moments = partial.data() + 2 * s * d.c;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rows_of(s) * static_cast<double>(moments[i]);
  }
  for (std::int64_t s = 0; s < slices(d); ++s) {
    const T* const moments = partial.data() + 2 * s * d.c;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double distance = static_cast<double>(moments[i]) - sum[i] / total;
      squares[i] += static_cast<double>(moments[sum.size() + i]) + rows_of(s) * distance * distance;
    }
  }
  std::transform(sum.begin(), sum.end(), mean, [=](double value) { return static_cast<T>(value / total); });
  std::transform(squares.begin(), squares.end(), variance,
                 [=](double value) { return static_cast<T>(value / total); });
}

// moving = momentum * moving + (1 - momentum) * batch, where the batch's variance is made unbiased.
template <class T>
void Cpu::batch_norm_move(Context&, const BatchNormDims& d, double momentum, const T* mean, const T* variance,
                          T* moving_mean, T* moving_variance) {
  const double unbiased = static_cast<double>(d.rows) / static_cast<double>(d.rows - 1);
  const auto move = [&](const T* batch, double factor, T* moving) {
    if (moving == nullptr) return;
    std::transform(batch, batch + d.c, moving, moving, [=](T value, T before) {
      return static_cast<T>(momentum * static_cast<double>(before) +
                            (1 - momentum) * factor * static_cast<double>(value));
    });
  };
  move(mean, 1, moving_mean);
  move(variance, unbiased, moving_variance);
}

// y[r, c] = (x[r, c] - mean[c]) * gamma[c] / sqrt(variance[c] + epsilon) + beta[c], or 0 where relu cuts; rows a thread.
template <class T>
void Cpu::batch_norm_forward(Context&, const BatchNormDims& d, const T* x, const T* mean, const T* variance,
                             const T* gamma, const T* beta, T* y) {
  const Channels<T> channels(d, mean, variance, gamma, beta);
  for_slices(d, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    isa<T>().batch_normalize(channels.pointers(d), rows, d.c, x + first * d.c, y + first * d.c);
  });
}

// dgamma[c] = sum over rows of dy * xhat, dbeta[c] = sum of dy; a thread owns slices of rows, which are added in order.
template <class T>
void Cpu::batch_norm_dparameters(Context&, const BatchNormDims& d, const T* x, const T* dy, const T* mean,
                                 const T* variance, const T* gamma, const T* beta, T* dgamma, T* dbeta) {
  const Channels<T> channels(d, mean, variance, gamma, beta);
  std::vector<T> partial(static_cast<std::size_t>(2 * slices(d) * d.c));
  for_slices(d, [&](std::int64_t s, std::int64_t first, std::int64_t rows) {
    T* const sums = partial.data() + 2 * s * d.c;
    isa<T>().batch_gradient_sums(channels.pointers(d), rows, d.c, x + first * d.c, dy + first * d.c, sums,
                                 sums + d.c);
  });
  std::vector<double> total(static_cast<std::size_t>(2 * d.c));
  for (std::size_t i = 0; i < partial.size(); ++i) total[i % total.size()] += static_cast<double>(partial[i]);
  for (std::size_t i = 0; i < channels.inv.size(); ++i) {
    dbeta[i] = static_cast<T>(total[i]);
    dgamma[i] = static_cast<T>(total[channels.inv.size() + i] * static_cast<double>(channels.inv[i]));
  }
}

// dx[r, c] = gamma / sqrt(variance + epsilon) * (dy - dbeta / rows - xhat * dgamma / rows); in evaluation only its first term.
template <class T>
void Cpu::batch_norm_dinput(Context&, const BatchNormDims& d, const T* x, const T* dy, const T* mean,
                            const T* variance, const T* gamma, const T* beta, const T* dgamma, const T* dbeta,
                            T* dx) {
  const Channels<T> channels(d, mean, variance, gamma, beta);
  std::vector<T> dy_share(channels.inv.size());
  std::vector<T> dyx_share(channels.inv.size());
  for (std::size_t i = 0; d.training && i < dy_share.size(); ++i) {
    dy_share[i] = dbeta[i] / static_cast<T>(d.rows);
    dyx_share[i] = dgamma[i] * channels.inv[i] / static_cast<T>(d.rows);
  }
  for_slices(d, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    const std::int64_t at = first * d.c;
    isa<T>().batch_input_gradient(channels.pointers(d, dy_share.data(), dyx_share.data()), rows, d.c, x + at,
                                  dy + at, dx + at);
  });
}

namespace {

constexpr const char* kName = "batch_norm";

struct Operands {
  Tensor x, gamma, beta, mean, variance;
};

template <class T>
T* pointer(const Tensor& tensor) {
  return tensor.defined() ? tensor.device_data<T>() : nullptr;
}

void check_channels(const Tensor& x, const char* name, const Tensor& values) {
  NOYAU_CHECK(!values.defined() || values.shape() == Shape{x.dim(-1)}, kName, ": ", name, " is ",
              values.shape(), " but x ", x.shape(), " has ", x.dim(-1), " channels");
}

BatchNormDims checked_dims(const Operands& in, bool training, const BatchNormOptions& options) {
  check_operands(kName, {{"x", in.x},
                         {"gamma", in.gamma},
                         {"beta", in.beta},
                         {"moving_mean", in.mean},
                         {"moving_variance", in.variance}});
  NOYAU_CHECK(in.x.rank() >= 2, kName, ": x must be [n, .., c], not ", in.x.shape());
  check_channels(in.x, "gamma", in.gamma);
  check_channels(in.x, "beta", in.beta);
  check_channels(in.x, "moving_mean", in.mean);
  check_channels(in.x, "moving_variance", in.variance);
  NOYAU_CHECK(options.activation == Activation::none || options.activation == Activation::relu, kName,
              ": only relu can be fused; apply other activations to the result");
  NOYAU_CHECK(options.epsilon >= 0, kName, ": epsilon ", options.epsilon, " is negative");
  NOYAU_CHECK(training || (in.mean.defined() && in.variance.defined()), kName,
              ": evaluation needs moving_mean and moving_variance");
  const std::int64_t c = in.x.dim(-1);
  const std::int64_t rows = c == 0 ? 0 : in.x.size() / c;
  NOYAU_CHECK(!training || rows > 1, kName, ": training needs more than one value per channel (x ",
              in.x.shape(), ")");
  return {rows, c, options.epsilon, options.activation == Activation::relu, training};
}

// The batch's mean and biased variance, towards which the moving averages are moved.
std::pair<Tensor, Tensor> batch_statistics(const Operands& in, const BatchNormDims& d, double momentum) {
  const Tensor mean = empty({d.c}, {in.x.dtype(), in.x.device()});
  const Tensor variance = empty_like(mean);
  dispatch(Floats{}, kName, in.x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template batch_norm_statistics<T>(context, d, in.x.device_data<T>(), mean.device_data<T>(),
                                         variance.device_data<T>());
    on.template batch_norm_move<T>(context, d, momentum, mean.device_data<T>(), variance.device_data<T>(),
                                   pointer<T>(in.mean), pointer<T>(in.variance));
  });
  for (const Tensor& moved : {in.mean, in.variance}) {
    if (moved.defined()) moved.impl()->storage->version.fetch_add(1);
  }
  return {mean, variance};
}

// Gradients of x, gamma and beta; in evaluation those of the parameters only when they are wanted.
Grads gradients(const Operands& in, const BatchNormDims& d, const Tensor& dy) {
  const Tensor dx = grad_like(in.x);
  const bool sums = (d.training && dx.defined()) || (in.gamma.defined() && wants_grad(in.gamma)) ||
                    (in.beta.defined() && wants_grad(in.beta));
  const Tensor dgamma = sums ? empty({d.c}, {dy.dtype(), dy.device()}) : Tensor();
  const Tensor dbeta = sums ? empty_like(dgamma) : Tensor();
  dispatch(Floats{}, kName, dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    const T* const x = in.x.device_data<T>();
    const T* const mean = in.mean.device_data<T>();
    const T* const variance = in.variance.device_data<T>();
    if (sums) {
      on.template batch_norm_dparameters<T>(context, d, x, dy.device_data<T>(), mean, variance,
                                            pointer<T>(in.gamma), pointer<T>(in.beta),
                                            dgamma.device_data<T>(), dbeta.device_data<T>());
    }
    if (dx.defined()) {
      on.template batch_norm_dinput<T>(context, d, x, dy.device_data<T>(), mean, variance,
                                       pointer<T>(in.gamma), pointer<T>(in.beta), pointer<T>(dgamma),
                                       pointer<T>(dbeta), dx.device_data<T>());
    }
  });
  return {dx, in.gamma.defined() ? dgamma : Tensor(), in.beta.defined() ? dbeta : Tensor()};
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& moving_mean,
                  const Tensor& moving_variance, bool training, const BatchNormOptions& options) {
  Operands in{x, gamma, beta, moving_mean, moving_variance};
  const BatchNormDims d = checked_dims(in, training, options);
  if (training) std::tie(in.mean, in.variance) = batch_statistics(in, d, options.momentum);
  const Tensor y = empty_like(x);
  dispatch(Floats{}, kName, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template batch_norm_forward<T>(context, d, x.device_data<T>(), in.mean.device_data<T>(),
                                      in.variance.device_data<T>(), pointer<T>(gamma), pointer<T>(beta),
                                      y.device_data<T>());
  });
  // Statistics on the tape as inputs would be checked for later writes; those of the batch are never written again.
  std::vector<Tensor> inputs{x, gamma, beta};
  if (!training) inputs.insert(inputs.end(), {moving_mean, moving_variance});
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    Grads grads = gradients(in, d, dy);
    grads.resize(training ? 3 : 5);
    return grads;
  };
  return record(kName, y, inputs, backward, {.reads_output = false, .options = options});
}

}  // namespace noyau::inline v0
