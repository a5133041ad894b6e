#include "ops/batch_norm.h"

#include <algorithm>

#include "tensor_impl.h"

namespace noyau::inline v0 {
namespace {

template <class T>
NormBlock<T> rows_of(const BatchNormDims& d, const NormChannels<T>& channels) {
  return rows_of(d, channels, d.relu ? UnaryOp::relu : UnaryOp::leaky_relu, 1);
}

}  // namespace

// mean[c] and biased variance[c] over the rows of x; slices of rows a thread.
template <class T>
void Cpu::batch_norm_statistics(Context&, const BatchNormDims& d, const T* x, accumulate_t<T>* mean,
                                accumulate_t<T>* variance) {
  BatchMoments<T> moments(d.rows, rows_per_slice(d.c), d.c);
  parallel_for(moments.runs(), 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t run = begin; run < end; ++run) moments.measure(run, x);
  });
  moments.join(mean, variance);
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
void Cpu::batch_norm_forward(Context&, const BatchNormDims& d, const T* x, const accumulate_t<T>* mean,
                             const accumulate_t<T>* variance, const accumulate_t<T>* gamma,
                             const accumulate_t<T>* beta, T* y) {
  const NormChannels<T> channels(d, mean, variance, gamma, beta);
  for_slices(d, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    isa<T>().norm_block_forward(rows_of(d, channels), rows, x + first * d.c, y + first * d.c, nullptr);
  });
}

// dgamma[c] = sum over rows of dy * xhat, dbeta[c] = sum of dy; a thread owns slices of rows, which are added in order.
template <class T>
void Cpu::batch_norm_dparameters(Context&, const BatchNormDims& d, const T* x, const T* dy,
                                 const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                                 const accumulate_t<T>* gamma, const accumulate_t<T>* beta,
                                 accumulate_t<T>* dgamma, accumulate_t<T>* dbeta) {
  const NormChannels<T> channels(d, mean, variance, gamma, beta);
  const Tensor partial = empty({2 * slices(d) * d.c}, {dtype_of<T>});
  for_slices(d, [&](std::int64_t s, std::int64_t first, std::int64_t rows) {
    T* const sums = partial.device_data<T>() + 2 * s * d.c;
    std::fill_n(sums, 2 * d.c, T{0});
    isa<T>().norm_block_sums(rows_of(d, channels), rows, x + first * d.c, dy + first * d.c, nullptr, sums,
                             sums + d.c);
  });
  join_sums(slices(d), channels, partial.device_data<T>(), dgamma, dbeta);
}

// dx[r, c] = gamma / sqrt(variance + epsilon) * (dy - dbeta / rows - xhat * dgamma / rows); in evaluation only its first term.
template <class T>
void Cpu::batch_norm_dinput(Context&, const BatchNormDims& d, const T* x, const T* dy,
                            const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                            const accumulate_t<T>* gamma, const accumulate_t<T>* beta,
                            const accumulate_t<T>* dgamma, const accumulate_t<T>* dbeta, T* dx) {
  const NormChannels<T> channels(d, mean, variance, gamma, beta);
  const NormShares<T> shares(d, channels, dgamma, dbeta);
  NormBlock<T> p = rows_of(d, channels);
  p.plain = shares.plain.data();
  p.weighted = shares.weighted.data();
  for_slices(d, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    const std::int64_t at = first * d.c;
    isa<T>().norm_block_input_gradient(p, rows, x + at, dy + at, nullptr, dx + at);
  });
}

// For ops that end with it.
template decltype(Cpu::batch_norm_dinput<float>) Cpu::batch_norm_dinput<float>;
template decltype(Cpu::batch_norm_dinput<double>) Cpu::batch_norm_dinput<double>;

namespace {

constexpr const char* kName = "batch_norm";

void check_channels(const char* op, const Tensor& x, const char* name, const Tensor& values) {
  NOYAU_CHECK(!values.defined() || values.shape() == Shape{x.dim(-1)}, op, ": ", name, " is ", values.shape(),
              " but x ", x.shape(), " has ", x.dim(-1), " channels");
}

}  // namespace

BatchNormDims batch_norm_dims(const char* op, const NormOperands& in, bool training, double epsilon) {
  check_operands(op, {{"x", in.x}});
  const bool wide = is_16_bit(in.x.dtype());
  const Tensor like = wide ? empty({0}, {Dtype::f32, in.x.device()}) : in.x;
  check_operands(op, {{wide ? "statistics of x" : "x", like},
                      {"gamma", in.gamma},
                      {"beta", in.beta},
                      {"moving_mean", in.mean},
                      {"moving_variance", in.variance}});
  NOYAU_CHECK(in.x.rank() >= 2, op, ": x must be [n, .., c], not ", in.x.shape());
  check_channels(op, in.x, "gamma", in.gamma);
  check_channels(op, in.x, "beta", in.beta);
  check_channels(op, in.x, "moving_mean", in.mean);
  check_channels(op, in.x, "moving_variance", in.variance);
  NOYAU_CHECK(epsilon >= 0, op, ": epsilon ", epsilon, " is negative");
  NOYAU_CHECK(training || (in.mean.defined() && in.variance.defined()), op,
              ": evaluation needs moving_mean and moving_variance");
  const std::int64_t c = in.x.dim(-1);
  const std::int64_t rows = c == 0 ? 0 : in.x.size() / c;
  NOYAU_CHECK(!training || rows > 1, op, ": training needs more than one value per channel (x ", in.x.shape(),
              ")");
  return {rows, c, epsilon, false, training};
}

void use_batch_statistics(const char* op, NormOperands& in, const BatchNormDims& d, double momentum) {
  const std::optional<Moments> kept = kept_moments(in.x);
  const Tensor mean = kept ? kept->mean : empty({d.c}, {accumulate_dtype(in.x.dtype()), in.x.device()});
  const Tensor variance = kept ? kept->variance : empty_like(mean);
  dispatch(StoredFloats{}, op, in.x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    if (!kept) {
      on.template batch_norm_statistics<T>(context, d, in.x.device_data<T>(), mean.device_data<A>(),
                                           variance.device_data<A>());
    }
    on.template batch_norm_move<A>(context, d, momentum, mean.device_data<A>(), variance.device_data<A>(),
                                   data_or_null<A>(in.mean), data_or_null<A>(in.variance));
  });
  for (const Tensor& moved : {in.mean, in.variance}) {
    if (moved.defined()) moved.impl()->storage->version.fetch_add(1);
  }
  in.mean = mean;
  in.variance = variance;
}

bool wants_parameter_sums(const NormOperands& in, const BatchNormDims& d) {
  return (d.training && wants_grad(in.x)) || (in.gamma.defined() && wants_grad(in.gamma)) ||
         (in.beta.defined() && wants_grad(in.beta));
}

namespace {

// Gradients of x, gamma and beta; in evaluation those of the parameters only when they are wanted.
Grads gradients(const NormOperands& in, const BatchNormDims& d, const Tensor& dy) {
  const Tensor dx = grad_like(in.x);
  const bool sums = wants_parameter_sums(in, d);
  const Tensor dgamma = sums ? empty_like(in.mean) : Tensor();
  const Tensor dbeta = sums ? empty_like(dgamma) : Tensor();
  dispatch(StoredFloats{}, kName, dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    const T* const x = in.x.device_data<T>();
    const A* const mean = in.mean.device_data<A>();
    const A* const variance = in.variance.device_data<A>();
    if (sums) {
      on.template batch_norm_dparameters<T>(context, d, x, dy.device_data<T>(), mean, variance,
                                            data_or_null<A>(in.gamma), data_or_null<A>(in.beta),
                                            dgamma.device_data<A>(), dbeta.device_data<A>());
    }
    if (dx.defined()) {
      on.template batch_norm_dinput<T>(context, d, x, dy.device_data<T>(), mean, variance,
                                       data_or_null<A>(in.gamma), data_or_null<A>(in.beta),
                                       data_or_null<A>(dgamma), data_or_null<A>(dbeta), dx.device_data<T>());
    }
  });
  return {dx, in.gamma.defined() ? dgamma : Tensor(), in.beta.defined() ? dbeta : Tensor()};
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& moving_mean,
                  const Tensor& moving_variance, bool training, const BatchNormOptions& options) {
  NormOperands in{x, gamma, beta, moving_mean, moving_variance};
  BatchNormDims d = batch_norm_dims(kName, in, training, options.epsilon);
  NOYAU_CHECK(options.activation == Activation::none || options.activation == Activation::relu, kName,
              ": only relu can be fused; apply other activations to the result");
  d.relu = options.activation == Activation::relu;
  if (training) use_batch_statistics(kName, in, d, options.momentum);
  const Tensor y = empty_like(x);
  dispatch(StoredFloats{}, kName, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    on.template batch_norm_forward<T>(context, d, x.device_data<T>(), in.mean.device_data<A>(),
                                      in.variance.device_data<A>(), data_or_null<A>(gamma),
                                      data_or_null<A>(beta), y.device_data<T>());
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
