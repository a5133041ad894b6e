#include <algorithm>
#include <cmath>

#include "inspect/watch.h"
#include "symmetric_eigen.h"

namespace noyau::inline v0::inspect {
namespace {

using Matrix = Eigen::MatrixXd;

Matrix centred(const Tensor& x) {
  using Map = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  Matrix rows = Map(x.data<float>(), x.dim(0), x.dim(1)).cast<double>();
  const Eigen::RowVectorXd mean = rows.colwise().mean();
  return rows.rowwise() - mean;
}

}  // namespace

Pca pca(const Tensor& x, std::int64_t components) {
  const Tensor data = matrix(x, "pca");
  NOYAU_CHECK(components >= 1 && data.dim(0) >= 2, "pca: ", components, " components of ", data.dim(0),
              " rows");
  const Matrix rows = centred(data);
  const bool dual = rows.cols() > rows.rows();  // the smaller of X X^T and X^T X
  const SymmetricEigen eigen =
      symmetric_eigen(dual ? Matrix(rows * rows.transpose()) : Matrix(rows.transpose() * rows));
  const Eigen::Index side = eigen.values.size();
  const Eigen::Index k = std::min<Eigen::Index>({components, side, rows.rows() - 1});
  const double total = rows.squaredNorm();
  Pca result;
  result.scores = empty({data.dim(0), k});
  float* const to = result.scores.mutable_data<float>();
  for (Eigen::Index i = 0; i < k; ++i) {
    const Eigen::VectorXd vector = eigen.vectors.col(side - 1 - i);
    const double value = std::max(0.0, eigen.values[side - 1 - i]);
    Eigen::VectorXd loading = dual ? Eigen::VectorXd(rows.transpose() * vector) : vector;
    Eigen::Index largest = 0;
    loading.cwiseAbs().maxCoeff(&largest);
    const double sign = loading[largest] < 0 ? -1 : 1;
    const Eigen::VectorXd score =
        sign * (dual ? Eigen::VectorXd(vector * std::sqrt(value)) : Eigen::VectorXd(rows * vector));
    for (Eigen::Index r = 0; r < rows.rows(); ++r) to[r * k + i] = static_cast<float>(score[r]);
    result.explained.push_back(total > 0 ? value / total : 0);
  }
  return result;
}

}  // namespace noyau::inline v0::inspect
