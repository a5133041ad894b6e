#pragma once
/// \file
/// How good predictions are: accuracy, confusion, likelihood and calibration.

#include <span>
#include <vector>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

/// What the scores of a classifier are.
enum class Scores : std::uint8_t {
  logits,         ///< Any finite numbers (or -inf); their softmax gives the probabilities.
  probabilities,  ///< In [0, 1], each row adding up to 1.
};

/// What one row of scores says about its label: all that the metrics below need.
struct Prediction {
  int label = 0;          ///< The true class.
  int predicted = 0;      ///< The class of the largest score; the lowest id among equals.
  int rank = 0;           ///< How many classes stand before the label, by score and then by id; 0 when right.
  double confidence = 0;  ///< Probability of the predicted class.
  double nll = 0;         ///< -log of the label's probability, in nats.
  double brier = 0;       ///< sum_c (p_c - [c = label])^2, in [0, 2].

  /// True when the label was predicted.
  bool correct() const { return predicted == label; }
};

/// One Prediction a row of `scores` [n, classes], any float type, with `labels` i32 [n].
/// Throws on other shapes, a label out of range, a score that is NaN or +inf, or rows that are no
/// probabilities.
NOYAU_API std::vector<Prediction> predictions(const Tensor& scores, const Tensor& labels,
                                              Scores kind = Scores::logits);

/// Share of rows whose label was predicted, in [0, 1]; throws, as all metrics do, on no rows.
NOYAU_API double accuracy(std::span<const Prediction> rows);
/// Share of rows whose label is among the `k` best classes (fewer than k classes stand before it).
NOYAU_API double top_k_accuracy(std::span<const Prediction> rows, int k);
/// Mean of -log p(label), in nats.
NOYAU_API double negative_log_likelihood(std::span<const Prediction> rows);
/// Mean of sum_c (p_c - [c = label])^2, in [0, 2]. Source: G. W. Brier, Monthly Weather Review 78 (1950).
NOYAU_API double brier_score(std::span<const Prediction> rows);

/// Share of rows of `scores` [n, classes], logits or probabilities, whose largest score is at `labels` i32
/// [n].
NOYAU_API double accuracy(const Tensor& scores, const Tensor& labels);
/// Share of rows of `scores` [n, classes], logits or probabilities, whose label is among the `k` largest.
NOYAU_API double top_k_accuracy(const Tensor& scores, const Tensor& labels, int k);

/// Rows of one range of confidence.
struct ReliabilityBin {
  double lower = 0;        ///< Exclusive lower end of the range (inclusive in the first bin).
  double upper = 0;        ///< Inclusive upper end.
  double confidence = 0;   ///< Mean confidence of its rows; 0 when empty.
  double accuracy = 0;     ///< Share of its rows that are right; 0 when empty.
  std::int64_t count = 0;  ///< Number of rows.
};
/// `bins` ranges of equal width of confidence over [0, 1].
NOYAU_API std::vector<ReliabilityBin> reliability_bins(std::span<const Prediction> rows, int bins = 15);
/// `bins` ranges of equal count of confidence, sizes differing by one at most; fewer bins when there are
/// fewer rows.
NOYAU_API std::vector<ReliabilityBin> adaptive_bins(std::span<const Prediction> rows, int bins = 15);
/// sum_b count_b / n * |accuracy_b - confidence_b|: the expected calibration error of those bins, in [0, 1].
NOYAU_API double calibration_error(std::span<const ReliabilityBin> bins);
/// Expected calibration error over bins of equal width. Source: C. Guo et al., ICML 2017.
NOYAU_API double expected_calibration_error(std::span<const Prediction> rows, int bins = 15);
/// Expected calibration error over bins of equal count. Source: K. Nguyen and B. O'Connor, EMNLP 2015.
NOYAU_API double adaptive_calibration_error(std::span<const Prediction> rows, int bins = 15);

/// Precision, recall and F1 of one class; each is 0 where its denominator is.
struct ClassMetrics {
  double precision = 0;      ///< Right among the rows predicted as this class: tp / (tp + fp).
  double recall = 0;         ///< Right among the rows of this class: tp / (tp + fn).
  double f1 = 0;             ///< Their harmonic mean: 2 tp / (2 tp + fp + fn).
  std::int64_t support = 0;  ///< Rows of this class: tp + fn.
};

/// Counts of rows by class: a row of the matrix is a true class, a column a predicted one.
class NOYAU_API ConfusionMatrix {
 public:
  /// No classes.
  ConfusionMatrix() = default;
  /// A matrix of zeros; throws unless `classes` > 0.
  explicit ConfusionMatrix(int classes);

  /// Counts one row; throws when an id is out of range.
  void add(int label, int predicted, std::int64_t count = 1);
  /// Counts rows; throws when an id is out of range.
  void add(std::span<const Prediction> rows);
  /// Number of classes.
  int classes() const { return classes_; }
  /// Rows of class `label` that were predicted as `predicted`; throws when an id is out of range.
  std::int64_t at(int label, int predicted) const;
  /// Number of rows counted.
  std::int64_t total() const;
  /// Share of rows on the diagonal; throws when nothing was counted.
  double accuracy() const;
  /// Precision, recall and F1 of each class.
  std::vector<ClassMetrics> per_class() const;

 private:
  std::size_t index(int label, int predicted) const;

  int classes_ = 0;
  std::vector<std::int64_t> counts_;  // [label, predicted]
};

/// The confusion matrix of `rows` over `classes` classes: true classes in rows, predicted ones in columns.
NOYAU_API ConfusionMatrix confusion_matrix(std::span<const Prediction> rows, int classes);
/// Mean over classes with support of their F1.
NOYAU_API double macro_f1(std::span<const ClassMetrics> classes);

/// A mean that takes one value, or the mean of `weight` values, at a time (Welford's update).
class NOYAU_API RunningMean {
 public:
  /// Adds a value of weight `weight`; throws when the weight is negative.
  void add(double value, double weight = 1);
  /// The mean so far; 0 before the first value.
  double mean() const { return mean_; }
  /// Sum of weights.
  double weight() const { return weight_; }

 private:
  double mean_ = 0;
  double weight_ = 0;
};

}  // namespace noyau::inline v0
