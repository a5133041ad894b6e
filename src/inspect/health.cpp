#include <Eigen/Cholesky>
#include <cmath>
#include <limits>
#include <numeric>

#include "inspect/watch.h"
#include "symmetric_eigen.h"

namespace noyau::inline v0::inspect {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

constexpr double kRidge = 1e-6;      // on the diagonal of the correlations
constexpr std::int64_t kSlab = 512;  // rows taken to f64 at a time

// Covariance of the units over images and cells.
Matrix covariance(const LayerOutputs& outputs) {
  const std::int64_t units = outputs.units(), rows = outputs.features.size() / units;
  const float* const x = outputs.features.data<float>();
  using Rows = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  Vector mean = Vector::Zero(units);
  for (std::int64_t r = 0; r < rows; r += kSlab)
    mean += Rows(x + r * units, std::min(kSlab, rows - r), units).cast<double>().colwise().sum().transpose();
  mean /= static_cast<double>(rows);
  Matrix total = Matrix::Zero(units, units);
  for (std::int64_t r = 0; r < rows; r += kSlab) {
    Matrix part = Rows(x + r * units, std::min(kSlab, rows - r), units).cast<double>();
    part.rowwise() -= mean.transpose();
    total.selfadjointView<Eigen::Lower>().rankUpdate(part.transpose());
  }
  return Matrix(total.selfadjointView<Eigen::Lower>()) / static_cast<double>(rows);
}

std::vector<bool> dead_units(const LayerOutputs& outputs, double threshold) {
  const std::int64_t n = outputs.mean.dim(0), units = outputs.units();
  std::vector<bool> dead(static_cast<std::size_t>(units));
  for (std::int64_t u = 0; u < units; ++u) {
    float low = outputs.mean.data<float>()[u], high = outputs.peak.data<float>()[u];
    for (std::int64_t i = 0; i < n; ++i) {
      low = std::min(low, outputs.mean.data<float>()[i * units + u]);
      high = std::max(high, outputs.peak.data<float>()[i * units + u]);
    }
    dead[static_cast<std::size_t>(u)] = static_cast<double>(high - low) <= threshold * outputs.rms;
  }
  return dead;
}

// Groups of live units joined by pairs that correlate enough.
std::vector<std::vector<std::int64_t>> groups(const Matrix& correlation,
                                              const std::vector<std::int64_t>& unit, double enough) {
  const auto n = static_cast<std::size_t>(correlation.rows());
  std::vector<std::size_t> root(n);
  std::iota(root.begin(), root.end(), std::size_t{0});
  const auto find = [&](std::size_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double r = correlation(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      if (std::abs(r) < enough) continue;
      const std::size_t a = find(i), b = find(j);
      root[std::max(a, b)] = std::min(a, b);
    }
  }
  std::vector<std::vector<std::int64_t>> members(n), result;
  for (std::size_t i = 0; i < n; ++i) members[find(i)].push_back(unit[i]);
  for (std::vector<std::int64_t>& group : members)
    if (group.size() > 1) result.push_back(std::move(group));
  return result;
}

void rank_of(Health& health, const Matrix& covariance) {
  const Vector values = symmetric_eigen(covariance).values.cwiseMax(0);
  const double total = values.sum();
  if (!(total > 0)) return;
  health.participation = total * total / values.squaredNorm();
  double entropy = 0;
  for (const double value : values)
    if (value > 0) entropy -= value / total * std::log(value / total);
  health.entropy_rank = std::exp(entropy);
}

}  // namespace

std::int64_t Health::spare() const {
  std::int64_t count = 0;
  for (const std::vector<std::int64_t>& group : duplicates)
    count += static_cast<std::int64_t>(group.size()) - 1;
  return count;
}

Health health(const LayerOutputs& outputs, const HealthOptions& options) {
  NOYAU_CHECK(outputs.mean.defined() && outputs.mean.dim(0) >= 2, "health: two images are needed");
  const std::vector<bool> dead = dead_units(outputs, options.dead);
  const Matrix all = covariance(outputs);
  Health health;
  std::vector<std::int64_t> live;
  for (std::int64_t u = 0; u < outputs.units(); ++u)
    (dead[static_cast<std::size_t>(u)] || !(all(u, u) > 0) ? health.dead : live).push_back(u);
  rank_of(health, all);
  health.explained.assign(dead.size(), std::numeric_limits<double>::quiet_NaN());
  if (live.empty()) return health;
  const auto count = static_cast<Eigen::Index>(live.size());
  Matrix correlation(count, count);
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < count; ++j) {
      const std::int64_t a = live[static_cast<std::size_t>(i)], b = live[static_cast<std::size_t>(j)];
      correlation(i, j) = all(a, b) / std::sqrt(all(a, a) * all(b, b));
    }
  }
  health.duplicates = groups(correlation, live, options.correlation);
  correlation.diagonal().array() += kRidge;
  const Matrix inverse = correlation.llt().solve(Matrix::Identity(count, count));
  for (Eigen::Index i = 0; i < count; ++i) {
    const double explained = 1 - 1 / (correlation(i, i) * inverse(i, i));
    health.explained[static_cast<std::size_t>(live[static_cast<std::size_t>(i)])] = explained;
    health.redundant += explained >= options.explained ? 1 : 0;
  }
  return health;
}

}  // namespace noyau::inline v0::inspect
