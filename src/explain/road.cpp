// ROAD: removed pixels interpolated from their neighbours.
#include <Eigen/SparseCholesky>
#include <algorithm>

#include "explain/ranks.h"
#include "noyau/faithfulness.h"

namespace noyau::inline v0 {
namespace {

// Calls f(position, weight) for the neighbours of (row, column) that lie in the image.
template <class F>
void for_neighbours(std::int64_t row, std::int64_t column, std::int64_t h, std::int64_t w, F&& f) {
  for (std::int64_t i = std::max<std::int64_t>(0, row - 1); i <= std::min(h - 1, row + 1); ++i) {
    for (std::int64_t j = std::max<std::int64_t>(0, column - 1); j <= std::min(w - 1, column + 1); ++j) {
      const bool across = i != row && j != column;
      if (i != row || j != column) f(i * w + j, across ? 1.0 / 12 : 1.0 / 6);
    }
  }
}

Tensor with_noise(const Tensor& image, const Tensor& removed, const RoadOptions& options) {
  Generator generator = stream(options.seed, 0x6e6f697365);
  const Tensor noise = normal(image.shape(), 0, options.noise, {image.dtype()}, generator);
  return image + noise * reshape(removed, {1, image.dim(1), image.dim(2), 1});
}

Tensor removed_mask(std::span<const std::int64_t> positions, const Tensor& image) {
  const Tensor mask = zeros({image.dim(1), image.dim(2)}, {image.dtype()});
  std::vector<float> cells(static_cast<std::size_t>(mask.size()));
  for (const std::int64_t position : positions) cells[static_cast<std::size_t>(position)] = 1;
  return from_vector(cells, mask.shape()).to(image.dtype());
}

// The image with the highest pixels of each share removed, then those with the lowest.
Tensor removals(const Tensor& image, std::vector<std::int64_t> order, const RoadOptions& options) {
  std::vector<Tensor> images;
  for (int round = 0; round < 2; ++round, std::ranges::reverse(order)) {
    for (const double share : options.shares) {
      NOYAU_CHECK(share > 0 && share < 1, "road: a share of ", share, " is not between 0 and 1");
      const auto count = static_cast<std::size_t>(share * static_cast<double>(order.size()));
      const Tensor removed = removed_mask(std::span(order).first(count), image);
      images.push_back(with_noise(interpolate_removed(image, removed), removed, options));
    }
  }
  return concat(images, 0);
}

}  // namespace

// For a removed p: x_p * sum of weights of its neighbours = sum of weight * x of its neighbours.
Tensor interpolate_removed(const Tensor& image, const Tensor& removed) {
  check_images("interpolate_removed", image);
  const std::int64_t h = image.dim(1);
  const std::int64_t w = image.dim(2);
  const std::int64_t c = image.dim(3);
  NOYAU_CHECK(image.dim(0) == 1 && removed.defined() && removed.shape() == (Shape{h, w}),
              "interpolate_removed: expected one image and a mask of its size, not ", image.shape());
  const std::vector<double> mask = removed.to(Dtype::f64).to_vector<double>();
  std::vector<int> unknown(mask.size(), -1);
  int count = 0;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] > 0) unknown[i] = count++;
  }
  const Tensor result = image.to(Device()).to(Dtype::f64).clone();
  NOYAU_CHECK(count < h * w, "interpolate_removed: nothing of the image is left");
  if (count == 0) return result.to(image.dtype()).to(image.device());
  double* const pixels = result.mutable_data<double>();
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::MatrixXd right = Eigen::MatrixXd::Zero(count, c);
  for (std::int64_t p = 0; p < h * w; ++p) {
    const int row = unknown[static_cast<std::size_t>(p)];
    if (row < 0) continue;
    double total = 0;
    for_neighbours(p / w, p % w, h, w, [&](std::int64_t q, double weight) {
      total += weight;
      const int column = unknown[static_cast<std::size_t>(q)];
      if (column >= 0) entries.emplace_back(row, column, -weight);
      for (std::int64_t k = 0; column < 0 && k < c; ++k) right(row, k) += weight * pixels[q * c + k];
    });
    entries.emplace_back(row, row, total);
  }
  Eigen::SparseMatrix<double> matrix(count, count);
  matrix.setFromTriplets(entries.begin(), entries.end());
  const Eigen::MatrixXd solution = Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>>(matrix).solve(right);
  for (std::int64_t p = 0; p < h * w; ++p) {
    const int row = unknown[static_cast<std::size_t>(p)];
    for (std::int64_t k = 0; row >= 0 && k < c; ++k) pixels[p * c + k] = solution(row, k);
  }
  return result.to(image.dtype()).to(image.device());
}

Tensor road(const NetworkView& net, const Tensor& x, const Tensor& map, const RoadOptions& options) {
  check_map("road", x, map);
  NOYAU_CHECK(!options.shares.empty(), "road: no shares");
  const Evaluating mode(net);
  const NoGrad off;
  const auto orders = falling_order(map, options.seed);
  const auto half = static_cast<std::int64_t>(options.shares.size());
  return by_rows(x.dim(0), 1, [&](std::int64_t n, std::int64_t end) {
    const Tensor one = slice(x, 0, n, end);
    const Tensor weights = weights_at(net, one, options.target.rows(n, end));
    const Tensor images =
        removals(one.to(Device()), orders[static_cast<std::size_t>(n)], options).to(x.device());
    const Tensor output = net(images);
    const Tensor scores = scores_of(output, broadcast_to(weights, output.shape()), options.score);
    const Tensor gain = mean(slice(scores, 0, half, 2 * half)) - mean(slice(scores, 0, 0, half));
    return reshape(gain * 0.5, {1});
  });
}

}  // namespace noyau::inline v0
