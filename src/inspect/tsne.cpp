#include <algorithm>
#include <cmath>

#include "inspect/distances.h"
#include "inspect/watch.h"
#include "noyau/parallel.h"

namespace noyau::inline v0::inspect {
namespace {

constexpr double kLeast = 1e-12;

struct Point {
  double x = 0, y = 0;
};

// Fills p[j] of one row: Gaussian in distance, at the width that gives the perplexity (by bisection of its logarithm).
void find_width(const double* distances, double* p, std::size_t row, std::size_t n, double perplexity) {
  double nearest = INFINITY;
  for (std::size_t j = 0; j < n; ++j)
    if (j != row) nearest = std::min(nearest, distances[j]);
  double precision = 1, low = 0, high = INFINITY;
  for (int round = 0; round < 100; ++round) {
    double total = 0, weighted = 0;
    for (std::size_t j = 0; j < n; ++j) {
      p[j] = j == row ? 0 : std::exp(-precision * (distances[j] - nearest));
      total += p[j];
      weighted += p[j] * (distances[j] - nearest);
    }
    const double entropy = std::log(total) + precision * weighted / total;
    for (std::size_t j = 0; j < n; ++j) p[j] /= total;
    const double error = entropy - std::log(perplexity);
    if (std::abs(error) < 1e-6) return;
    (error > 0 ? low : high) = precision;
    precision = std::isinf(high) ? precision * 2 : (low + high) / 2;
  }
}

// p_ij = (p_j|i + p_i|j) / (2 n)
std::vector<double> neighbourhoods(const Tensor& x, double perplexity) {
  const auto n = static_cast<std::size_t>(x.dim(0));
  const std::vector<double> distances = squared_distances(x);
  std::vector<double> conditional(n * n);
  parallel_for(x.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      find_width(distances.data() + i * n, conditional.data() + i * n, i, n, perplexity);
  });
  std::vector<double> joint(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      joint[i * n + j] =
          std::max(kLeast, (conditional[i * n + j] + conditional[j * n + i]) / (2 * static_cast<double>(n)));
  return joint;
}

class Descent {
 public:
  Descent(const Tensor& x, double perplexity)
      : n_(static_cast<std::size_t>(x.dim(0))),
        p_(neighbourhoods(x, perplexity)),
        points_(n_),
        speed_(n_),
        gain_(n_, {1, 1}),
        pull_(n_),
        push_(n_),
        norm_(n_) {
    const Pca start = pca(x, 2);
    const std::int64_t k = start.scores.dim(1);
    const float* const scores = start.scores.data<float>();
    double squares = 0;
    for (std::int64_t i = 0; i < x.dim(0); ++i) squares += std::pow(static_cast<double>(scores[i * k]), 2);
    const double deviation = std::sqrt(squares / static_cast<double>(n_));
    const double scale = deviation > 0 ? 1e-4 / deviation : 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const float* const row = scores + static_cast<std::int64_t>(i) * k;
      points_[i] = {static_cast<double>(row[0]) * scale, k > 1 ? static_cast<double>(row[1]) * scale : 0};
    }
  }

  void step(double exaggeration, double momentum, double rate) {
    forces();
    double total = 0;
    for (const double part : norm_) total += part;
    for (std::size_t i = 0; i < n_; ++i) {
      const Point slope{4 * (exaggeration * pull_[i].x - push_[i].x / total),
                        4 * (exaggeration * pull_[i].y - push_[i].y / total)};
      move(points_[i].x, speed_[i].x, gain_[i].x, slope.x, momentum, rate);
      move(points_[i].y, speed_[i].y, gain_[i].y, slope.y, momentum, rate);
    }
    centre();
  }

  // sum_ij p_ij log(p_ij / q_ij), p normalised.
  double divergence() const {
    double norm = 0, mass = 0, sum = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        if (j == i) continue;
        norm += near(i, j);
        mass += p_[i * n_ + j];
      }
    }
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        if (j == i) continue;
        const double p = p_[i * n_ + j] / mass;
        sum += p * std::log(p * norm / near(i, j));
      }
    }
    return sum;
  }

  Tensor result() const {
    const Tensor points = empty({static_cast<std::int64_t>(n_), 2});
    float* to = points.mutable_data<float>();
    for (const Point& point : points_) {
      *to++ = static_cast<float>(point.x);
      *to++ = static_cast<float>(point.y);
    }
    return points;
  }

 private:
  double near(std::size_t i, std::size_t j) const {
    const double dx = points_[i].x - points_[j].x, dy = points_[i].y - points_[j].y;
    return 1 / (1 + dx * dx + dy * dy);
  }

  // pull_i = sum_j p_ij w_ij (y_i - y_j), push_i = sum_j w_ij^2 (y_i - y_j), norm_i = sum_j w_ij; rows i a thread.
  void forces() {
    parallel_for(static_cast<std::int64_t>(n_), 8, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        Point pull, push;
        double norm = 0;
        const Point at = points_[i];
        for (std::size_t j = 0; j < n_; ++j) {
          const double dx = at.x - points_[j].x, dy = at.y - points_[j].y;
          const double w = 1 / (1 + dx * dx + dy * dy), pw = p_[i * n_ + j] * w, ww = w * w;
          norm += w;
          pull.x += pw * dx, pull.y += pw * dy;
          push.x += ww * dx, push.y += ww * dy;
        }
        pull_[i] = pull, push_[i] = push, norm_[i] = norm - 1;
      }
    });
  }

  static void move(double& at, double& speed, double& gain, double slope, double momentum, double rate) {
    gain = std::max(0.01, (slope > 0) == (speed > 0) ? gain * 0.8 : gain + 0.2);
    speed = momentum * speed - rate * gain * slope;
    at += speed;
  }

  void centre() {
    Point mean;
    for (const Point& point : points_) mean.x += point.x, mean.y += point.y;
    for (Point& point : points_)
      point.x -= mean.x / static_cast<double>(n_), point.y -= mean.y / static_cast<double>(n_);
  }

  std::size_t n_;
  std::vector<double> p_;
  std::vector<Point> points_, speed_, gain_, pull_, push_;
  std::vector<double> norm_;
};

}  // namespace

Tsne tsne(const Tensor& x, const TsneOptions& options) {
  const Tensor data = matrix(x, "tsne");
  const auto n = static_cast<double>(data.dim(0));
  NOYAU_CHECK(data.dim(0) >= 10, "tsne: ", data.dim(0), " rows; ten are needed");
  NOYAU_CHECK(options.perplexity > 1, "tsne: a perplexity of ", options.perplexity, " must be above 1");
  Descent descent(data, std::min(options.perplexity, n / 3));
  const double rate = std::max(n / options.exaggeration / 4, 50.0);
  for (int i = 0; i < options.iterations; ++i) {
    if (options.stop && options.stop()) throw Stopped();
    const bool early = i < options.early;
    descent.step(early ? options.exaggeration : 1, early ? 0.5 : 0.8, rate);
  }
  return {descent.result(), descent.divergence()};
}

}  // namespace noyau::inline v0::inspect
