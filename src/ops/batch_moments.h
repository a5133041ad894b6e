#pragma once
// Mean and variance of each channel of x [rows, c], and their way from a convolution to the batch norm that follows it.
#include <algorithm>
#include <optional>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

// Rows of a slice, which fit the first-level cache.
inline std::int64_t rows_per_slice(std::int64_t c) {
  return std::max<std::int64_t>(16, 8192 / std::max<std::int64_t>(1, c));
}

// Moments of slices of the rows of x on the CPU. Slices are those of runs of rows, so that a run can be measured by
// itself; which they are depends on the shape only.
template <class T>
class BatchMoments {
 public:
  BatchMoments(std::int64_t rows, std::int64_t rows_per_run, std::int64_t c);

  std::int64_t runs() const { return (rows_ + rows_per_run_ - 1) / rows_per_run_; }
  // Reads the rows of run `run` of x; different runs from different threads.
  void measure(std::int64_t run, const T* x);
  // Mean and biased variance of all rows, once all runs are measured.
  void join(T* mean, T* variance) const;

 private:
  struct Slice {
    std::int64_t first, rows;
  };
  Slice slice(std::int64_t index) const;
  T* moments(std::int64_t index) const;

  std::int64_t rows_, rows_per_run_, c_, slices_per_run_;
  Tensor values_;  // [slices, 2, c]: the mean and the sum of squared distances from it
};

// Mean and biased variance [c] of the rows of a tensor.
struct Moments {
  Tensor mean, variance;
};
// Keeps `moments` with the storage of x until it is written.
void keep_moments(const Tensor& x, const Moments& moments);
// What was kept of x, if it still holds.
std::optional<Moments> kept_moments(const Tensor& x);

}  // namespace noyau::inline v0
