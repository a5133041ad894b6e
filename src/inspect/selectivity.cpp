#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "inspect/watch.h"

namespace noyau::inline v0::inspect {
namespace {

constexpr int kBins = 16;

void check_labels(std::span<const std::int32_t> labels, int classes) {
  NOYAU_CHECK(classes >= 1, "inspect: ", classes, " classes");
  for (const std::int32_t label : labels)
    NOYAU_CHECK(label >= 0 && label < classes, "inspect: label ", label, " is out of range for ", classes,
                " classes");
}

// Bins of equal count, equal values together: the bin of a value is that of the first of its rank.
std::vector<int> bins_of(std::span<const float> values, int bins) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<int> bin(values.size());
  std::size_t first = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    if (values[order[rank]] > values[order[first]]) first = rank;
    bin[order[rank]] = static_cast<int>(first * static_cast<std::size_t>(bins) / order.size());
  }
  return bin;
}

// Miller and Madow: the plug-in entropy plus (occupied - 1) / (2 n), in nats.
double entropy(std::span<const std::int64_t> counts, std::size_t total) {
  const auto n = static_cast<double>(total);
  double sum = 0, occupied = 0;
  for (const std::int64_t count : counts) {
    if (count == 0) continue;
    const double p = static_cast<double>(count) / n;
    sum -= p * std::log(p);
    occupied += 1;
  }
  return sum + (occupied - 1) / (2 * n);
}

std::vector<double> class_means(std::span<const float> values, std::span<const std::int32_t> labels,
                                int classes) {
  std::vector<double> sums(static_cast<std::size_t>(classes)), counts(sums.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    sums[static_cast<std::size_t>(labels[i])] += static_cast<double>(values[i]);
    counts[static_cast<std::size_t>(labels[i])] += 1;
  }
  for (std::size_t c = 0; c < sums.size(); ++c)
    sums[c] = counts[c] > 0 ? sums[c] / counts[c] : std::numeric_limits<double>::quiet_NaN();
  return sums;
}

// Classes without images have no mean and are passed over.
void compare_classes(Selectivity& unit, std::span<const double> means) {
  double largest = -std::numeric_limits<double>::infinity(), total = 0, present = 0;
  bool negative = false;
  for (std::size_t c = 0; c < means.size(); ++c) {
    if (std::isnan(means[c])) continue;
    if (means[c] > largest) largest = means[c], unit.best_class = static_cast<int>(c);
    negative = negative || means[c] < 0;
    total += means[c];
    present += 1;
  }
  if (present < 2 || negative) {
    unit.index = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const double rest = (total - largest) / (present - 1);
  unit.index = largest > 0 ? (largest - rest) / (largest + rest) : 0;
}

}  // namespace

double information(std::span<const float> values, std::span<const std::int32_t> labels, int classes,
                   int bins) {
  NOYAU_CHECK(values.size() == labels.size() && !values.empty(), "information: ", values.size(),
              " values and ", labels.size(), " labels");
  NOYAU_CHECK(bins >= 1, "information: ", bins, " bins");
  check_labels(labels, classes);
  const std::vector<int> bin = bins_of(values, bins);
  const auto k = static_cast<std::size_t>(classes);
  std::vector<std::int64_t> joint(static_cast<std::size_t>(bins) * k), by_bin(static_cast<std::size_t>(bins)),
      by_class(k);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto b = static_cast<std::size_t>(bin[i]), c = static_cast<std::size_t>(labels[i]);
    ++joint[b * k + c], ++by_bin[b], ++by_class[c];
  }
  const double of_class = entropy(by_class, labels.size());
  if (!(of_class > 0)) return 0;
  const double shared = entropy(by_bin, labels.size()) + of_class - entropy(joint, labels.size());
  return std::clamp(shared / of_class, 0.0, 1.0);
}

std::vector<Selectivity> selectivity(const Tensor& values, const Tensor& labels, int classes) {
  const Tensor x = matrix(values, "selectivity");
  const std::int64_t n = x.dim(0), units = x.dim(1);
  NOYAU_CHECK(labels.defined() && labels.rank() == 1 && labels.dim(0) == n && n > 0, "selectivity: ", n,
              " rows need as many labels");
  const std::vector<std::int32_t> ids = labels.to_vector<std::int32_t>();
  check_labels(ids, classes);
  std::vector<Selectivity> result;
  std::vector<float> column(static_cast<std::size_t>(n));
  for (std::int64_t u = 0; u < units; ++u) {
    for (std::int64_t i = 0; i < n; ++i) column[static_cast<std::size_t>(i)] = x.data<float>()[i * units + u];
    Selectivity unit;
    compare_classes(unit, class_means(column, ids, classes));
    unit.information = information(column, ids, classes, kBins);
    result.push_back(unit);
  }
  return result;
}

}  // namespace noyau::inline v0::inspect
