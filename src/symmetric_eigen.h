#pragma once

#include <Eigen/Core>

namespace noyau::inline v0 {

// Eigenvalues in ascending order, and a unit eigenvector for each as a column.
struct SymmetricEigen {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
};

// Reads the lower triangle. Eigen's solver costs some ten seconds of compiler time wherever it is instantiated.
SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix);

}  // namespace noyau::inline v0
