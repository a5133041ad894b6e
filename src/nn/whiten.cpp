#include <algorithm>
#include <cmath>

#include "noyau/models.h"
#include "symmetric_eigen.h"

namespace noyau::inline v0 {
namespace {

using Matrix = Eigen::MatrixXd;

// Covariance of all patches [kh, kw, c] of images [n, h, w, c], each as a row in the order of a kernel.
Matrix patch_covariance(const Tensor& images, std::int64_t kh, std::int64_t kw) {
  const std::int64_t n = images.dim(0), h = images.dim(1), w = images.dim(2), c = images.dim(3);
  const float* const x = images.data<float>();
  const std::int64_t size = kh * kw * c, count = n * (h - kh + 1) * (w - kw + 1);
  Matrix total = Matrix::Zero(size, size);
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(size), patch(size);
  for (std::int64_t image = 0; image < n; ++image) {
    for (std::int64_t row = 0; row + kh <= h; ++row) {
      for (std::int64_t column = 0; column + kw <= w; ++column) {
        for (std::int64_t r = 0; r < kh; ++r) {
          const float* const from = x + ((image * h + row + r) * w + column) * c;
          for (std::int64_t i = 0; i < kw * c; ++i) patch[r * kw * c + i] = from[i];
        }
        sum += patch;
        total.selfadjointView<Eigen::Lower>().rankUpdate(patch);
      }
    }
  }
  const auto patches = static_cast<double>(count);
  const Matrix second = total.selfadjointView<Eigen::Lower>();
  return (second - sum * sum.transpose() / patches) / (patches - 1);
}

}  // namespace

void whiten(Sequential& net, const Tensor& images, double epsilon) {
  auto& layer = net.at<Conv2d>("whiten");
  const Tensor& kernel = layer.kernel;
  const std::int64_t filters = kernel.dim(3), size = kernel.size() / filters;
  NOYAU_CHECK(filters == 2 * size, "whiten: layer has ", filters, " filters for patches of ", size,
              " numbers, not twice as many");
  NOYAU_CHECK(images.rank() == 4 && images.dim(3) == kernel.dim(2), "whiten: images are ", images.shape(),
              " but must be [n, h, w, ", kernel.dim(2), "]");
  const SymmetricEigen eigen = symmetric_eigen(patch_covariance(images, kernel.dim(0), kernel.dim(1)));
  const Tensor values = empty(kernel.shape(), {Dtype::f64});
  double* const v = values.mutable_data<double>();
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t f = 0; f < size; ++f) {
      const std::int64_t largest_first = size - 1 - f;
      const double weight =
          eigen.vectors(i, largest_first) / std::sqrt(eigen.values[largest_first] + epsilon);
      v[i * filters + f] = weight;
      v[i * filters + size + f] = -weight;
    }
  }
  kernel.copy_from(values.to(kernel.dtype()));
}

}  // namespace noyau::inline v0
