#pragma once
// Shapes that kernels take by value: n batch; ih iw ic input; oh ow oc output; kh kw window. Offsets are int64.
#include <cstdint>

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
enum class UnaryOp : std::uint8_t { shift, scale, relu };


// --- conv2d
struct Conv2dDims {
  std::int64_t n;
  std::int64_t ih, iw, ic;
  std::int64_t oh, ow, oc;
  std::int64_t kh, kw;
  std::int64_t stride_h, stride_w;
  std::int64_t top, left;  // zeros before the first row and column
  std::int64_t dilation_h, dilation_w;
  std::int64_t groups;
};

}  // namespace noyau::inline v0
