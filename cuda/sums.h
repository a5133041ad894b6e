#pragma once
// Sums over rows of something that each element of [rows, columns] contributes to, in f64 and in a fixed order.
#include "groups.h"
#include "runtime.h"

namespace noyau::inline v0 {

// parts[s, v, c] = sum over the rows r of slice s of value v of f(r, c). A column of threads owns c.
template <int kValues, class F>
__global__ void column_sums_kernel(std::int64_t rows, std::int64_t slice_rows, Layout layout, F f,
                                   double* parts) {
  __shared__ double shared[kGroupThreads];
  const Place place(layout);
  const std::int64_t first = std::int64_t{blockIdx.y} * slice_rows;
  const std::int64_t last = first + slice_rows < rows ? first + slice_rows : rows;
  double sums[kValues] = {};
  for (std::int64_t r = first + place.row; place.inside && r < last; r += layout.rows) f(r, place.j, sums);
  for (int v = 0; v < kValues; ++v) {
    const double total = join_rows(layout, place, sums[v], Plus{}, shared);
    if (place.inside && place.row == 0)
      parts[(std::int64_t{blockIdx.y} * kValues + v) * layout.inner + place.j] = total;
  }
}

// Calls finish(c, sums) with the sums of all slices of column c.
template <int kValues, class Finish>
struct FinishSums {
  __device__ void operator()(std::int64_t c) const {
    double sums[kValues] = {};
    for (std::int64_t s = 0; s < slices; ++s) {
      for (int v = 0; v < kValues; ++v) sums[v] += parts[(s * kValues + v) * columns + c];
    }
    finish(c, sums);
  }

  std::int64_t slices;
  std::int64_t columns;
  const double* parts;
  Finish finish;
};

// f(row, column, sums) adds an element's contribution to sums; finish(column, sums) uses the totals.
template <int kValues, class F, class Finish>
void column_sums(const Context& context, std::int64_t rows, std::int64_t columns, F f, Finish finish) {
  if (columns == 0) return;
  const std::int64_t slices = slices_for(1, rows, columns);
  const std::int64_t slice_rows = ceil_div(std::max<std::int64_t>(1, rows), slices);
  const Layout layout(1, slice_rows, columns);
  const Scratch<double> parts(context, slices * kValues * columns);
  launch(column_sums_kernel<kValues, F>, dim3(layout.blocks(), static_cast<unsigned>(slices)),
         layout.threads(), 0, stream_of(context), rows, slice_rows, layout, f, parts.data());
  launch_elements(context, columns, FinishSums<kValues, Finish>{slices, columns, parts.data(), finish});
}

// Where column_sums() of dy and of dy times the normalised x go.
template <class T>
struct StoreGradients {
  T* dgamma;
  T* dbeta;
  __device__ void operator()(std::int64_t c, const double (&sums)[2]) const {
    dbeta[c] = static_cast<T>(sums[0]);
    dgamma[c] = static_cast<T>(sums[1]);
  }
};

}  // namespace noyau::inline v0
