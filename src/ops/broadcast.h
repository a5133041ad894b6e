#pragma once
// Broadcasting, for every op that walks several operands at once.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "kernel_dims.h"
#include "noyau/parallel.h"
#include "noyau/shape.h"

namespace noyau::inline v0 {

// How operands of the given shapes, aligned at their last axes, are repeated to `out`.
BroadcastDims broadcast_dims(const Shape& out, std::initializer_list<Shape> operands);

// Position of a walk over an output: the offsets of all operands at one element.
class BroadcastCursor {
 public:
  BroadcastCursor(const BroadcastDims& dims, std::int64_t element) : dims_(dims) {
    for (int axis = dims.rank - 1; axis >= 0; --axis) {
      index_[slot(axis)] = element % dims.extents[axis];
      element /= dims.extents[axis];
      move(axis, index_[slot(axis)]);
    }
  }

  std::int64_t offset(int operand) const { return offsets_[slot(operand)]; }
  std::int64_t left_in_row() const { return dims_.extents[dims_.rank - 1] - index_[slot(dims_.rank - 1)]; }

  // Moves `count` elements on, at most to the end of the row.
  void advance(std::int64_t count) {
    int axis = dims_.rank - 1;
    move(axis, count);
    index_[slot(axis)] += count;
    for (; axis > 0 && index_[slot(axis)] == dims_.extents[axis]; --axis) {
      move(axis, -dims_.extents[axis]);
      index_[slot(axis)] = 0;
      move(axis - 1, 1);
      ++index_[slot(axis - 1)];
    }
  }

 private:
  static std::size_t slot(int i) { return static_cast<std::size_t>(i); }

  void move(int axis, std::int64_t steps) {
    for (int i = 0; i < BroadcastDims::kOperands; ++i) offsets_[slot(i)] += steps * dims_.strides[i][axis];
  }

  const BroadcastDims& dims_;
  std::array<std::int64_t, BroadcastDims::kMaxRank> index_{};
  std::array<std::int64_t, BroadcastDims::kOperands> offsets_{};
};

inline constexpr std::int64_t kElementBlock = 1 << 12;  // elements; where threads may split elementwise work
inline constexpr std::int64_t kBlockGrain = 8;          // blocks worth a thread

// Calls body(begin, end) over [0, count) in parallel, split at multiples of kElementBlock only: a vector loop then
// has its remainder at the same elements for any number of threads.
template <class Body>
void for_elements(std::int64_t count, Body&& body) {
  parallel_for((count + kElementBlock - 1) / kElementBlock, kBlockGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 body(begin * kElementBlock, std::min(end * kElementBlock, count));
               });
}

// Calls body(element, cursor, count) for pieces of rows that cover the output, in parallel.
template <class Body>
void for_rows(const BroadcastDims& dims, Body&& body) {
  std::int64_t total = 1;
  for (int axis = 0; axis < dims.rank; ++axis) total *= dims.extents[axis];
  for_elements(total, [&](std::int64_t element, std::int64_t end) {
    BroadcastCursor cursor(dims, element);
    while (element < end) {
      const std::int64_t count = std::min(cursor.left_in_row(), end - element);
      body(element, cursor, count);
      cursor.advance(count);
      element += count;
    }
  });
}

}  // namespace noyau::inline v0
