// Batch normalisation, activation, max pooling and dropout as one pass over memory, and its two passes back.
#include "batch_norm.h"
#include "divide.h"
#include "kernel_trace.h"
#include "philox.h"
#include "runtime.h"
#include "unary.h"

namespace noyau::inline v0 {
namespace {

// The windows of x: one cell, or 2x2 cells numbered row by row.
struct Windows {
  explicit Windows(const NormBlockDims& d)
      : pooled(d.pooled), c(d.norm.c), ih(d.ih), iw(d.iw), by_c(d.norm.c), by_ow(d.iw / 2), by_oh(d.ih / 2) {}

  // The first cell of output element i.
  __device__ std::int64_t first(std::int64_t i) const {
    if (!pooled) return i;
    const std::int64_t channel = by_c.split(i);
    const std::int64_t ow = by_ow.split(i);
    const std::int64_t oh = by_oh.split(i);
    return ((i * ih + 2 * oh) * iw + 2 * ow) * c + channel;
  }
  __device__ std::int64_t cell(std::int64_t first, int tap) const {
    return first + ((tap & 1) + (tap >> 1) * iw) * c;
  }

  bool pooled;
  std::int64_t c, ih, iw;
  Divider by_c, by_ow, by_oh;
};

template <UnaryOp op, class T>
struct Block {
  // relu and leaky_relu choose the same cell before as after
  static constexpr bool kMonotone = op == UnaryOp::relu || op == UnaryOp::leaky_relu;
  using A = accumulate_t<T>;

  __device__ A normal(const Channel<A>& channel, std::int64_t at) const {
    return (widen(x[at]) - channel.mean) * channel.scale + channel.shift;
  }
  __device__ A entry(const Channel<A>& channel, std::int64_t at) const {
    const A z = normal(channel, at);
    return kMonotone ? z : value_of<op>(z, parameters);
  }
  // What reaches the normalised x of output element i in the cell that index names (the only one where index is null).
  __device__ A gradient(const Channel<A>& channel, std::int64_t i, std::int64_t at) const {
    return widen(dy[i]) * kept * slope_of<op>(normal(channel, at), parameters);
  }
  __device__ int tap(std::int64_t i) const { return index == nullptr ? 0 : index[i]; }

  Normalization<A> norm;
  Windows windows;
  UnaryParameters<A> parameters;
  A kept;  // what dropout multiplies by
  const T* x;
  const T* dy;
  const std::uint8_t* index;
};

// y[n, oh, ow, c] = dropout of the largest of 2x2 cells of activation((x - mean) * gamma / sqrt(variance + epsilon) +
// beta); index is the cell chosen, or kDropped. A thread owns `run` elements: those of one Philox block, or one.
template <UnaryOp op, class T>
struct BlockForward {
  using A = accumulate_t<T>;
  Block<op, T> block;
  DropoutDims dropout;
  const std::uint64_t* shift;
  std::int64_t count;
  int run;
  T* y;
  std::uint8_t* index;

  __device__ void operator()(std::int64_t group) const {
    device::Words words{};
    if (run > 1)
      words = device::philox(dropout.seed, dropout.offset + *shift + static_cast<std::uint64_t>(group));
    for (int k = 0; k < run && run * group + k < count; ++k) {
      const bool keep = run == 1 || words.word[k] >= dropout.threshold;
      put(run * group + k, keep);
    }
  }

  __device__ void put(std::int64_t i, bool keep) const {
    std::int64_t row = i;
    const Channel<A> channel = block.norm.channel(block.windows.by_c.split(row));
    const std::int64_t first = block.windows.first(i);
    A best = block.entry(channel, first);
    int number = 0;
    for (int tap = 1; block.windows.pooled && tap < 4; ++tap) {
      const A value = block.entry(channel, block.windows.cell(first, tap));
      if (!(value > best || (value != value && best == best))) continue;
      best = value;
      number = tap;
    }
    const A value = Block<op, T>::kMonotone ? value_of<op>(best, block.parameters) : best;
    y[i] = narrow<T>(keep ? block.kept * value : A(0));
    if (index != nullptr) index[i] = keep ? static_cast<std::uint8_t>(number) : kDropped;
  }
};

// Sums over windows of g and of g * xhat.
template <UnaryOp op, class T>
struct BlockSums {
  Block<op, T> block;

  __device__ void operator()(std::int64_t window, std::int64_t c, double (&sums)[2]) const {
    const std::int64_t i = window * block.windows.c + c;
    const int tap = block.tap(i);
    if (tap == kDropped) return;
    const Channel<accumulate_t<T>> channel = block.norm.channel(c);
    const std::int64_t at = block.windows.cell(block.windows.first(i), tap);
    const auto g = static_cast<double>(block.gradient(channel, i, at));
    sums[0] += g;
    sums[1] += g * static_cast<double>((widen(block.x[at]) - channel.mean) * channel.inv);
  }
};

// dx[cell] = scale * (g - dbeta / rows - xhat * dgamma / rows), in evaluation only its first term; g is 0 in cells that no
// window chose. A thread owns a cell.
template <UnaryOp op, class T>
struct BlockInputGradient {
  using A = accumulate_t<T>;
  Block<op, T> block;
  Divider by_iw, by_ih;
  const A* dgamma;
  const A* dbeta;
  T* dx;

  __device__ void operator()(std::int64_t at) const {
    std::int64_t row = at;
    const std::int64_t c = block.windows.by_c.split(row);
    const Channel<A> channel = block.norm.channel(c);
    A g = reaching(channel, at, row, c);
    if (block.norm.d.training) {
      const A xhat = (widen(block.x[at]) - channel.mean) * channel.inv;
      g -= (dbeta[c] + xhat * dgamma[c]) / static_cast<A>(block.norm.d.rows);
    }
    dx[at] = narrow<T>(channel.scale * g);
  }

  // g of the cell `at`, in row `row` of [n * ih * iw, c]
  __device__ A reaching(const Channel<A>& channel, std::int64_t at, std::int64_t row, std::int64_t c) const {
    if (!block.windows.pooled) return block.tap(at) == kDropped ? A(0) : block.gradient(channel, at, at);
    const std::int64_t iw = by_iw.split(row);
    const std::int64_t ih = by_ih.split(row);
    const std::int64_t oh = block.windows.ih / 2, ow = block.windows.iw / 2;
    if (ih >= 2 * oh || iw >= 2 * ow) return A(0);
    const std::int64_t i = ((row * oh + ih / 2) * ow + iw / 2) * block.windows.c + c;
    return block.tap(i) == static_cast<int>(ih % 2 * 2 + iw % 2) ? block.gradient(channel, i, at) : A(0);
  }
};

// y = activation((x - mean) * gamma / sqrt(variance + epsilon) + beta + residual). A thread owns an element.
template <UnaryOp op, class T>
struct AddForward {
  Block<op, T> block;
  const T* residual;
  T* y;

  __device__ void operator()(std::int64_t i) const {
    std::int64_t row = i;
    const auto channel = block.norm.channel(block.windows.by_c.split(row));
    y[i] = narrow<T>(value_of<op>(block.normal(channel, i) + widen(residual[i]), block.parameters));
  }
};

// dresidual = dy * activation' of the sum, and the sums of it and of it times xhat.
template <UnaryOp op, class T>
struct AddSums {
  using A = accumulate_t<T>;
  Block<op, T> block;
  const T* residual;
  T* dresidual;

  __device__ void operator()(std::int64_t row, std::int64_t c, double (&sums)[2]) const {
    const std::int64_t at = row * block.windows.c + c;
    const Channel<A> channel = block.norm.channel(c);
    const A sum = block.normal(channel, at) + widen(residual[at]);
    const A g = widen(block.dy[at]) * slope_of<op>(sum, block.parameters);
    dresidual[at] = narrow<T>(g);
    sums[0] += static_cast<double>(g);
    sums[1] +=
        static_cast<double>(g) * static_cast<double>((widen(block.x[at]) - channel.mean) * channel.inv);
  }
};

// Calls body(block) with the kernels' common part for the activation of `d`.
template <class T, class Body>
void with_block(const NormBlockDims& d, const Normalization<accumulate_t<T>>& norm, const T* x, const T* dy,
                const std::uint8_t* index, Body body) {
  const auto call = [&](auto block) {
    block.parameters.first = static_cast<accumulate_t<T>>(d.slope);
    block.kept = static_cast<accumulate_t<T>>(1 / (1 - d.rate));
    body(block);
  };
  const Windows windows(d);
  switch (d.activation) {
    case UnaryOp::relu:
      return call(Block<UnaryOp::relu, T>{norm, windows, {}, 1, x, dy, index});
    case UnaryOp::gelu:
      return call(Block<UnaryOp::gelu, T>{norm, windows, {}, 1, x, dy, index});
    case UnaryOp::silu:
      return call(Block<UnaryOp::silu, T>{norm, windows, {}, 1, x, dy, index});
    default:
      return call(Block<UnaryOp::leaky_relu, T>{norm, windows, {}, 1, x, dy, index});
  }
}

// The same for the activations that a residual has.
template <class T, class Body>
void with_rectifier(const NormBlockDims& d, const Normalization<accumulate_t<T>>& norm, const T* x,
                    const T* dy, Body body) {
  const UnaryParameters<accumulate_t<T>> parameters{static_cast<accumulate_t<T>>(d.slope)};
  if (d.activation == UnaryOp::relu)
    body(Block<UnaryOp::relu, T>{norm, Windows(d), parameters, 1, x, dy, nullptr});
  else
    body(Block<UnaryOp::leaky_relu, T>{norm, Windows(d), parameters, 1, x, dy, nullptr});
}

std::int64_t windows_of(const NormBlockDims& d) {
  return d.pooled ? d.n * (d.ih / 2) * (d.iw / 2) : d.norm.rows;
}

template <UnaryOp op, class T>
BlockForward<op, T> forward_of(const Block<op, T>& block, const Context& context, const NormBlockDims& d,
                               T* y, std::uint8_t* index) {
  return {block, d.dropout, draws_shift(context), windows_of(d) * d.norm.c, d.rate > 0 ? 4 : 1, y, index};
}
template <UnaryOp op, class T>
BlockSums<op, T> sums_of(const Block<op, T>& block) {
  return {block};
}
template <UnaryOp op, class T>
BlockInputGradient<op, T> gradient_of(const Block<op, T>& block, const NormBlockDims& d,
                                      const accumulate_t<T>* dgamma, const accumulate_t<T>* dbeta, T* dx) {
  return {block, Divider(d.iw), Divider(d.ih), dgamma, dbeta, dx};
}
template <UnaryOp op, class T>
AddForward<op, T> add_forward_of(const Block<op, T>& block, const T* residual, T* y) {
  return {block, residual, y};
}
template <UnaryOp op, class T>
AddSums<op, T> add_sums_of(const Block<op, T>& block, const T* residual, T* dresidual) {
  return {block, residual, dresidual};
}

}  // namespace

template <class T>
void Cuda::norm_block_forward(Context& context, const NormBlockDims& d, const T* x,
                              const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                              const accumulate_t<T>* gamma, const accumulate_t<T>* beta, T* y,
                              std::uint8_t* index) {
  trace_kernel("norm_block/cuda");
  with_block<T>(d, {d.norm, mean, variance, gamma, beta}, x, nullptr, nullptr, [&](const auto& block) {
    const auto forward = forward_of(block, context, d, y, index);
    launch_elements(context, ceil_div(forward.count, forward.run), forward);
  });
}

template <class T>
void Cuda::norm_block_dparameters(Context& context, const NormBlockDims& d, const T* x, const T* dy,
                                  const std::uint8_t* index, const accumulate_t<T>* mean,
                                  const accumulate_t<T>* variance, const accumulate_t<T>* gamma,
                                  const accumulate_t<T>* beta, accumulate_t<T>* dgamma,
                                  accumulate_t<T>* dbeta) {
  with_block<T>(d, {d.norm, mean, variance, gamma, beta}, x, dy, index, [&](const auto& block) {
    column_sums<2>(context, windows_of(d), d.norm.c, sums_of(block),
                   StoreGradients<accumulate_t<T>>{dgamma, dbeta});
  });
}

template <class T>
void Cuda::norm_block_dinput(Context& context, const NormBlockDims& d, const T* x, const T* dy,
                             const std::uint8_t* index, const accumulate_t<T>* mean,
                             const accumulate_t<T>* variance, const accumulate_t<T>* gamma,
                             const accumulate_t<T>* beta, const accumulate_t<T>* dgamma,
                             const accumulate_t<T>* dbeta, T* dx) {
  with_block<T>(d, {d.norm, mean, variance, gamma, beta}, x, dy, index, [&](const auto& block) {
    launch_elements(context, d.norm.rows * d.norm.c, gradient_of(block, d, dgamma, dbeta, dx));
  });
}

template <class T>
void Cuda::norm_add_forward(Context& context, const NormBlockDims& d, const T* x, const T* residual,
                            const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                            const accumulate_t<T>* gamma, const accumulate_t<T>* beta, T* y) {
  trace_kernel("norm_add/cuda");
  with_rectifier<T>(d, {d.norm, mean, variance, gamma, beta}, x, nullptr, [&](const auto& block) {
    launch_elements(context, d.norm.rows * d.norm.c, add_forward_of(block, residual, y));
  });
}

template <class T>
void Cuda::norm_add_dparameters(Context& context, const NormBlockDims& d, const T* x, const T* residual,
                                const T* dy, const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                                const accumulate_t<T>* gamma, const accumulate_t<T>* beta, T* dresidual,
                                accumulate_t<T>* dgamma, accumulate_t<T>* dbeta) {
  with_rectifier<T>(d, {d.norm, mean, variance, gamma, beta}, x, dy, [&](const auto& block) {
    column_sums<2>(context, d.norm.rows, d.norm.c, add_sums_of(block, residual, dresidual),
                   StoreGradients<accumulate_t<T>>{dgamma, dbeta});
  });
}

template decltype(Cuda::norm_block_forward<float>) Cuda::norm_block_forward<float>;
template decltype(Cuda::norm_block_forward<double>) Cuda::norm_block_forward<double>;
template decltype(Cuda::norm_block_forward<half>) Cuda::norm_block_forward<half>;
template decltype(Cuda::norm_block_forward<bfloat16>) Cuda::norm_block_forward<bfloat16>;
template decltype(Cuda::norm_block_dparameters<float>) Cuda::norm_block_dparameters<float>;
template decltype(Cuda::norm_block_dparameters<double>) Cuda::norm_block_dparameters<double>;
template decltype(Cuda::norm_block_dparameters<half>) Cuda::norm_block_dparameters<half>;
template decltype(Cuda::norm_block_dparameters<bfloat16>) Cuda::norm_block_dparameters<bfloat16>;
template decltype(Cuda::norm_block_dinput<float>) Cuda::norm_block_dinput<float>;
template decltype(Cuda::norm_block_dinput<double>) Cuda::norm_block_dinput<double>;
template decltype(Cuda::norm_block_dinput<half>) Cuda::norm_block_dinput<half>;
template decltype(Cuda::norm_block_dinput<bfloat16>) Cuda::norm_block_dinput<bfloat16>;
template decltype(Cuda::norm_add_forward<float>) Cuda::norm_add_forward<float>;
template decltype(Cuda::norm_add_forward<double>) Cuda::norm_add_forward<double>;
template decltype(Cuda::norm_add_forward<half>) Cuda::norm_add_forward<half>;
template decltype(Cuda::norm_add_forward<bfloat16>) Cuda::norm_add_forward<bfloat16>;
template decltype(Cuda::norm_add_dparameters<float>) Cuda::norm_add_dparameters<float>;
template decltype(Cuda::norm_add_dparameters<double>) Cuda::norm_add_dparameters<double>;
template decltype(Cuda::norm_add_dparameters<half>) Cuda::norm_add_dparameters<half>;
template decltype(Cuda::norm_add_dparameters<bfloat16>) Cuda::norm_add_dparameters<bfloat16>;

}  // namespace noyau::inline v0
