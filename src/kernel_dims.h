#pragma once
// Shapes that kernels take by value: n batch; ih iw ic input; oh ow oc output; kh kw window. Offsets are int64.
#include <cstdint>

#include "optim/optimizer_steps.h"

namespace noyau::inline v0 {

// Up to three operands broadcast to one dense output. Neighbouring axes that all operands step through alike are
// merged and extents of 1 dropped, so the innermost stride of an operand is 1 or, where it is repeated, 0.
struct BroadcastDims {
  static constexpr int kMaxRank = 8;
  static constexpr int kOperands = 3;
  int rank = 1;
  std::int64_t extents[kMaxRank] = {1};
  std::int64_t strides[kOperands][kMaxRank] = {};
};

// A reduction of [outer, count, inner] to [outer, inner].
struct ReduceDims {
  std::int64_t outer = 1;
  std::int64_t count = 1;
  std::int64_t inner = 1;
};

enum class BinaryOp : std::uint8_t { add, sub, mul, div, minimum, maximum };
enum class CompareOp : std::uint8_t { less, equal };
enum class ReduceOp : std::uint8_t { sum, max, min };
enum class SoftmaxOp : std::uint8_t { softmax, log_softmax };
enum class UnaryOp : std::uint8_t {
  relu,
  leaky_relu,
  elu,
  normal_cdf,
  gelu,
  gelu_tanh,
  sigmoid,
  silu,
  tanh,
  softplus,
  abs,
  exp,
  log,
  sqrt,
  square,
  reciprocal,
  pow,
  clamp,
};

// The slope of leaky_relu, alpha of elu, exponent of pow, bounds of clamp.
template <class T>
struct UnaryParameters {
  T first = 0;
  T second = 0;
};

// Most columns that one call of a softmax kernel takes.
inline constexpr std::int64_t kSoftmaxColumns = 128;

// How cross-entropy turns targets [n, classes] q, or class ids, into a[n, c] = w[c] * ((1 - smoothing) * q[n, c] +
// smoothing / classes).
struct CrossEntropyDims {
  std::int64_t n = 0;
  std::int64_t classes = 0;
  double smoothing = 0;
};

// c [batches.., m, n] = a b + bias, with a stored [.., m, k] or, transposed, [.., k, m], and b [.., k, n] or [.., n, k].
struct MatmulDims {
  static constexpr int kMaxRank = 8;
  std::int64_t m, n, k;
  bool transpose_a, transpose_b;
  int rank;  // of the batch axes; operand strides count matrices and are 0 along axes that repeat
  std::int64_t extents[kMaxRank], a_strides[kMaxRank], b_strides[kMaxRank];
};

enum class ConvAlgorithm : std::uint8_t;

// One convolution or its adjoints.
struct Conv2dDims {
  std::int64_t n;
  std::int64_t ih, iw, ic;
  std::int64_t oh, ow, oc;
  std::int64_t kh, kw;
  std::int64_t stride_h, stride_w;
  std::int64_t top, left;  // zeros before the first row and column
  std::int64_t dilation_h, dilation_w;
  std::int64_t groups;
  ConvAlgorithm algorithm;
};

// Output i of one axis reads input (begin + step * i) / divisor; nothing where that is no integer in [0, in), or, when
// reflected, the cell as far on the other side of the edge. Slice, pad and flip are such maps, and so are their adjoints.
struct RemapAxis {
  std::int64_t out = 1, in = 1, begin = 0, step = 1, divisor = 1;
  bool reflect = false;
};
struct RemapDims {
  static constexpr int kMaxRank = 8;
  int rank = 0;
  RemapAxis axes[kMaxRank];
};

// Output axis k has extents[k] positions, which are strides[k] apart in the input.
struct TransposeDims {
  static constexpr int kMaxRank = 8;
  int rank = 0;
  std::int64_t extents[kMaxRank] = {};
  std::int64_t strides[kMaxRank] = {};
};

// Rows of `inner` elements picked from [outer, extent, inner] to [outer, count, inner].
struct GatherDims {
  std::int64_t outer, extent, count, inner;
};

// Pooling windows of kh x kw cells every stride cells; the first starts top and left cells outside the image.
struct Pool2dDims {
  std::int64_t n, ih, iw, c, oh, ow, kh, kw, stride_h, stride_w, top, left;
  bool count_padding;
};

// Normalisation of x [rows, c] over its rows.
struct BatchNormDims {
  std::int64_t rows, c;
  double epsilon;
  bool relu;      // y = max(y, 0)
  bool training;  // the statistics are those of x, so gradients flow through them
};

// Normalisation of x [n, positions, c] over the positions and channels of each of `groups` runs of channels.
struct GroupNormDims {
  std::int64_t n, positions, c, groups;
  double epsilon;
};

// A banded matrix times axis `in` of x [outer, in, inner], giving axis `out`.
struct ResampleDims {
  std::int64_t outer, in, out, inner;
};

// n images [h, w, c] of a data set, each with kPlanHead + h + w numbers of a plan: its index; top, bottom, left and right
// of a box that becomes 0, the mean; the row and column that each row and column comes from, -1 where that is outside.
struct GatherImagesDims {
  std::int64_t n, h, w, c;
};
inline constexpr std::int64_t kPlanHead = 5;

// Element i is kept iff word i % 4 of Philox block offset + i / 4 under key seed is at least threshold.
struct DropoutDims {
  std::int64_t count;
  std::uint64_t seed, offset;
  std::uint32_t threshold;
};

// Batch normalisation of x [n, ih, iw, c], activation, the largest of 2x2 cells if `pooled`, and dropout at `rate`.
struct NormBlockDims {
  BatchNormDims norm;
  std::int64_t n, ih, iw;
  bool pooled;
  UnaryOp activation;  // relu, gelu, silu or leaky_relu
  double slope;        // of leaky_relu; the identity is that of slope 1
  double rate;
  DropoutDims dropout;
};
// Where an index tells which cell of a window max chose: dropout chose none.
inline constexpr std::uint8_t kDropped = 4;

}  // namespace noyau::inline v0
