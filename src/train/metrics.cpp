#include "noyau/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace noyau::inline v0 {
namespace {

void check_scores(std::int64_t row, std::span<const double> scores) {
  for (double score : scores) {
    NOYAU_CHECK(score < INFINITY, "predictions: row ", row, " of scores holds ", score);
  }
}

void check_probabilities(std::int64_t row, std::span<const double> scores) {
  constexpr double kTolerance = 1e-3;
  double sum = 0;
  for (double p : scores) {
    NOYAU_CHECK(p >= 0 && p <= 1 + kTolerance, "predictions: row ", row, " holds ", p,
                ", which is no probability; pass logits as Scores::logits");
    sum += p;
  }
  NOYAU_CHECK(std::abs(sum - 1) <= kTolerance, "predictions: row ", row, " adds up to ", sum,
              " instead of 1; pass logits as Scores::logits");
}

int rank_of(std::span<const double> scores, int label) {
  const double own = scores[static_cast<std::size_t>(label)];
  int before = 0;
  for (int c = 0; c < static_cast<int>(scores.size()); ++c) {
    const double other = scores[static_cast<std::size_t>(c)];
    before += other > own || (other == own && c < label);
  }
  return before;
}

// -log p of every class, from the scores less their largest so that no exponential overflows.
std::vector<double> surprisals(std::span<const double> scores, Scores kind) {
  std::vector<double> result(scores.size());
  if (kind == Scores::probabilities) {
    std::transform(scores.begin(), scores.end(), result.begin(), [](double p) { return -std::log(p); });
    return result;
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double score : scores) sum += std::exp(score - largest);
  const double log_sum = largest + std::log(sum);
  std::transform(scores.begin(), scores.end(), result.begin(), [=](double score) { return log_sum - score; });
  return result;
}

Prediction predict(std::span<const double> scores, int label, Scores kind) {
  const std::vector<double> surprise = surprisals(scores, kind);
  const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  double brier = 0;
  for (std::size_t c = 0; c < scores.size(); ++c) {
    const double miss = std::exp(-surprise[c]) - (static_cast<int>(c) == label ? 1 : 0);
    brier += miss * miss;
  }
  return {.label = label,
          .predicted = static_cast<int>(best),
          .rank = rank_of(scores, label),
          .confidence = std::exp(-surprise[static_cast<std::size_t>(best)]),
          .nll = surprise[static_cast<std::size_t>(label)],
          .brier = brier};
}

void check_rows(const char* metric, std::size_t rows) {
  NOYAU_CHECK(rows > 0, metric, ": there are no rows");
}

void check_bins(const char* metric, int bins) {
  NOYAU_CHECK(bins > 0, metric, ": the number of bins must be positive (", bins, ")");
}

template <class Value>
double mean_of(const char* metric, std::span<const Prediction> rows, Value value) {
  check_rows(metric, rows.size());
  double sum = 0;
  for (const Prediction& row : rows) sum += value(row);
  return sum / static_cast<double>(rows.size());
}

void count_in(ReliabilityBin& bin, const Prediction& row) {
  ++bin.count;
  bin.confidence += (row.confidence - bin.confidence) / static_cast<double>(bin.count);
  bin.accuracy += ((row.correct() ? 1.0 : 0.0) - bin.accuracy) / static_cast<double>(bin.count);
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::vector<Prediction> predictions(const Tensor& scores, const Tensor& labels, Scores kind) {
  NOYAU_CHECK(scores.rank() == 2, "predictions: scores must be [n, classes], not ", scores.shape());
  const std::int64_t n = scores.dim(0);
  const std::int64_t classes = scores.dim(1);
  NOYAU_CHECK(classes > 0, "predictions: scores ", scores.shape(), " have no classes");
  NOYAU_CHECK(labels.shape() == Shape({n}), "predictions: labels ", labels.shape(), " do not match scores ",
              scores.shape(), "; one label a row is needed");
  const std::vector<double> values = scores.to(Device()).to(Dtype::f64).to_vector<double>();
  const std::vector<std::int32_t> ids = labels.to_vector<std::int32_t>();

  std::vector<Prediction> rows;
  rows.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t label = ids[static_cast<std::size_t>(i)];
    NOYAU_CHECK(label >= 0 && label < classes, "predictions: label ", label, " of row ", i,
                " is out of range for ", classes, " classes");
    const std::span row(values.data() + i * classes, static_cast<std::size_t>(classes));
    check_scores(i, row);
    if (kind == Scores::probabilities) check_probabilities(i, row);
    rows.push_back(predict(row, label, kind));
  }
  return rows;
}

double accuracy(std::span<const Prediction> rows) {
  return mean_of("accuracy", rows, [](const Prediction& row) { return row.correct() ? 1.0 : 0.0; });
}

double top_k_accuracy(std::span<const Prediction> rows, int k) {
  NOYAU_CHECK(k > 0, "top_k_accuracy: k must be positive (", k, ")");
  return mean_of("top_k_accuracy", rows, [k](const Prediction& row) { return row.rank < k ? 1.0 : 0.0; });
}

double negative_log_likelihood(std::span<const Prediction> rows) {
  return mean_of("negative_log_likelihood", rows, [](const Prediction& row) { return row.nll; });
}

double brier_score(std::span<const Prediction> rows) {
  return mean_of("brier_score", rows, [](const Prediction& row) { return row.brier; });
}

double accuracy(const Tensor& scores, const Tensor& labels) { return accuracy(predictions(scores, labels)); }

double top_k_accuracy(const Tensor& scores, const Tensor& labels, int k) {
  return top_k_accuracy(predictions(scores, labels), k);
}

std::vector<ReliabilityBin> reliability_bins(std::span<const Prediction> rows, int bins) {
  check_rows("reliability_bins", rows.size());
  check_bins("reliability_bins", bins);
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  for (int b = 0; b < bins; ++b) {
    result[static_cast<std::size_t>(b)].lower = static_cast<double>(b) / bins;
    result[static_cast<std::size_t>(b)].upper = static_cast<double>(b + 1) / bins;
  }
  for (const Prediction& row : rows) {
    const int bin = static_cast<int>(std::ceil(row.confidence * bins)) - 1;
    count_in(result[static_cast<std::size_t>(std::clamp(bin, 0, bins - 1))], row);
  }
  return result;
}

std::vector<ReliabilityBin> adaptive_bins(std::span<const Prediction> rows, int bins) {
  check_rows("adaptive_bins", rows.size());
  check_bins("adaptive_bins", bins);
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a].confidence < rows[b].confidence; });

  const std::size_t count = std::min(static_cast<std::size_t>(bins), rows.size());
  std::vector<ReliabilityBin> result(count);
  for (std::size_t b = 0; b < count; ++b) {
    const std::size_t begin = b * rows.size() / count;
    const std::size_t end = (b + 1) * rows.size() / count;
    result[b].lower = b == 0 ? 0 : result[b - 1].upper;
    result[b].upper = b + 1 == count ? 1 : rows[order[end - 1]].confidence;
    for (std::size_t i = begin; i < end; ++i) count_in(result[b], rows[order[i]]);
  }
  return result;
}

double calibration_error(std::span<const ReliabilityBin> bins) {
  double gap = 0;
  std::int64_t total = 0;
  for (const ReliabilityBin& bin : bins) {
    gap += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.confidence);
    total += bin.count;
  }
  NOYAU_CHECK(total > 0, "calibration_error: the bins hold no rows");
  return gap / static_cast<double>(total);
}

double expected_calibration_error(std::span<const Prediction> rows, int bins) {
  return calibration_error(reliability_bins(rows, bins));
}

double adaptive_calibration_error(std::span<const Prediction> rows, int bins) {
  return calibration_error(adaptive_bins(rows, bins));
}

ConfusionMatrix::ConfusionMatrix(int classes) : classes_(classes) {
  NOYAU_CHECK(classes > 0, "confusion_matrix: the number of classes must be positive (", classes, ")");
  counts_.resize(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes));
}

std::size_t ConfusionMatrix::index(int label, int predicted) const {
  NOYAU_CHECK(label >= 0 && label < classes_ && predicted >= 0 && predicted < classes_,
              "confusion_matrix: true class ", label, " predicted as ", predicted, " is out of range for ",
              classes_, " classes");
  return static_cast<std::size_t>(label) * static_cast<std::size_t>(classes_) +
         static_cast<std::size_t>(predicted);
}

void ConfusionMatrix::add(int label, int predicted, std::int64_t count) {
  counts_[index(label, predicted)] += count;
}

void ConfusionMatrix::add(std::span<const Prediction> rows) {
  for (const Prediction& row : rows) add(row.label, row.predicted);
}

std::int64_t ConfusionMatrix::at(int label, int predicted) const { return counts_[index(label, predicted)]; }

std::int64_t ConfusionMatrix::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

double ConfusionMatrix::accuracy() const {
  std::int64_t right = 0;
  for (int c = 0; c < classes_; ++c) right += at(c, c);
  NOYAU_CHECK(total() > 0, "accuracy: the confusion matrix is empty");
  return ratio(right, total());
}

std::vector<ClassMetrics> ConfusionMatrix::per_class() const {
  std::vector<ClassMetrics> result(static_cast<std::size_t>(classes_));
  for (int c = 0; c < classes_; ++c) {
    std::int64_t support = 0;
    std::int64_t predicted = 0;
    for (int other = 0; other < classes_; ++other) {
      support += at(c, other);
      predicted += at(other, c);
    }
    const std::int64_t right = at(c, c);
    result[static_cast<std::size_t>(c)] = {.precision = ratio(right, predicted),
                                           .recall = ratio(right, support),
                                           .f1 = ratio(2 * right, support + predicted),
                                           .support = support};
  }
  return result;
}

ConfusionMatrix confusion_matrix(std::span<const Prediction> rows, int classes) {
  ConfusionMatrix matrix(classes);
  matrix.add(rows);
  return matrix;
}

double macro_f1(std::span<const ClassMetrics> classes) {
  RunningMean f1;
  for (const ClassMetrics& c : classes) f1.add(c.f1, c.support > 0 ? 1 : 0);
  NOYAU_CHECK(f1.weight() > 0, "macro_f1: no class has any rows");
  return f1.mean();
}

void RunningMean::add(double value, double weight) {
  NOYAU_CHECK(weight >= 0, "running mean: a weight must not be negative (", weight, ")");
  if (weight == 0) return;
  weight_ += weight;
  mean_ += (value - mean_) * (weight / weight_);
}

}  // namespace noyau::inline v0
