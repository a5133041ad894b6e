#include <Eigen/Cholesky>
#include <algorithm>
#include <map>

#include "inspect/watch.h"

namespace noyau::inline v0::inspect {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Rows = std::vector<std::int64_t>;

constexpr std::int64_t kFewestRows = 20;

Matrix rows_of(const Tensor& features, const Rows& rows) {
  const std::int64_t d = features.dim(1);
  Matrix x(static_cast<Eigen::Index>(rows.size()), d);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float* const from = features.data<float>() + rows[i] * d;
    for (std::int64_t j = 0; j < d; ++j) x(static_cast<Eigen::Index>(i), j) = static_cast<double>(from[j]);
  }
  return x;
}

Matrix coded(std::span<const std::int32_t> targets, const Rows& rows, Eigen::Index classes) {
  Matrix y = Matrix::Zero(static_cast<Eigen::Index>(rows.size()), classes);
  for (std::size_t i = 0; i < rows.size(); ++i)
    y(static_cast<Eigen::Index>(i), targets[static_cast<std::size_t>(rows[i])]) = 1;
  return y;
}

// Ridge regression for several penalties: the larger of X^T X and X X^T is never formed.
class Ridge {
 public:
  Ridge(Matrix x, Matrix y) : x_(std::move(x)), y_(std::move(y)) {
    x_mean_ = x_.colwise().mean();
    y_mean_ = y_.colwise().mean();
    x_.rowwise() -= x_mean_.transpose();
    y_.rowwise() -= y_mean_.transpose();
    dual_ = x_.cols() > x_.rows();
    const Eigen::Index side = dual_ ? x_.rows() : x_.cols();
    gram_ = Matrix::Zero(side, side);
    if (dual_) {
      gram_.selfadjointView<Eigen::Lower>().rankUpdate(x_);
    } else {
      gram_.selfadjointView<Eigen::Lower>().rankUpdate(x_.transpose());
    }
    scale_ = gram_.trace() / static_cast<double>(std::max<Eigen::Index>(1, x_.cols()));
  }

  // Outputs for the rows of `x`; the penalty counts in mean variances of a feature, for all rows together.
  Matrix predict(Matrix x, double penalty) const {
    x.rowwise() -= x_mean_.transpose();
    Matrix damped = gram_;
    damped.diagonal().array() += std::max(penalty * scale_, 1e-12);
    const Eigen::LLT<Matrix> solver(damped);
    const Matrix weights =
        dual_ ? Matrix(x_.transpose() * solver.solve(y_)) : Matrix(solver.solve(x_.transpose() * y_));
    return (x * weights).rowwise() + y_mean_.transpose();
  }

 private:
  Matrix x_, y_, gram_;
  Vector x_mean_, y_mean_;
  double scale_ = 0;
  bool dual_ = false;
};

std::vector<bool> judged(const Matrix& outputs, std::span<const std::int32_t> targets, const Rows& rows) {
  std::vector<bool> right(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Eigen::Index best = 0;
    outputs.row(static_cast<Eigen::Index>(i)).maxCoeff(&best);
    right[i] = best == targets[static_cast<std::size_t>(rows[i])];
  }
  return right;
}

std::int64_t number_right(const std::vector<bool>& right) {
  return std::count(right.begin(), right.end(), true);
}

// Rows in a random order, cut in two; the first part is a random sample, its rows in their own order.
std::pair<Rows, Rows> parted(const Rows& rows, double share, Generator& generator) {
  const std::vector<std::int64_t> order = permutation(static_cast<std::int64_t>(rows.size()), generator);
  const auto first = static_cast<std::size_t>(share * static_cast<double>(rows.size()));
  std::vector<bool> taken(rows.size());
  for (std::size_t i = 0; i < first; ++i) taken[static_cast<std::size_t>(order[i])] = true;
  std::pair<Rows, Rows> parts;
  for (std::size_t i = 0; i < rows.size(); ++i) (taken[i] ? parts.first : parts.second).push_back(rows[i]);
  return parts;
}

double best_penalty(const Tensor& x, std::span<const std::int32_t> targets, Eigen::Index classes,
                    const Rows& rows, const ProbeOptions& options, Generator& generator) {
  const auto [judging, fitted] = parted(rows, 0.2, generator);
  const Ridge ridge(rows_of(x, fitted), coded(targets, fitted, classes));
  const Matrix held = rows_of(x, judging);
  double best = options.penalties.front();
  std::int64_t most = -1;
  for (const double penalty : options.penalties) {
    const std::int64_t right = number_right(judged(ridge.predict(held, penalty), targets, judging));
    if (right > most) most = right, best = penalty;
  }
  return best;
}

double largest_share(std::span<const std::int32_t> targets, const Rows& rows) {
  std::map<std::int32_t, std::int64_t> counts;
  std::int64_t most = 0;
  for (const std::int64_t row : rows) most = std::max(most, ++counts[targets[static_cast<std::size_t>(row)]]);
  return static_cast<double>(most) / static_cast<double>(rows.size());
}

}  // namespace

ProbeResult linear_probe(const Tensor& features, std::span<const std::int32_t> targets,
                         const ProbeOptions& options) {
  const Tensor x = matrix(features, "linear_probe");
  NOYAU_CHECK(static_cast<std::int64_t>(targets.size()) == x.dim(0), "linear_probe: ", x.dim(0), " rows and ",
              targets.size(), " targets");
  NOYAU_CHECK(options.held_out > 0 && options.held_out < 1, "linear_probe: the share held out is ",
              options.held_out, " but must be in (0, 1)");
  NOYAU_CHECK(!options.penalties.empty(), "linear_probe: no penalties");
  Rows rows;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (targets[i] >= 0) rows.push_back(static_cast<std::int64_t>(i));
  const std::int32_t highest = targets.empty() ? -1 : *std::max_element(targets.begin(), targets.end());
  NOYAU_CHECK(static_cast<std::int64_t>(rows.size()) >= kFewestRows, "linear_probe: ", rows.size(),
              " rows have a target; ", kFewestRows, " are needed");
  NOYAU_CHECK(largest_share(targets, rows) < 1, "linear_probe: all rows have the same target");
  Generator generator = stream(options.seed, 0x70726f6265);
  const auto [held, fitted] = parted(rows, options.held_out, generator);
  NOYAU_CHECK(!held.empty() && fitted.size() >= 5, "linear_probe: ", held.size(), " rows are held out and ",
              fitted.size(), " left");
  const Eigen::Index classes = highest + 1;
  ProbeResult result;
  result.penalty = best_penalty(x, targets, classes, fitted, options, generator);
  const Ridge ridge(rows_of(x, fitted), coded(targets, fitted, classes));
  result.right = judged(ridge.predict(rows_of(x, held), result.penalty), targets, held);
  result.fitted = static_cast<std::int64_t>(fitted.size());
  result.tested = static_cast<std::int64_t>(held.size());
  const std::int64_t right = number_right(result.right);
  result.accuracy = static_cast<double>(right) / static_cast<double>(result.tested);
  result.interval = stats::wilson(right, result.tested, options.level);
  result.chance = largest_share(targets, held);
  return result;
}

}  // namespace noyau::inline v0::inspect
