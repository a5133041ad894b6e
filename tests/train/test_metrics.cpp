#include <cmath>

#include "catch2.h"
#include "noyau/metrics.h"

using namespace noyau;

namespace {

// Four rows of three classes: right, wrong, right by the lowest id among equals, wrong with the label last.
const std::vector<double> kProbabilities = {0.7, 0.2, 0.1,  //
                                            0.1, 0.6, 0.3,  //
                                            0.4, 0.4, 0.2,  //
                                            0.5, 0.3, 0.2};
const std::vector<std::int32_t> kLabels = {0, 2, 0, 2};

std::vector<Prediction> sample() {
  return predictions(from_vector(kProbabilities, {4, 3}), from_vector(kLabels, {4}), Scores::probabilities);
}

}  // namespace

TEST_CASE("predictions rank the label and score its probability", "[metrics][fast]") {
  const auto rows = sample();
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].correct());
  CHECK(rows[1].predicted == 1);
  CHECK(rows[1].rank == 1);
  CHECK(rows[2].predicted == 0);
  CHECK(rows[3].rank == 2);
  CHECK(rows[1].confidence == Approx(0.6));
  CHECK(rows[1].nll == Approx(-std::log(0.3)));
  CHECK(rows[1].brier == Approx(0.01 + 0.36 + 0.49));
}

TEST_CASE("logits give the same predictions as their softmax", "[metrics][fast]") {
  std::vector<float> logits;
  for (double p : kProbabilities) logits.push_back(static_cast<float>(std::log(p) + 900));
  const auto rows = predictions(from_vector(logits, {4, 3}), from_vector(kLabels, {4}));
  const auto expected = sample();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].confidence == Approx(expected[i].confidence).epsilon(1e-3));
    CHECK(rows[i].nll == Approx(expected[i].nll).epsilon(1e-3));
    CHECK(rows[i].brier == Approx(expected[i].brier).epsilon(1e-3));
  }
}

TEST_CASE("accuracy, top k, likelihood and Brier score are means over rows", "[metrics][fast]") {
  const auto rows = sample();
  CHECK(accuracy(rows) == 0.5);
  CHECK(top_k_accuracy(rows, 1) == 0.5);
  CHECK(top_k_accuracy(rows, 2) == 0.75);
  CHECK(top_k_accuracy(rows, 3) == 1.0);
  CHECK(negative_log_likelihood(rows) == Approx(-std::log(0.7 * 0.3 * 0.4 * 0.2) / 4));
  CHECK(brier_score(rows) == Approx((0.14 + 0.86 + 0.56 + 0.98) / 4));
  CHECK(accuracy(from_vector(kProbabilities, {4, 3}), from_vector(kLabels, {4})) == 0.5);
  CHECK(top_k_accuracy(from_vector(kProbabilities, {4, 3}), from_vector(kLabels, {4}), 2) == 0.75);
}

TEST_CASE("equal scores do not count as right for every class", "[metrics][fast]") {
  const auto rows = predictions(zeros({3, 3}), from_vector<std::int32_t>({0, 1, 2}, {3}));
  CHECK(accuracy(rows) == Approx(1.0 / 3));
  CHECK(top_k_accuracy(rows, 2) == Approx(2.0 / 3));
}

TEST_CASE("reliability bins hold the rows of their range", "[metrics][fast]") {
  const auto bins = reliability_bins(sample(), 5);
  REQUIRE(bins.size() == 5);
  // Confidences 0.7 | 0.6 | 0.4 | 0.5: bin 1 is (0.2, 0.4], bin 2 (0.4, 0.6], bin 3 (0.6, 0.8].
  CHECK(bins[0].count == 0);
  CHECK(bins[1].count == 1);
  CHECK(bins[2].count == 2);
  CHECK(bins[3].count == 1);
  CHECK(bins[2].confidence == Approx(0.55));
  CHECK(bins[2].accuracy == 0.0);
  CHECK(bins[4].lower == Approx(0.8));
  CHECK(calibration_error(bins) == Approx((0.6 + 2 * 0.55 + 0.3) / 4));
  CHECK(expected_calibration_error(sample(), 5) == calibration_error(bins));
}

TEST_CASE("full confidence falls into the last bin", "[metrics][fast]") {
  const auto rows = predictions(from_vector<double>({0, 900}, {1, 2}), from_vector<std::int32_t>({1}, {1}));
  CHECK(reliability_bins(rows, 15).back().count == 1);
}

TEST_CASE("adaptive bins hold equal counts", "[metrics][fast]") {
  const auto bins = adaptive_bins(sample(), 2);
  REQUIRE(bins.size() == 2);
  CHECK(bins[0].count == 2);
  CHECK(bins[0].confidence == Approx(0.45));  // rows of confidence 0.4 (right) and 0.5 (wrong)
  CHECK(bins[0].accuracy == Approx(0.5));
  CHECK(bins[1].confidence == Approx(0.65));  // 0.6 (wrong) and 0.7 (right)
  CHECK(adaptive_calibration_error(sample(), 2) == Approx((0.05 + 0.15) / 2));
  CHECK(adaptive_bins(sample(), 15).size() == 4);
}

TEST_CASE("confusion matrix has true classes in rows", "[metrics][fast]") {
  const ConfusionMatrix matrix = confusion_matrix(sample(), 3);
  CHECK(matrix.at(0, 0) == 2);
  CHECK(matrix.at(2, 1) == 1);
  CHECK(matrix.at(2, 0) == 1);
  CHECK(matrix.at(1, 2) == 0);
  CHECK(matrix.total() == 4);
  CHECK(matrix.accuracy() == 0.5);
}

TEST_CASE("precision, recall and F1 follow from the confusion matrix", "[metrics][fast]") {
  const auto classes = confusion_matrix(sample(), 3).per_class();
  CHECK(classes[0].precision == Approx(2.0 / 3));
  CHECK(classes[0].recall == 1.0);
  CHECK(classes[0].f1 == Approx(0.8));
  CHECK(classes[0].support == 2);
  CHECK(classes[1].support == 0);
  CHECK(classes[1].precision == 0.0);
  CHECK(classes[1].recall == 0.0);
  CHECK(classes[2].f1 == 0.0);
  CHECK(macro_f1(classes) == Approx(0.4));  // class 1 has no rows and is left out
}

TEST_CASE("running mean weighs batches by their size", "[metrics][fast]") {
  RunningMean mean;
  CHECK(mean.mean() == 0.0);
  mean.add(1.0, 3);
  mean.add(5.0, 1);
  mean.add(100.0, 0);
  CHECK(mean.mean() == Approx(2.0));
  CHECK(mean.weight() == 4.0);
  REQUIRE_THROWS_WITH(mean.add(1, -1), ContainsSubstring("a weight must not be negative (-1)"));
}

TEST_CASE("metrics say what is wrong with their input", "[metrics][fast]") {
  const Tensor two = from_vector<std::int32_t>({0, 1}, {2});
  REQUIRE_THROWS_WITH(predictions(zeros({2}), two),
                      ContainsSubstring("scores must be [n, classes], not [2]"));
  REQUIRE_THROWS_WITH(predictions(zeros({2, 0}), two), ContainsSubstring("have no classes"));
  REQUIRE_THROWS_WITH(predictions(zeros({3, 2}), two),
                      ContainsSubstring("labels [2] do not match scores [3, 2]"));
  REQUIRE_THROWS_WITH(predictions(zeros({2, 1}), two), ContainsSubstring("label 1 of row 1 is out of range"));
  REQUIRE_THROWS_WITH(predictions(full({2, 2}, NAN), two), ContainsSubstring("row 0 of scores holds nan"));
  REQUIRE_THROWS_WITH(predictions(full({2, 2}, 1.7), two, Scores::probabilities),
                      ContainsSubstring("is no probability"));
  REQUIRE_THROWS_WITH(predictions(full({2, 2}, 0.25), two, Scores::probabilities),
                      ContainsSubstring("row 0 adds up to 0.5 instead of 1; pass logits"));
  REQUIRE_THROWS_WITH(accuracy(std::vector<Prediction>{}), ContainsSubstring("accuracy: there are no rows"));
  REQUIRE_THROWS_WITH(top_k_accuracy(sample(), 0), ContainsSubstring("k must be positive (0)"));
  REQUIRE_THROWS_WITH(reliability_bins(sample(), 0),
                      ContainsSubstring("number of bins must be positive (0)"));
  REQUIRE_THROWS_WITH(adaptive_bins({}, 3), ContainsSubstring("adaptive_bins: there are no rows"));
  REQUIRE_THROWS_WITH(calibration_error({}), ContainsSubstring("the bins hold no rows"));
  REQUIRE_THROWS_WITH(ConfusionMatrix(0), ContainsSubstring("number of classes must be positive (0)"));
  REQUIRE_THROWS_WITH(ConfusionMatrix(2).at(2, 0),
                      ContainsSubstring("true class 2 predicted as 0 is out of range"));
  REQUIRE_THROWS_WITH(ConfusionMatrix(2).accuracy(), ContainsSubstring("the confusion matrix is empty"));
  REQUIRE_THROWS_WITH(macro_f1({}), ContainsSubstring("no class has any rows"));
}
