#include "inspect/canvas.h"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>

namespace noyau::inline v0::inspect {
namespace {

constexpr double kFirst = 0.01;  // deviation of the first amplitudes, as in Lucid

// Frequency, in cycles a pixel, of wave `k` of `n`: constant, then a cosine and a sine of each.
double frequency(std::int64_t k, std::int64_t n) {
  const std::int64_t cycles = (k + 1) / 2;
  return static_cast<double>(cycles) / static_cast<double>(n);
}

// Orthonormal waves as columns: [pixel, wave].
Tensor waves(std::int64_t n, Device device) {
  std::vector<float> values(static_cast<std::size_t>(n * n));
  for (std::int64_t pixel = 0; pixel < n; ++pixel) {
    for (std::int64_t k = 0; k < n; ++k) {
      const double angle = 2 * std::numbers::pi * frequency(k, n) * static_cast<double>(pixel);
      const bool alone = k == 0 || (n % 2 == 0 && k == n - 1);
      const double wave = k % 2 == 1 || k == 0 ? std::cos(angle) : std::sin(angle);
      values[static_cast<std::size_t>(pixel * n + k)] =
          static_cast<float>(wave * std::sqrt((alone ? 1.0 : 2.0) / static_cast<double>(n)));
    }
  }
  return from_vector(values, {n, n}).to(device);
}

// 1 / max(f, 1 / max(h, w)) / 4 for each pair of waves.
Tensor amplitudes(std::int64_t h, std::int64_t w, Device device) {
  std::vector<float> values;
  for (std::int64_t a = 0; a < h; ++a) {
    for (std::int64_t b = 0; b < w; ++b) {
      const double f = std::hypot(frequency(a, h), frequency(b, w));
      values.push_back(static_cast<float>(0.25 / std::max(f, 1 / static_cast<double>(std::max(h, w)))));
    }
  }
  return from_vector(values, {1, 1, h, w}).to(device);
}

// Lucid's, from ImageNet: the root of the covariance of colours, by its largest column.
Tensor imagenet_colours() { return tensor({0.56, 0.19, 0.04, 0.58, 0.00, -0.11, 0.58, -0.19, 0.06}); }

std::int64_t reflected(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1), at = ((i % period) + period) % period;
  return at < n ? at : period - at;
}

double between(Generator& generator, double range) { return (2 * generator.uniform() - 1) * range; }

}  // namespace

Easel::Easel(Canvas canvas, const DataInfo& info, const Tensor& colours, Device device)
    : canvas_(canvas), h_(info.height), w_(info.width), c_(info.channels), device_(device) {
  if (canvas == Canvas::pixels) return;
  rows_ = waves(h_, device);
  columns_ = transpose(waves(w_, device));
  scale_ = amplitudes(h_, w_, device);
  const Tensor basis = colours ? colours : c_ == 3 ? reshape(imagenet_colours(), {3, 3}) : ones({c_, c_});
  NOYAU_CHECK(basis.shape() == Shape({c_, c_}), "maximise: colours are ", basis.shape(), " for images of ",
              c_, " channels");
  colours_ = transpose(basis).to(device);
}

Tensor Easel::begin(std::span<const std::int64_t> ids, double contrast, std::uint64_t seed) const {
  std::vector<Tensor> parts;
  for (const std::int64_t id : ids) {
    Generator generator = stream(seed, static_cast<std::uint64_t>(id), 0x6561);
    parts.push_back(canvas_ == Canvas::fourier ? normal({1, c_, h_, w_}, 0, kFirst * contrast, {}, generator)
                                               : uniform({1, h_, w_, c_}, 0, 255, {}, generator));
  }
  return concat(parts, 0).to(device_);
}

Tensor Easel::paint(const Tensor& numbers) const {
  if (canvas_ == Canvas::pixels) return mul(clamp(numbers, 0, 255), 1.0 / 255);
  const Tensor planes = matmul(matmul(rows_, mul(numbers, scale_)), columns_);
  return sigmoid(dense(transpose(planes, {0, 2, 3, 1}), colours_));
}

Tensor shaken(const Tensor& x, const Shake& shake, Generator& generator) {
  const std::int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
  const double down = between(generator, shake.jitter), right = between(generator, shake.jitter);
  const double zoom = 1 + between(generator, shake.scale);
  const double turn = between(generator, shake.rotate) * std::numbers::pi / 180;
  const double cosine = std::cos(turn) / zoom, sine = std::sin(turn) / zoom;
  const double cy = static_cast<double>(h - 1) / 2, cx = static_cast<double>(w - 1) / 2;
  std::array<std::vector<std::int32_t>, 4> index;
  std::array<std::vector<float>, 4> weight;
  for (std::int64_t i = 0; i < h; ++i) {
    for (std::int64_t j = 0; j < w; ++j) {
      const double dy = static_cast<double>(i) - cy, dx = static_cast<double>(j) - cx;
      const double y = cosine * dy + sine * dx + cy + down, px = cosine * dx - sine * dy + cx + right;
      const double fy = y - std::floor(y), fx = px - std::floor(px);
      for (std::size_t k = 0; k < 4; ++k) {
        const auto below = static_cast<std::int64_t>(k / 2), after = static_cast<std::int64_t>(k % 2);
        const std::int64_t row = reflected(static_cast<std::int64_t>(std::floor(y)) + below, h);
        const std::int64_t column = reflected(static_cast<std::int64_t>(std::floor(px)) + after, w);
        index[k].push_back(static_cast<std::int32_t>(row * w + column));
        weight[k].push_back(static_cast<float>((below != 0 ? fy : 1 - fy) * (after != 0 ? fx : 1 - fx)));
      }
    }
  }
  const Tensor flat = reshape(x, {n, h * w, c});
  Tensor sum;
  for (std::size_t k = 0; k < 4; ++k) {
    const Tensor taken = gather(flat, from_vector(index[k], {h * w}).to(x.device()), 1);
    const Tensor part = mul(taken, from_vector(weight[k], {1, h * w, 1}).to(x.device()));
    sum = sum ? add(sum, part) : part;
  }
  return reshape(sum, {n, h, w, c});
}

Tensor colour_basis(const Tensor& images) {
  NOYAU_CHECK(images.defined() && images.rank() == 4 && images.dtype() == Dtype::u8 && images.size() > 0,
              "colour_basis: images must be u8 [n, h, w, c]");
  if (images.dim(3) != 3) return ones({images.dim(3), images.dim(3)});
  Eigen::Vector3d mean = Eigen::Vector3d::Zero();
  Eigen::Matrix3d second = Eigen::Matrix3d::Zero();
  const std::uint8_t* const pixels = images.data<std::uint8_t>();
  const std::int64_t count = images.size() / 3;
  for (std::int64_t i = 0; i < count; ++i) {
    const Eigen::Vector3d pixel(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
    mean += pixel;
    second += pixel * pixel.transpose();
  }
  mean /= static_cast<double>(count);
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> eigen(second / static_cast<double>(count) -
                                                             mean * mean.transpose());
  Eigen::Matrix3d basis = eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal();
  const double largest = basis.colwise().norm().maxCoeff();
  NOYAU_CHECK(largest > 0, "colour_basis: all pixels have the same colour");
  basis /= largest;
  std::vector<float> values;
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 3; ++column) values.push_back(static_cast<float>(basis(row, column)));
  return from_vector(values, {3, 3});
}

}  // namespace noyau::inline v0::inspect
