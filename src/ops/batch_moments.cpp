#include "ops/batch_moments.h"

#include <vector>

#include "cpu/isa.h"
#include "noyau/ops.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {

template <class T>
BatchMoments<T>::BatchMoments(std::int64_t rows, std::int64_t rows_per_run, std::int64_t c)
    : rows_(rows),
      rows_per_run_(rows_per_run),
      c_(c),
      slices_per_run_((rows_per_run + rows_per_slice(c) - 1) / rows_per_slice(c)),
      values_(empty({runs() * slices_per_run_, 2, c}, {dtype_of<T>})) {}

template <class T>
typename BatchMoments<T>::Slice BatchMoments<T>::slice(std::int64_t index) const {
  const std::int64_t in_run = index % slices_per_run_ * rows_per_slice(c_);
  const std::int64_t first = index / slices_per_run_ * rows_per_run_ + in_run;
  const std::int64_t rows = std::min({rows_per_slice(c_), rows_per_run_ - in_run, rows_ - first});
  return {first, std::max<std::int64_t>(0, rows)};
}

template <class T>
T* BatchMoments<T>::moments(std::int64_t index) const {
  return values_.device_data<T>() + 2 * index * c_;
}

template <class T>
void BatchMoments<T>::measure(std::int64_t run, const T* x) {
  for (std::int64_t s = run * slices_per_run_; s < (run + 1) * slices_per_run_; ++s) {
    const Slice part = slice(s);
    if (part.rows > 0)
      isa<T>().batch_moments(part.rows, c_, x + part.first * c_, moments(s), moments(s) + c_);
  }
}

// By Chan, Golub and LeVeque's formula (1983).
template <class T>
void BatchMoments<T>::join(T* mean, T* variance) const {
  const auto total = static_cast<double>(rows_);
  std::vector<double> sum(static_cast<std::size_t>(c_));
  std::vector<double> squares(sum.size());
  const auto for_each = [&](auto body) {
    for (std::int64_t s = 0; s < runs() * slices_per_run_; ++s) {
      if (const std::int64_t rows = slice(s).rows; rows > 0) body(moments(s), static_cast<double>(rows));
    }
  };
  for_each([&](const T* values, double rows) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rows * static_cast<double>(values[i]);
  });
  for_each([&](const T* values, double rows) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double distance = static_cast<double>(values[i]) - sum[i] / total;
      squares[i] += static_cast<double>(values[sum.size() + i]) + rows * distance * distance;
    }
  });
  const auto share = [=](double value) { return static_cast<T>(value / total); };
  std::transform(sum.begin(), sum.end(), mean, share);
  std::transform(squares.begin(), squares.end(), variance, share);
}

template class BatchMoments<float>;
template class BatchMoments<double>;

namespace {

struct KeptMoments : Derived {
  KeptMoments(const Tensor& x, const Moments& of_x) : version(x.version()), shape(x.shape()), moments(of_x) {}

  std::uint64_t version;
  Shape shape;
  Moments moments;
};

}  // namespace

void keep_moments(const Tensor& x, const Moments& moments) {
  const auto kept = std::make_shared<const KeptMoments>(x, moments);
  Storage& storage = *x.impl()->storage;
  const std::lock_guard lock(storage.derived_mutex);
  storage.derived = kept;
}

std::optional<Moments> kept_moments(const Tensor& x) {
  Storage& storage = *x.impl()->storage;
  const std::lock_guard lock(storage.derived_mutex);
  const auto kept = std::dynamic_pointer_cast<const KeptMoments>(storage.derived);
  const bool holds = kept != nullptr && kept->version == x.version() && kept->shape == x.shape();
  return holds ? std::optional(kept->moments) : std::nullopt;
}

}  // namespace noyau::inline v0
