#include <algorithm>
#include <map>
#include <set>

#include "study/sections.h"

namespace study {
namespace {

using noyau::message;

struct Card {
  std::string description;
  std::string source;
  std::string defects;
};

const Card* card_of(const std::string& name) {
  static const std::map<std::string, Card> kCards = {
      {"cifar10",
       {"60 000 colour photographs of 32 \u00d7 32 pixels in ten classes, 50 000 for training and 10 000 for "
        "testing, evenly spread over the classes.",
        "A. Krizhevsky: Learning multiple layers of features from tiny images, 2009. The authors state no "
        "licence.",
        "3.3 % of the test images have near-duplicates among the training images (Barz and Denzler, arXiv "
        "1902.00423)."}},
      {"fashion-mnist",
       {"70 000 grey pictures of 28 \u00d7 28 pixels of articles of clothing in ten classes, 60 000 for "
        "training and 10 000 for testing, evenly spread over the classes.",
        "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, arXiv 1708.07747. MIT licence.",
        "Some classes overlap by their nature: shirt, T-shirt, pullover and coat."}},
      {"mnist",
       {"70 000 handwritten digits of 28 \u00d7 28 grey pixels, 60 000 for training and 10 000 for testing.",
        "Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits.",
        "Nearly solved: differences between good networks are of few images."}}};
  const auto found = kCards.find(name);
  return found == kCards.end() ? nullptr : &found->second;
}

void add_banners(Document& document, const Facts& facts) {
  if (facts.plan->fell_back) {
    document.add(Note{
        Note::Kind::banner,
        "CIFAR-10 could not be had on this machine. Everything below was measured on Fashion-MNIST instead: "
        "grey pictures of clothing, an easier task. No number on this page is a CIFAR-10 result."});
  }
  if (facts.other_data > 0) {
    document.add(Note{Note::Kind::banner,
                      Text(message(counted(facts.other_data, "row"),
                                   " of another data set left out: a table never mixes data sets."))});
  }
  if (facts.summary != nullptr &&
      facts.summary->value("note", "").find("not the official") != std::string::npos) {
    document.add(
        Note{Note::Kind::banner,
             Text(message("The images are a copy of ", data_title(facts.data),
                          " whose pixels are not the official ones, as in copies that went through JPEG. "
                          "Scores on this page are of that copy; published ones may differ."))});
  }
  std::size_t missing = 0;
  for (const Row& row : facts.rows) missing += row.row.is_null();
  if (missing > 0) {
    document.add(Note{
        Note::Kind::banner,
        Text(message("This report is of part of the plan: ", facts.rows.size() - missing, " of ",
                     facts.rows.size(), " rows are there. The command that wrote it goes on from here."))});
  }
}

// The distinct texts of a key over all rows.
std::string distinct(const Facts& facts, const char* key) {
  std::set<std::string> values;
  for (const Row& row : facts.rows) {
    if (!row.row.is_object() || !row.row.contains(key)) continue;
    const Json& value = row.row[key];
    values.insert(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return joined({values.begin(), values.end()});
}

void add_reading_guide(Document& document, const Facts& facts) {
  document.add(Heading{2, "how-to-read", "How to read this page"});
  Points points;
  points.items.push_back(Text()
                             .strong("Three sets of images. ")
                             .add("Networks learn from the training set. Choices between settings are made "
                                  "on the validation set. The test set is used for reporting only: its "
                                  "accuracy stands beside every choice and makes none."));
  points.items.push_back(Text().strong("Seeds. ").add(
      "A seed decides the first weights, the order of the images, augmentation and dropout. The same setting "
      "is run with several seeds; the split of the images is the same for all."));
  points.items.push_back(
      Text()
          .strong("\u00b1 and bands ")
          .add("are 95 % intervals of the mean over seeds (Student's t). Where there is one seed, they are "
               "Wilson's interval over test images and say nothing about how runs differ."));
  points.items.push_back(Text()
                             .strong("Differs, beats ")
                             .add("means: Welch's t-test over seeds, adjusted for the number of comparisons "
                                  "by Holm, p < 0.05. Otherwise the page says \u201cundecided at this "
                                  "budget\u201d: not that there is no difference."));
  points.items.push_back(
      Text()
          .strong("Every number ")
          .add(
              "with a dotted line names its runs when pointed at; the runs are listed at the end and in the "
              "CSV tables. All sentences with numbers are written by the program from the rows of results."));
  document.add(points);
  document.add(
      "The brief's starting notebook is not available. The networks of this study stand in for it, and "
      "comparisons with \u201cbefore\u201d start from the minimal CNN, the convolution-pooling-dense network "
      "of a first CIFAR-10 notebook.");
  document.add(Text(message("Made with noyau ", distinct(facts, "version"), " on ", distinct(facts, "device"),
                            ", instruction set ", distinct(facts, "isa"), ", ", distinct(facts, "threads"),
                            " threads.")));
}

std::string list_of(const Json& numbers) {
  std::string text;
  for (const Json& number : numbers)
    text += message(text.empty() ? "" : ", ", noyau::plot::fixed(number.get<double>(), 3));
  return text;
}

// What the rows say of the pixels; rows of older programs say nothing.
void add_pixels(Points& points, const Json& summary) {
  if (!summary.contains("mean")) return;
  const auto channels = summary.value("channels", std::int64_t{0});
  points.items.push_back(
      Text()
          .strong("Pixels: ")
          .add(message(
              summary.value("height", std::int64_t{0}), " \u00d7 ", summary.value("width", std::int64_t{0}),
              ", ", channels == 1 ? "grey" : "red, green and blue", "; mean of the training images ",
              list_of(summary["mean"]), ", standard deviation ", list_of(summary["deviation"]),
              " on a scale from 0 to 1. Networks see them less the mean, divided by the deviation.")));
}

void add_samples(Document& document, const Facts& facts) {
  if (facts.samples.size() != facts.classes.size() || facts.samples.empty()) return;
  noyau::plot::ImageGrid grid;
  grid.title = "What do the images look like?";
  grid.subtitle =
      message(data_title(facts.data), ", training images drawn at random, one strip for each class");
  grid.columns = 2;
  for (std::size_t i = 0; i < facts.samples.size(); ++i)
    grid.pictures.push_back({facts.samples[i], facts.classes[i]});
  document.add(Gallery{{drawing("samples", grid)}});
}

// What was done to the images; where they lie on some machine is no part of a report.
std::string note_of(const Json& summary) {
  const std::string note = summary.value("note", "");
  if (!note.starts_with("from ")) return note;
  const std::size_t end = note.find("; ");
  return end == std::string::npos ? "" : note.substr(end + 2);
}

void add_data_card(Document& document, const Facts& facts) {
  if (facts.summary == nullptr) return;
  document.add(Heading{2, "data", "Which images?"});
  const Card* card = card_of(facts.data);
  if (card != nullptr) document.add(Text().strong(data_title(facts.data) + ": ").add(card->description));
  Table table{.id = "data",
              .caption = "Images of this study",
              .columns = {{"Set"}, {"Images", "", true}, {"Used for"}},
              .rows = {}};
  const std::vector<std::pair<std::string, std::string>> sets = {
      {"train", "fitting the weights"}, {"validation", "choosing settings"}, {"test", "reporting, once"}};
  for (const auto& [name, use] : sets) {
    const auto count = facts.summary->value(name, std::int64_t{0});
    table.rows.push_back({Cell(name), Cell(std::to_string(count), static_cast<double>(count)), Cell(use)});
  }
  document.add(table);
  Points points;
  const bool named = !facts.classes.empty() && facts.classes.front() != "0";
  if (named) points.items.push_back(Text().strong("Classes: ").add(joined(facts.classes)));
  if (card != nullptr) {
    points.items.push_back(Text().strong("Source: ").add(card->source));
    points.items.push_back(Text().strong("Known defects: ").add(card->defects));
  }
  add_pixels(points, *facts.summary);
  const std::string note = note_of(*facts.summary);
  if (!note.empty()) points.items.push_back(Text().strong("Note: ").add(message(capitalised(note), ".")));
  if (!points.items.empty()) document.add(points);
  add_samples(document, facts);
  document.add("Some sections train on fewer images or other labels; the line under each heading says so.");
}

}  // namespace

void add_introduction(Document& document, const Facts& facts) {
  add_banners(document, facts);
  add_summary(document, facts);
  add_reading_guide(document, facts);
  add_data_card(document, facts);
}

}  // namespace study
