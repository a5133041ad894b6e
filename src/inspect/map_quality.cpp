#include <algorithm>
#include <numeric>

#include "inspect/distances.h"
#include "inspect/watch.h"
#include "noyau/parallel.h"

namespace noyau::inline v0::inspect {
namespace {

// ranks[j] of one row: 0 for the nearest other row; the row itself comes last.
std::vector<std::int64_t> ranks_of(const std::vector<double>& distances, std::size_t row, std::size_t n) {
  std::vector<std::size_t> order;
  for (std::size_t j = 0; j < n; ++j)
    if (j != row) order.push_back(j);
  const double* const from = distances.data() + row * n;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return from[a] < from[b]; });
  std::vector<std::int64_t> ranks(n, static_cast<std::int64_t>(n));
  for (std::size_t r = 0; r < order.size(); ++r) ranks[order[r]] = static_cast<std::int64_t>(r);
  return ranks;
}

struct Faults {
  double intruders = 0;  // sum of (rank in the data - k) of neighbours on the map that are none in the data
  double lost = 0;       // the other way round
  double shared = 0;     // neighbours in both
};

Faults faults_of(const std::vector<std::int64_t>& data, const std::vector<std::int64_t>& map,
                 std::int64_t k) {
  Faults faults;
  for (std::size_t j = 0; j < data.size(); ++j) {
    const bool near = data[j] < k, shown = map[j] < k;
    if (shown && !near) faults.intruders += static_cast<double>(data[j] + 1 - k);
    if (near && !shown) faults.lost += static_cast<double>(map[j] + 1 - k);
    if (near && shown) faults.shared += 1;
  }
  return faults;
}

}  // namespace

std::vector<double> squared_distances(const Tensor& x) {
  const std::int64_t n = x.dim(0), d = x.dim(1);
  const float* const rows = x.data<float>();
  std::vector<double> result(static_cast<std::size_t>(n * n));
  parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t c = 0; c < d; ++c) {
          const double gap = static_cast<double>(rows[i * d + c]) - static_cast<double>(rows[j * d + c]);
          sum += gap * gap;
        }
        result[static_cast<std::size_t>(i * n + j)] = sum;
      }
    }
  });
  return result;
}

MapQuality map_quality(const Tensor& x, const Tensor& map, std::int64_t neighbours) {
  const Tensor data = matrix(x, "map_quality"), points = matrix(map, "map_quality");
  const std::int64_t n = data.dim(0);
  NOYAU_CHECK(points.dim(0) == n, "map_quality: ", n, " rows and ", points.dim(0), " points");
  NOYAU_CHECK(neighbours > 0 && 2 * neighbours < n, "map_quality: ", neighbours, " neighbours of ", n,
              " rows; at least 1 and fewer than half of the rows");
  const std::vector<double> far = squared_distances(data), shown = squared_distances(points);
  std::vector<Faults> faults(static_cast<std::size_t>(n));
  parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      faults[i] = faults_of(ranks_of(far, i, faults.size()), ranks_of(shown, i, faults.size()), neighbours);
  });
  Faults sum;
  for (const Faults& row : faults)
    sum.intruders += row.intruders, sum.lost += row.lost, sum.shared += row.shared;
  const auto rows = static_cast<double>(n), k = static_cast<double>(neighbours);
  const double scale = 2 / (rows * k * (2 * rows - 3 * k - 1));
  return {1 - scale * sum.intruders, 1 - scale * sum.lost, sum.shared / (rows * k)};
}

}  // namespace noyau::inline v0::inspect
