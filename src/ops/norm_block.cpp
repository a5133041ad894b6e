#include "ops/norm_block.h"

#include "kernel_trace.h"
#include "noyau/layers.h"
#include "noyau/parallel.h"
#include "ops/norm_add.h"

namespace noyau::inline v0 {
namespace {

constexpr const char* kName = "norm_block";

// The windows of x in lines: rows of the pooled image or, unpooled, runs of cells; and lines in slices, whose number
// depends on the shape only.
struct Lines {
  explicit Lines(const NormBlockDims& d)
      : pooled(d.pooled),
        c(d.norm.c),
        oh(d.ih / 2),
        ow(d.iw / 2),
        image(d.ih * d.iw * c),
        row(d.iw * c),
        windows(pooled ? d.n * oh * ow : d.norm.rows),
        per_line(pooled ? ow : rows_per_slice(d.norm.c)),
        lines(pooled ? d.n * oh : (windows + per_line - 1) / per_line),
        per_slice(pooled ? std::max<std::int64_t>(1, 4096 / (ow * c)) : 1),
        slices((lines + per_slice - 1) / per_slice) {}

  // Elements of x before line i, and of y; and its windows.
  std::int64_t x(std::int64_t i) const {
    return pooled ? i / oh * image + i % oh * 2 * row : i * per_line * c;
  }
  std::int64_t y(std::int64_t i) const { return i * per_line * c; }
  std::int64_t count(std::int64_t i) const { return std::min(per_line, windows - i * per_line); }

  // Calls body(slice, line) for every line of every slice, in parallel.
  template <class Body>
  void for_each(Body&& body) const {
    parallel_for(slices, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t s = begin; s < end; ++s) {
        for (std::int64_t i = s * per_slice; i < std::min(lines, (s + 1) * per_slice); ++i) body(s, i);
      }
    });
  }

  bool pooled;
  std::int64_t c, oh, ow, image, row;
  std::int64_t windows, per_line, lines, per_slice, slices;
};

template <class T>
NormBlock<T> block_of(const NormBlockDims& d, const NormChannels<T>& channels, const T* plain = nullptr,
                      const T* weighted = nullptr) {
  return {.c = d.norm.c,
          .pooled = d.pooled,
          .x_row = d.iw * d.norm.c,
          .activation = d.activation,
          .slope = static_cast<T>(d.slope),
          .kept = static_cast<T>(1 / (1 - d.rate)),
          .mean = channels.mean,
          .scale = channels.scale.data(),
          .shift = channels.shift.data(),
          .plain = plain,
          .weighted = weighted};
}

// Cells of an odd image to the right of line i's windows and, after an image's last line, below them.
template <class T>
void rest_gradient(const Lines& l, const NormBlockDims& d, const NormBlock<T>& p, std::int64_t i, const T* x,
                   T* dx) {
  const std::int64_t covered = 2 * l.ow * l.c;
  for (std::int64_t at : {l.x(i) + covered, l.x(i) + l.row + covered}) {
    if (d.iw % 2 != 0) isa<T>().norm_block_rest_gradient(p, 1, x + at, dx + at);
  }
  const std::int64_t below = l.x(i) + 2 * l.row;
  if (d.ih % 2 != 0 && i % l.oh == l.oh - 1)
    isa<T>().norm_block_rest_gradient(p, d.iw, x + below, dx + below);
}

}  // namespace

// y[n, oh, ow, c] = dropout of the largest of 2x2 cells of activation((x - mean) * gamma / sqrt(variance + epsilon) +
// beta); index is the cell chosen, or kDropped. Lines of windows a thread.
template <class T>
void Cpu::norm_block_forward(Context&, const NormBlockDims& d, const T* x, const accumulate_t<T>* mean,
                             const accumulate_t<T>* variance, const accumulate_t<T>* gamma,
                             const accumulate_t<T>* beta, T* y, std::uint8_t* index) {
  trace_kernel("norm_block");
  const NormChannels<T> channels(d.norm, mean, variance, gamma, beta);
  const NormBlock<T> p = block_of(d, channels);
  const Lines l(d);
  l.for_each([&](std::int64_t, std::int64_t i) {
    std::uint8_t* const chosen = index == nullptr ? nullptr : index + l.y(i);
    isa<T>().norm_block_forward(p, l.count(i), x + l.x(i), y + l.y(i), chosen);
    if (d.rate > 0) {
      isa<T>().norm_block_dropout(d.dropout, p.kept, l.y(i), l.count(i) * l.c, y + l.y(i), chosen);
    }
  });
}

// dgamma[c] = sum of g * xhat, dbeta[c] = sum of g, where g is what reaches the normalised x; slices are added in order.
template <class T>
void Cpu::norm_block_dparameters(Context&, const NormBlockDims& d, const T* x, const T* dy,
                                 const std::uint8_t* index, const accumulate_t<T>* mean,
                                 const accumulate_t<T>* variance, const accumulate_t<T>* gamma,
                                 const accumulate_t<T>* beta, accumulate_t<T>* dgamma,
                                 accumulate_t<T>* dbeta) {
  const NormChannels<T> channels(d.norm, mean, variance, gamma, beta);
  const NormBlock<T> p = block_of(d, channels);
  const Lines l(d);
  const Tensor partial = empty({2 * l.slices * l.c}, {dtype_of<T>});
  l.for_each([&](std::int64_t s, std::int64_t i) {
    T* const sums = partial.device_data<T>() + 2 * s * l.c;
    if (i % l.per_slice == 0) std::fill_n(sums, 2 * l.c, T{0});
    isa<T>().norm_block_sums(p, l.count(i), x + l.x(i), dy + l.y(i),
                             index == nullptr ? nullptr : index + l.y(i), sums, sums + l.c);
  });
  join_sums(l.slices, channels, partial.device_data<T>(), dgamma, dbeta);
}

template <class T>
NormBlockDinput<T>::NormBlockDinput(const NormBlockDims& d, const T* mean, const T* variance, const T* gamma,
                                    const T* beta, const T* dgamma, const T* dbeta)
    : channels_(d.norm, mean, variance, gamma, beta),
      shares_(d.norm, channels_, dgamma, dbeta),
      block_(block_of(d, channels_, shares_.plain.data(), shares_.weighted.data())) {}

template <class T>
void NormBlockDinput<T>::run(const NormBlockDims& d, const T* x, const T* dy, const std::uint8_t* index,
                             T* dx) const {
  const Lines l(d);
  l.for_each([&](std::int64_t, std::int64_t i) {
    isa<T>().norm_block_input_gradient(block_, l.count(i), x + l.x(i), dy + l.y(i),
                                       index == nullptr ? nullptr : index + l.y(i), dx + l.x(i));
    if (d.pooled) rest_gradient(l, d, block_, i, x, dx);
  });
}

// dx = gamma / sqrt(variance + epsilon) * (g - dbeta / rows - xhat * dgamma / rows); in evaluation only its first term.
template <class T>
void Cpu::norm_block_dinput(Context&, const NormBlockDims& d, const T* x, const T* dy,
                            const std::uint8_t* index, const accumulate_t<T>* mean,
                            const accumulate_t<T>* variance, const accumulate_t<T>* gamma,
                            const accumulate_t<T>* beta, const accumulate_t<T>* dgamma,
                            const accumulate_t<T>* dbeta, T* dx) {
  NormBlockDinput<T>(d, mean, variance, gamma, beta, dgamma, dbeta).run(d, x, dy, index, dx);
}

template decltype(Cpu::norm_block_dparameters<float>) Cpu::norm_block_dparameters<float>;
template decltype(Cpu::norm_block_dparameters<double>) Cpu::norm_block_dparameters<double>;
template class NormBlockDinput<float>;
template class NormBlockDinput<double>;

namespace {

// The kernel of `activation`, with the slope below 0 where that is what it has.
std::pair<UnaryOp, double> kernel_of(Activation activation, double slope) {
  switch (activation) {
    case Activation::relu:
      return {UnaryOp::relu, 0};
    case Activation::gelu:
      return {UnaryOp::gelu, 0};
    case Activation::silu:
      return {UnaryOp::silu, 0};
    case Activation::leaky_relu:
      return {UnaryOp::leaky_relu, slope};
    default:
      return {UnaryOp::leaky_relu, 1};
  }
}

NormBlockDims block_dims(const NormOperands& in, bool training, const NormBlockOptions& o) {
  NOYAU_CHECK(norm_block_takes(o.activation, o.slope), kName, ": ", o.activation,
              o.activation == Activation::leaky_relu ? message(" of slope ", o.slope) : "",
              " cannot be fused; use the ops one by one");
  NOYAU_CHECK(o.dropout >= 0 && o.dropout < 1, kName, ": rate ", o.dropout, " is not in [0, 1)");
  const auto [kernel, slope] = kernel_of(o.activation, o.slope);
  NormBlockDims d{.norm = batch_norm_dims(kName, in, training, o.epsilon),
                  .n = 1,
                  .ih = 1,
                  .iw = 1,
                  .pooled = o.pool,
                  .activation = kernel,
                  .slope = slope,
                  .rate = o.dropout,
                  .dropout = {}};
  if (!o.pool) return d;
  NOYAU_CHECK(in.x.rank() == 4, kName, ": to be pooled, x must be [n, h, w, c], not ", in.x.shape());
  NOYAU_CHECK(in.x.dim(1) >= 2 && in.x.dim(2) >= 2, kName, ": x ", in.x.shape(),
              " is too small for 2x2 windows");
  d.n = in.x.dim(0);
  d.ih = in.x.dim(1);
  d.iw = in.x.dim(2);
  return d;
}

Grads gradients(const NormOperands& in, const NormBlockDims& d, const Tensor& index, const Tensor& dy) {
  const Tensor dx = grad_like(in.x);
  const bool sums = wants_parameter_sums(in, d.norm);
  const Tensor dgamma = sums ? empty_like(in.mean) : Tensor();
  const Tensor dbeta = sums ? empty_like(dgamma) : Tensor();
  dispatch(StoredFloats{}, kName, dy, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    const T* const x = in.x.device_data<T>();
    const A* const mean = in.mean.device_data<A>();
    const A* const variance = in.variance.device_data<A>();
    const A* const gamma = data_or_null<A>(in.gamma);
    const A* const beta = data_or_null<A>(in.beta);
    const std::uint8_t* const chosen = data_or_null<std::uint8_t>(index);
    if (sums) {
      on.template norm_block_dparameters<T>(context, d, x, dy.device_data<T>(), chosen, mean, variance, gamma,
                                            beta, dgamma.device_data<A>(), dbeta.device_data<A>());
    }
    if (dx.defined()) {
      on.template norm_block_dinput<T>(context, d, x, dy.device_data<T>(), chosen, mean, variance, gamma,
                                       beta, data_or_null<A>(dgamma), data_or_null<A>(dbeta),
                                       dx.device_data<T>());
    }
  });
  return {dx, in.gamma.defined() ? dgamma : Tensor(), in.beta.defined() ? dbeta : Tensor()};
}

// With a residual, pool and dropout are ops of their own.
Tensor with_residual(NormOperands in, NormBlockDims d, bool training, const NormBlockOptions& options,
                     Generator& generator, const Tensor& residual) {
  check_operands(kName, {{"x", in.x}, {"residual", residual}});
  NOYAU_CHECK(residual.shape() == in.x.shape(), kName, ": the residual is ", residual.shape(), " but x is ",
              in.x.shape());
  Tensor y;
  if (norm_add_takes(d)) {
    d.pooled = false;
    d.rate = 0;
    const std::vector<Tensor> averages = training ? std::vector<Tensor>() : std::vector{in.mean, in.variance};
    if (training) use_batch_statistics(kName, in, d.norm, options.momentum);
    y = norm_add(in, d, residual, averages, options);
  } else {
    const NormBlockOptions norm{.epsilon = options.epsilon, .momentum = options.momentum};
    y = activate(add(norm_block(in.x, in.gamma, in.beta, in.mean, in.variance, training, norm), residual),
                 options.activation);
  }
  if (options.pool) y = max_pool2d(y, 2);
  return options.dropout > 0 ? dropout(y, options.dropout, generator) : y;
}

}  // namespace

bool norm_block_takes(Activation activation, double slope) {
  switch (activation) {
    case Activation::none:
    case Activation::relu:
    case Activation::gelu:
    case Activation::silu:
      return true;
    case Activation::leaky_relu:
      return slope >= 0;  // else the largest input is not that of the largest output
    default:
      return false;
  }
}

NormBlockRun run_norm_block(const NormOperands& operands, bool training, const NormBlockOptions& options,
                            Generator& generator, bool keeps_index) {
  NormBlockRun run{operands, block_dims(operands, training, options), {}, {}};
  NormOperands& in = run.in;
  NormBlockDims& d = run.dims;
  if (training) use_batch_statistics(kName, in, d.norm, options.momentum);
  const Tensor& x = in.x;
  run.y = empty(d.pooled ? Shape{d.n, d.ih / 2, d.iw / 2, d.norm.c} : x.shape(), {x.dtype(), x.device()});
  if (d.rate > 0) {
    const std::uint64_t blocks = static_cast<std::uint64_t>((run.y.size() + 3) / 4);
    d.dropout = {run.y.size(), generator.seed(), generator.advance(blocks),
                 static_cast<std::uint32_t>(d.rate * 0x1p32)};
  }
  if (keeps_index && (d.pooled || d.rate > 0)) run.index = empty(run.y.shape(), {Dtype::u8, x.device()});
  dispatch(StoredFloats{}, kName, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    using A = accumulate_t<T>;
    on.template norm_block_forward<T>(context, d, x.device_data<T>(), in.mean.device_data<A>(),
                                      in.variance.device_data<A>(), data_or_null<A>(in.gamma),
                                      data_or_null<A>(in.beta), run.y.device_data<T>(),
                                      data_or_null<std::uint8_t>(run.index));
  });
  return run;
}

Tensor norm_block(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& moving_mean,
                  const Tensor& moving_variance, bool training, const NormBlockOptions& options,
                  Generator& generator, const Tensor& residual) {
  const NormOperands in{x, gamma, beta, moving_mean, moving_variance};
  if (residual.defined())
    return with_residual(in, block_dims(in, training, options), training, options, generator, residual);
  const NormBlockRun run = run_norm_block(in, training, options, generator, records({x, gamma, beta}));
  // Statistics on the tape as inputs would be checked for later writes; those of the batch are never written again.
  std::vector<Tensor> inputs{x, gamma, beta};
  if (!training) inputs.insert(inputs.end(), {moving_mean, moving_variance});
  const auto backward = [training, in = run.in, d = run.dims, index = run.index](const Tensor& dy,
                                                                                 const Tensor&) -> Grads {
    Grads grads = gradients(in, d, index, dy);
    grads.resize(training ? 3 : 5);
    return grads;
  };
  return record(kName, run.y, inputs, backward, {.reads_output = false, .options = options});
}

}  // namespace noyau::inline v0
