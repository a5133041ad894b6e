#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "noyau/inspect.h"

namespace noyau::inline v0::inspect {
namespace {

using Matrix = Eigen::MatrixXd;

constexpr int kFrequencies = 64;  // along each axis of the power spectrum

void check_kernel(const Tensor& kernel) {
  NOYAU_CHECK(kernel.defined() && kernel.rank() == 4, "inspect: a kernel must be [kh, kw, c, filters]",
              kernel.defined() ? message(" but is ", kernel.shape()) : "");
}

// The taps of one filter as rows, its channels as columns.
Matrix taps_of(const Tensor& kernel, std::int64_t filter) {
  const std::int64_t taps = kernel.dim(0) * kernel.dim(1), channels = kernel.dim(2), filters = kernel.dim(3);
  Matrix w(taps, channels);
  for (std::int64_t t = 0; t < taps; ++t)
    for (std::int64_t c = 0; c < channels; ++c)
      w(t, c) = static_cast<double>(kernel.data<float>()[(t * channels + c) * filters + filter]);
  return w;
}

// |sum_{y,x} p[y,x] exp(-2 pi i (fy y + fx x))|^2
double power(const Eigen::VectorXd& p, std::int64_t kw, double fy, double fx) {
  double re = 0, im = 0;
  for (std::int64_t t = 0; t < p.size(); ++t) {
    const std::int64_t y = t / kw;
    const std::int64_t x = t % kw;
    const double angle = -2 * std::numbers::pi * (fy * static_cast<double>(y) + fx * static_cast<double>(x));
    re += p[t] * std::cos(angle);
    im += p[t] * std::sin(angle);
  }
  return re * re + im * im;
}

void describe_space(FilterType& type, const Eigen::VectorXd& p, std::int64_t kw) {
  double best = -1, down = 0, across = 0;
  for (int a = 0; a <= kFrequencies / 2; ++a) {
    for (int b = -kFrequencies / 2 + 1; b <= kFrequencies / 2; ++b) {
      const double fy = static_cast<double>(a) / kFrequencies, fx = static_cast<double>(b) / kFrequencies;
      const double here = power(p, kw, fy, fx);
      if (here <= best * (1 + 1e-9)) continue;
      best = here, down = fy, across = fx;
    }
  }
  type.frequency = std::hypot(down, across);
  if (!(best > 0) || type.frequency == 0) return;
  const double wave = std::atan2(-down, across) * 180 / std::numbers::pi;  // rows count downwards
  type.orientation = std::fmod(wave + 90 + 360, 180);
  type.directed = std::clamp(1 - power(p, kw, -across, down) / best, 0.0, 1.0);
}

FilterType type_of(const Tensor& kernel, std::int64_t filter) {
  FilterType type;
  const Eigen::JacobiSVD<Matrix> svd(taps_of(kernel, filter), Eigen::ComputeThinU | Eigen::ComputeThinV);
  const double energy = svd.singularValues().squaredNorm();
  if (!(energy > 0)) return type;
  type.separable = svd.singularValues()[0] * svd.singularValues()[0] / energy;
  if (kernel.dim(2) == 3)
    type.opponency = std::clamp(1 - std::abs(svd.matrixV().col(0).sum()) / std::sqrt(3.0), 0.0, 1.0);
  describe_space(type, svd.matrixU().col(0), kernel.dim(1));
  return type;
}

}  // namespace

std::vector<FilterType> filter_types(const Tensor& kernel) {
  check_kernel(kernel);
  const Tensor host = kernel.detach().to(Device()).to(Dtype::f32);
  std::vector<FilterType> types;
  for (std::int64_t filter = 0; filter < host.dim(3); ++filter) types.push_back(type_of(host, filter));
  return types;
}

Tensor filter_images(const Tensor& kernel) {
  check_kernel(kernel);
  NOYAU_CHECK(kernel.dim(2) == 1 || kernel.dim(2) == 3, "inspect: filters of ", kernel.dim(2),
              " channels are no pictures; those of the first layer are");
  const Tensor host = kernel.detach().to(Device()).to(Dtype::f32);
  const std::int64_t kh = host.dim(0), kw = host.dim(1), channels = host.dim(2), filters = host.dim(3);
  const Tensor images = empty({filters, kh, kw, channels}, {Dtype::u8});
  for (std::int64_t filter = 0; filter < filters; ++filter) {
    const Matrix w = taps_of(host, filter);
    const double largest = std::max(w.cwiseAbs().maxCoeff(), 1e-30);
    std::uint8_t* const to = images.mutable_data<std::uint8_t>() + filter * w.size();
    for (std::int64_t t = 0; t < w.rows(); ++t)
      for (std::int64_t c = 0; c < channels; ++c)
        to[t * channels + c] = static_cast<std::uint8_t>(std::lround(127.5 * (1 + w(t, c) / largest)));
  }
  return images;
}

}  // namespace noyau::inline v0::inspect
