#pragma once
// Sums, largest and smallest elements of rows and columns; f64 accumulates all of them.
// See isa.h for the rules of this folder.
#include "kernel_dims.h"

namespace noyau::inline v0 {
namespace {

struct SumFold {
  static constexpr double kStart = 0;
  static double join(double a, double b) { return a + b; }
};

// NaN wins, as it does in max().
struct MaxFold {
  static constexpr double kStart = -__builtin_inf();
  static double join(double a, double b) { return b > a || b != b ? b : a; }
};

struct MinFold {
  static constexpr double kStart = __builtin_inf();
  static double join(double a, double b) { return b < a || b != b ? b : a; }
};

template <class Fold, class T>
double fold_row(std::int64_t count, const T* x) {
  constexpr int kLanes = 32;
  double lanes[kLanes];
  for (double& lane : lanes) lane = Fold::kStart;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane)
      lanes[lane] = Fold::join(lanes[lane], static_cast<double>(x[i + lane]));
  }
  double total = Fold::kStart;
  for (const double lane : lanes) total = Fold::join(total, lane);
  for (; i < count; ++i) total = Fold::join(total, static_cast<double>(x[i]));
  return total;
}

template <class Fold, class T>
void fold_rows_into(std::int64_t rows, std::int64_t columns, std::int64_t stride, const T* __restrict x,
                    double* __restrict total) {
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4, x += 4 * stride) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const double first = Fold::join(static_cast<double>(x[j]), static_cast<double>(x[stride + j]));
      const double second =
          Fold::join(static_cast<double>(x[2 * stride + j]), static_cast<double>(x[3 * stride + j]));
      total[j] = Fold::join(total[j], Fold::join(first, second));
    }
  }
  for (; i < rows; ++i, x += stride) {
    for (std::int64_t j = 0; j < columns; ++j) total[j] = Fold::join(total[j], static_cast<double>(x[j]));
  }
}

// Joins x[i, j] over i into total[j]. Narrow dense rows are taken several at a time, as one wide row.
template <class Fold, class T>
void fold_columns(std::int64_t rows, std::int64_t columns, std::int64_t stride, const T* x, double* total) {
  constexpr std::int64_t kWide = 128;
  const std::int64_t packed = columns == stride ? kWide / columns : 1;
  if (packed < 2 || rows < packed) return fold_rows_into<Fold>(rows, columns, stride, x, total);
  double wide[kWide];
  for (double& value : wide) value = Fold::kStart;
  fold_rows_into<Fold>(rows / packed, packed * columns, packed * columns, x, wide);
  for (std::int64_t j = 0; j < packed * columns; ++j)
    total[j % columns] = Fold::join(total[j % columns], wide[j]);
  fold_rows_into<Fold>(rows % packed, columns, columns, x + rows / packed * packed * columns, total);
}

template <class Isa, class T>
double reduce_row(ReduceOp op, std::int64_t count, const T* x) {
  switch (op) {
    case ReduceOp::max:
      return fold_row<MaxFold>(count, x);
    case ReduceOp::min:
      return fold_row<MinFold>(count, x);
    case ReduceOp::sum:
      break;
  }
  return fold_row<SumFold>(count, x);
}

template <class Isa, class T>
void reduce_columns(ReduceOp op, std::int64_t rows, std::int64_t columns, std::int64_t stride, const T* x,
                    double* total) {
  switch (op) {
    case ReduceOp::sum:
      return fold_columns<SumFold>(rows, columns, stride, x, total);
    case ReduceOp::max:
      return fold_columns<MaxFold>(rows, columns, stride, x, total);
    case ReduceOp::min:
      return fold_columns<MinFold>(rows, columns, stride, x, total);
  }
}

}  // namespace
}  // namespace noyau::inline v0
