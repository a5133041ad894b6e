#include "ops/norm_add.h"

#include "kernel_trace.h"

namespace noyau::inline v0 {

// y[r, c] = activation((x[r, c] - mean[c]) * gamma[c] / sqrt(variance[c] + epsilon) + beta[c] + residual[r, c]); rows a
// thread.
template <class T>
void Cpu::norm_add_forward(Context&, const NormBlockDims& d, const T* x, const T* residual,
                           const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                           const accumulate_t<T>* gamma, const accumulate_t<T>* beta, T* y) {
  trace_kernel("norm_add");
  const NormChannels<T> channels(d.norm, mean, variance, gamma, beta);
  const NormBlock<T> p = rows_of(d.norm, channels, d.activation, d.slope);
  for_slices(d.norm, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    const std::int64_t at = first * d.norm.c;
    isa<T>().norm_add_forward(p, rows, x + at, residual + at, y + at);
  });
}

// dresidual[r, c] = dy[r, c] * activation' of the sum, dgamma[c] = sum over rows of dresidual * xhat, dbeta[c] = sum of
// dresidual; a thread owns slices of rows, which are added in order.
template <class T>
void Cpu::norm_add_dparameters(Context&, const NormBlockDims& d, const T* x, const T* residual, const T* dy,
                               const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                               const accumulate_t<T>* gamma, const accumulate_t<T>* beta, T* dresidual,
                               accumulate_t<T>* dgamma, accumulate_t<T>* dbeta) {
  const NormChannels<T> channels(d.norm, mean, variance, gamma, beta);
  const NormBlock<T> p = rows_of(d.norm, channels, d.activation, d.slope);
  const Tensor partial = empty({2 * slices(d.norm) * d.norm.c}, {dtype_of<T>});
  for_slices(d.norm, [&](std::int64_t s, std::int64_t first, std::int64_t rows) {
    const std::int64_t at = first * d.norm.c;
    T* const sums = partial.device_data<T>() + 2 * s * d.norm.c;
    std::fill_n(sums, 2 * d.norm.c, T{0});
    isa<T>().norm_add_sums(p, rows, x + at, residual + at, dy + at, dresidual + at, sums, sums + d.norm.c);
  });
  join_sums(slices(d.norm), channels, partial.device_data<T>(), dgamma, dbeta);
}

namespace {

// Of x, gamma, beta and the residual. What reaches the residual reaches the normalised x, too.
Grads gradients(const NormOperands& in, const NormBlockDims& d, const Tensor& residual, const Tensor& dy) {
  const Tensor dx = grad_like(in.x);
  const Tensor dresidual = empty_like(dy);
  const Tensor dgamma = empty_like(in.mean);
  const Tensor dbeta = empty_like(dgamma);
  dispatch(StoredFloats{}, "norm_block", dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    const T* const x = in.x.device_data<T>();
    const A* const mean = in.mean.device_data<A>();
    const A* const variance = in.variance.device_data<A>();
    const A* const gamma = data_or_null<A>(in.gamma);
    const A* const beta = data_or_null<A>(in.beta);
    on.template norm_add_dparameters<T>(context, d, x, residual.device_data<T>(), dy.device_data<T>(), mean,
                                        variance, gamma, beta, dresidual.device_data<T>(),
                                        dgamma.device_data<A>(), dbeta.device_data<A>());
    if (dx.defined()) {
      on.template batch_norm_dinput<T>(context, d.norm, x, dresidual.device_data<T>(), mean, variance, gamma,
                                       beta, dgamma.device_data<A>(), dbeta.device_data<A>(),
                                       dx.device_data<T>());
    }
  });
  return {dx, in.gamma.defined() ? dgamma : Tensor(), in.beta.defined() ? dbeta : Tensor(), dresidual};
}

}  // namespace

Tensor norm_add(const NormOperands& in, const NormBlockDims& d, const Tensor& residual,
                const std::vector<Tensor>& averages, const NormBlockOptions& options) {
  const Tensor y = empty_like(in.x);
  dispatch(StoredFloats{}, "norm_block", in.x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    on.template norm_add_forward<T>(context, d, in.x.device_data<T>(), residual.device_data<T>(),
                                    in.mean.device_data<A>(), in.variance.device_data<A>(),
                                    data_or_null<A>(in.gamma), data_or_null<A>(in.beta), y.device_data<T>());
  });
  std::vector<Tensor> inputs{in.x, in.gamma, in.beta, residual};
  inputs.insert(inputs.end(), averages.begin(), averages.end());
  const auto backward = [=, count = inputs.size()](const Tensor& dy, const Tensor&) -> Grads {
    Grads grads = gradients(in, d, residual, dy);
    grads.resize(count);
    return grads;
  };
  return record("norm_block", y, inputs, backward, {.reads_output = false, .options = options});
}

}  // namespace noyau::inline v0
