#include <array>
#include <cmath>

#include "noyau/metrics.h"
#include "study/sections.h"

namespace study {
namespace {

using noyau::message;
using noyau::plot::fixed;

// Three classes, logits 2, 1, 0, true class the second: small enough to follow by hand.
void add_example(Document& document) {
  const std::vector<double> logits = {2, 1, 0};
  const auto rows =
      noyau::predictions(noyau::from_vector(logits, {1, 3}), noyau::from_vector<std::int32_t>({1}, {1}));
  const noyau::Prediction& row = rows.front();
  double sum = 0;
  for (double logit : logits) sum += std::exp(logit);
  Text text(
      message("An image of the second of three classes; the network's outputs (logits) are 2, 1 and 0. "
              "Softmax turns them into probabilities e\u00b2/(e\u00b2 + e\u00b9 + e\u2070) and so on: "));
  for (std::size_t c = 0; c < 3; ++c)
    text.add(message(c == 0 ? "" : ", ", fixed(std::exp(logits[c]) / sum, 3)));
  text.add(
      message(". The prediction is the first class: wrong, so this image adds nothing to accuracy (but the "
              "true class is second best, so it counts for top-2 accuracy). Its loss is \u2212ln ",
              fixed(std::exp(-row.nll), 3), " = ", fixed(row.nll, 3),
              " nats; a guess at random over three classes would cost ln 3 = ", fixed(std::log(3.0), 3),
              ". Its Brier score is ", fixed(row.brier, 3), "."));
  document.add(text);
}

}  // namespace

void add_criteria(Document& document) {
  document.add(Heading{2, "criteria", "What is measured, and which of it decides?"});
  const std::vector<std::array<std::string, 4>> criteria = {
      {"Accuracy", "right / n", "share",
       "Share of images whose class has the largest output. Decides: it is the task."},
      {"Top-5 accuracy", "label among the 5 largest / n", "share",
       "Of use with many classes; with ten it is near 1."},
      {"Cross-entropy, loss", "mean of \u2212ln p(true class)", "nats",
       "What training minimises. Also punishes being wrong with confidence."},
      {"Precision of a class", "tp / (tp + fp)", "share", "Of the images called so, how many are."},
      {"Recall of a class", "tp / (tp + fn)", "share", "Of the images that are so, how many are found."},
      {"F1 of a class", "2 tp / (2 tp + fp + fn)", "share", "Harmonic mean of the two."},
      {"Confusion matrix", "count of (true class, predicted class)", "images",
       "Rows are true classes, columns predicted ones."},
      {"Expected calibration error",
       "\u03a3 n(b)/n \u00b7 |accuracy(b) \u2212 confidence(b)| over 15 bins of equal width", "share",
       "Whether \u201c90 % sure\u201d is right nine times in ten (Guo et al., 2017)."},
      {"Brier score", "mean of \u03a3 (p(c) \u2212 [c is true])\u00b2", "0 to 2",
       "Accuracy and calibration in one number (Brier, 1950)."},
      {"Parameters", "count of trained numbers", "", "Memory and download."},
      {"Multiply-adds", "of one image, forward", "", "Work, whatever the machine."},
      {"Training time", "wall clock", "s", "What it costs here; depends on the machine."}};
  Table table{.id = "criteria",
              .caption = "Criteria",
              .columns = {{"Criterion"}, {"Formula"}, {"Unit"}, {"What it tells"}},
              .rows = {}};
  for (const auto& [name, formula, unit, meaning] : criteria)
    table.rows.push_back({Cell(name), Cell(formula), Cell(unit), Cell(meaning)});
  document.add(Text()
                   .strong("Test accuracy decides. ")
                   .add("The classes are equally frequent and equally important, so the share of right "
                        "answers is what a user notices, and it compares with the literature. It counts on "
                        "the test set, because training accuracy measures memory (see the section on the "
                        "test set). Where accuracies cannot be told apart, the cheaper network wins; where "
                        "probabilities are used further, calibration counts too."));
  document.add(table);
  document.add(Heading{3, "example", "One image, by hand"});
  add_example(document);
}

}  // namespace study
