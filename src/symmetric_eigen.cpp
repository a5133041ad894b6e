#include "symmetric_eigen.h"

#include <Eigen/Eigenvalues>

namespace noyau::inline v0 {

SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  return {solver.eigenvalues(), solver.eigenvectors()};
}

}  // namespace noyau::inline v0
