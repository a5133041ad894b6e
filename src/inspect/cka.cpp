#include <Eigen/Core>
#include <cmath>
#include <limits>

#include "inspect/watch.h"

namespace noyau::inline v0::inspect {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

// Products of the rows of a minibatch with its diagonal set to 0, and the sums that HSIC_1 takes of it.
struct Gram {
  Matrix k;
  Vector rows;
  double total = 0;

  Gram(const Tensor& x, std::int64_t first, std::int64_t count) {
    const std::int64_t d = x.dim(1);
    using Map = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
    Matrix part = Map(x.data<float>() + first * d, count, d).cast<double>();
    const Eigen::RowVectorXd mean = part.colwise().mean();
    part.rowwise() -= mean;  // HSIC_1 does not depend on it; rounding does
    k = Matrix::Zero(count, count);
    k.selfadjointView<Eigen::Lower>().rankUpdate(part);
    k.triangularView<Eigen::StrictlyUpper>() = k.transpose();
    k.diagonal().setZero();
    rows = k.rowwise().sum();
    total = rows.sum();
  }
};

// [tr(KL) + 1'K1 1'L1 / ((n-1)(n-2)) - 2 / (n-2) 1'KL1] / (n (n-3)), diagonals of K and L zero (Song et al., 2012, eq. 5).
double hsic(const Gram& a, const Gram& b) {
  const auto n = static_cast<double>(a.k.rows());
  const double trace = a.k.cwiseProduct(b.k).sum();
  return (trace + a.total * b.total / ((n - 1) * (n - 2)) - 2 / (n - 2) * a.rows.dot(b.rows)) / (n * (n - 3));
}

void check_rows(std::span<const Tensor> features, std::int64_t rows) {
  for (const Tensor& x : features)
    NOYAU_CHECK(x.dim(0) == rows, "cka: features of ", x.dim(0), " and ", rows, " images");
}

std::vector<Tensor> matrices(std::span<const Tensor> features) {
  std::vector<Tensor> result;
  for (const Tensor& x : features) result.push_back(matrix(x, "cka"));
  return result;
}

std::vector<Gram> grams(std::span<const Tensor> features, std::int64_t first, std::int64_t count) {
  std::vector<Gram> result;
  for (const Tensor& x : features) result.emplace_back(x, first, count);
  return result;
}

struct Sums {
  std::vector<double> aa, bb, ab;

  void add(const std::vector<Gram>& a, const std::vector<Gram>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) aa[i] += hsic(a[i], a[i]);
    for (std::size_t j = 0; j < b.size(); ++j) bb[j] += hsic(b[j], b[j]);
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < b.size(); ++j) ab[i * b.size() + j] += hsic(a[i], b[j]);
  }
};

}  // namespace

std::vector<double> cka(std::span<const Tensor> a, std::span<const Tensor> b, std::int64_t batch) {
  NOYAU_CHECK(!a.empty() && !b.empty(), "cka: no features");
  const std::vector<Tensor> x = matrices(a), y = matrices(b);
  const std::int64_t rows = x[0].dim(0);
  check_rows(x, rows);
  check_rows(y, rows);
  const std::int64_t size = std::min(batch, rows);
  NOYAU_CHECK(size >= 4, "cka: four images are needed in a batch, not ", size);
  Sums sums{std::vector<double>(x.size()), std::vector<double>(y.size()),
            std::vector<double>(x.size() * y.size())};
  for (std::int64_t first = 0; first + size <= rows; first += size)
    sums.add(grams(x, first, size), grams(y, first, size));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < y.size(); ++j) {
      const double scale = sums.aa[i] > 0 && sums.bb[j] > 0 ? std::sqrt(sums.aa[i] * sums.bb[j])
                                                            : std::numeric_limits<double>::quiet_NaN();
      sums.ab[i * y.size() + j] /= scale;
    }
  }
  return sums.ab;
}

double cka(const Tensor& x, const Tensor& y) {
  return cka(std::span(&x, 1), std::span(&y, 1), std::numeric_limits<std::int64_t>::max())[0];
}

}  // namespace noyau::inline v0::inspect
