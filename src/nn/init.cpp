#include "noyau/init.h"

#include <algorithm>
#include <cmath>

#include "name_table.h"

namespace noyau::inline v0 {
namespace {

constexpr NameTable<Init, 11> kInits{{
    {"zeros", Init::zeros},
    {"ones", Init::ones},
    {"constant", Init::constant},
    {"glorot_uniform", Init::glorot_uniform},
    {"glorot_normal", Init::glorot_normal},
    {"he_uniform", Init::he_uniform},
    {"he_normal", Init::he_normal},
    {"lecun_uniform", Init::lecun_uniform},
    {"lecun_normal", Init::lecun_normal},
    {"orthogonal", Init::orthogonal},
    {"dirac", Init::dirac},
}};

double variance_of(Init init, const Fans& fans) {
  if (init == Init::glorot_uniform || init == Init::glorot_normal) return 2 / (fans.in + fans.out);
  if (init == Init::he_uniform || init == Init::he_normal) return 2 / fans.in;
  return 1 / fans.in;
}

bool is_uniform(Init init) {
  return init == Init::glorot_uniform || init == Init::he_uniform || init == Init::lecun_uniform;
}

double dot(const double* a, const double* b, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += a[i] * b[i];
  return total;
}

// Makes `count` rows of `length` >= count random numbers orthonormal. Gram and Schmidt's steps are run twice: once
// leaves an error that grows with the condition number.
void orthonormalize(double* rows, std::int64_t count, std::int64_t length) {
  for (std::int64_t i = 0; i < count; ++i) {
    double* const row = rows + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t j = 0; j < i; ++j) {
        const double* const other = rows + j * length;
        const double overlap = dot(row, other, length);
        for (std::int64_t k = 0; k < length; ++k) row[k] -= overlap * other[k];
      }
    }
    const double norm = std::sqrt(dot(row, row, length));
    for (std::int64_t k = 0; k < length; ++k) row[k] /= norm;
  }
}

Tensor orthogonal(const Shape& shape, Generator& generator) {
  NOYAU_CHECK(shape.rank() >= 2, "orthogonal: needs a kernel of rank 2 or more, not ", shape);
  const std::int64_t columns = shape.dim(-1);
  const std::int64_t rows = columns == 0 ? 0 : shape.size() / columns;
  const std::int64_t count = std::min(rows, columns);
  const std::int64_t length = std::max(rows, columns);
  const Tensor basis = normal({count, length}, 0, 1, {Dtype::f64}, generator);
  orthonormalize(basis.mutable_data<double>(), count, length);
  const Tensor values = empty(shape, {Dtype::f64});
  const double* const from = basis.data<double>();
  double* const to = values.mutable_data<double>();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      to[r * columns + c] = rows >= columns ? from[c * length + r] : from[r * length + c];
    }
  }
  return values;
}

// fans.in / (kh kw) input channels a group; outputs beyond them are 0.
Tensor dirac(const Shape& shape, const Fans& fans) {
  NOYAU_CHECK(shape.rank() == 4, "dirac: needs a convolution kernel [kh, kw, ic / groups, oc], not ", shape);
  const Tensor values = zeros(shape, {Dtype::f64});
  const std::int64_t ic = shape[2];
  const std::int64_t oc = shape[3];
  const auto group_oc = static_cast<std::int64_t>(fans.out) / (shape[0] * shape[1]);
  double* const center = values.mutable_data<double>() + (shape[0] / 2 * shape[1] + shape[1] / 2) * ic * oc;
  for (std::int64_t first = 0; first < oc; first += group_oc) {
    for (std::int64_t i = 0; i < std::min(ic, group_oc); ++i) center[i * oc + first + i] = 1;
  }
  return values;
}

Tensor values_of(const Shape& shape, Init init, const Fans& fans, Generator& generator) {
  if (init == Init::zeros) return zeros(shape, {Dtype::f64});
  if (init == Init::ones || init == Init::constant) return ones(shape, {Dtype::f64});
  if (init == Init::orthogonal) return orthogonal(shape, generator);
  if (init == Init::dirac) return dirac(shape, fans);
  const double deviation = std::sqrt(variance_of(init, fans));
  if (!is_uniform(init)) return normal(shape, 0, deviation, {Dtype::f64}, generator);
  const double bound = std::sqrt(3.0) * deviation;
  return uniform(shape, -bound, bound, {Dtype::f64}, generator);
}

}  // namespace

Initializer::Initializer(std::string_view name)
    : Initializer(value_of(kInits, "initializer", "rule", name)) {}

std::vector<std::string> initializer_names() { return names_of(kInits); }

void append(std::string& text, Init init) { append(text, name_of(kInits, init)); }

Fans fans(const Shape& kernel, std::int64_t groups) {
  if (kernel.rank() == 2) return {static_cast<double>(kernel[0]), static_cast<double>(kernel[1])};
  if (kernel.rank() != 4) return {static_cast<double>(kernel.size()), static_cast<double>(kernel.size())};
  const auto window = static_cast<double>(kernel[0] * kernel[1]);
  const std::int64_t out = kernel[3] / groups;
  return {window * static_cast<double>(kernel[2]), window * static_cast<double>(out)};
}

void initialize(const Tensor& kernel, const Initializer& rule, const Fans& fans, Generator& generator) {
  const Tensor values = values_of(kernel.shape(), rule.init, fans, generator);
  double* const v = values.mutable_data<double>();
  for (std::int64_t i = 0; i < values.size(); ++i) v[i] *= rule.scale;
  kernel.copy_from(values.to(kernel.dtype()));
}

void initialize(const Tensor& kernel, const Initializer& rule, Generator& generator) {
  initialize(kernel, rule, fans(kernel.shape()), generator);
}

}  // namespace noyau::inline v0
