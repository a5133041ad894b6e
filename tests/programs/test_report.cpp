#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "catch2.h"
#include "common/files.h"
#include "noyau/models.h"
#include "programs/fake_results.h"
#include "programs/scratch.h"
#include "study/facts.h"
#include "study/labels.h"
#include "study/report.h"
#include "study/samples.h"

using namespace study;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Document report_of(const std::string& folder, const fake::Options& options = {}) {
  Plan plan = read_plan(fake::write_study(folder, options), Json::object());
  plan.fell_back = options.data != "cifar10";
  return make_report(plan, rows_of(plan, folder));
}

template <class Block>
std::vector<const Block*> all(const Document& document) {
  std::vector<const Block*> found;
  for (const auto& block : document.blocks) {
    if (const Block* one = std::get_if<Block>(&block)) found.push_back(one);
  }
  return found;
}

std::set<std::string> figures(const Document& document) {
  std::set<std::string> ids;
  for (const Gallery* gallery : all<Gallery>(document)) {
    for (const Drawing& drawing : gallery->drawings) ids.insert(drawing.id);
  }
  return ids;
}

std::set<std::string> tables(const Document& document) {
  std::set<std::string> ids;
  for (const Table* table : all<Table>(document)) ids.insert(table->id);
  return ids;
}

std::set<std::string> headings(const Document& document) {
  std::set<std::string> ids;
  for (const Heading* heading : all<Heading>(document)) ids.insert(heading->id);
  return ids;
}

const Table& table(const Document& document, const std::string& id) {
  for (const Table* one : all<Table>(document)) {
    if (one->id == id) return *one;
  }
  throw std::runtime_error("no table " + id);
}

// Empty when every element of the page is closed in order, else what is wrong. Scripts and styles hold raw text.
std::string nesting_error(std::string html) {
  for (const char* name : {"script", "style"}) {
    const std::size_t begin = html.find('>', html.find(noyau::message("<", name))) + 1;
    html.erase(begin, html.find(noyau::message("</", name)) - begin);
  }
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::string tag = html.substr(at + 1, html.find('>', at) - at - 1);
    if (tag.starts_with("!") || tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
      continue;
    }
    if (open.empty() || open.back() != tag.substr(1))
      return noyau::message("unexpected <", tag, "> in ", open.back());
    open.pop_back();
  }
  return open.empty() ? "" : noyau::message("never closed: ", open.back());
}

std::vector<std::string> attribute_values(const std::string& html, const std::string& start) {
  std::vector<std::string> values;
  for (std::size_t at = html.find(start); at != std::string::npos; at = html.find(start, at + 1)) {
    const std::size_t begin = at + start.size();
    values.push_back(html.substr(begin, html.find('"', begin) - begin));
  }
  return values;
}

}  // namespace

TEST_CASE("a complete study gives every figure, table and section", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path());
  const std::set<std::string> expected_figures = {"models-parameters",
                                                  "models-train",
                                                  "models-courses",
                                                  "models-course-loss",
                                                  "models-course-accuracy",
                                                  "confusion",
                                                  "classes",
                                                  "reliability",
                                                  "lr",
                                                  "lr-course",
                                                  "momentum",
                                                  "momentum-course",
                                                  "optimizer",
                                                  "optimizer-course",
                                                  "lr_batch",
                                                  "ladder",
                                                  "r7_random_labels",
                                                  "r7_random_labels-course",
                                                  "r7_capacity",
                                                  "r7_selection"};
  CHECK(figures(document) == expected_figures);
  const std::set<std::string> expected_tables = {
      "data",   "models",           "confusions",  "lr",           "momentum", "optimizer", "lr_batch",
      "ladder", "r7_random_labels", "r7_capacity", "r7_selection", "criteria", "glossary",  "index",
      "runs",   "summary"};
  CHECK(tables(document) == expected_tables);
  for (const char* id : {"summary", "how-to-read", "data", "test-set", "criteria", "example", "glossary",
                         "limits", "index", "runs"}) {
    CHECK(headings(document).contains(id));
  }
  CHECK(headings(document).size() == all<Heading>(document).size());  // ids are unique
}

TEST_CASE("the page is well formed, self-contained and free of missing numbers", "[report][fast]") {
  const Scratch folder;
  const std::string html = to_html(report_of(folder.path()));
  CHECK(nesting_error(html) == "");
  CHECK_FALSE(has(html, ">nan"));
  CHECK_FALSE(has(html, "nan "));
  CHECK_FALSE(has(html, "inf "));
  CHECK_FALSE(has(html, "src=\"http"));
  CHECK_FALSE(has(html, "@import"));
  CHECK_FALSE(has(html, "<link"));
  std::set<std::string> ids;
  for (const std::string& id : attribute_values(html, " id=\"")) {
    INFO(id);
    CHECK(ids.insert(id).second);
  }
  for (const std::string& target : attribute_values(html, "href=\"#")) {
    INFO(target);
    CHECK(ids.contains(target));
  }
}

TEST_CASE("every traced number names runs that are there", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path());
  std::set<std::string> known;
  for (const auto& row : table(document, "runs").rows) known.insert(plain(row[0].text));
  const std::vector<std::string> traces = attribute_values(to_html(document), "class=\"run\" title=\"");
  CHECK(traces.size() > 100);
  for (const std::string& trace : traces) {
    REQUIRE(trace.starts_with("run"));
    for (std::size_t at = trace.find(' '); at != std::string::npos; at = trace.find(' ', at + 1)) {
      const std::string id = trace.substr(at + 1, 8);
      if (!id.starts_with("run")) CHECK(known.contains(id));
    }
  }
}

TEST_CASE("means and intervals are those of the rows", "[report][fast]") {
  const Scratch folder;
  const Plan plan = read_plan(fake::write_study(folder.path()), Json::object());
  const Facts facts(plan, rows_of(plan, folder.path()));
  const Entry& entry = facts.find("lr")->entries[2];
  std::vector<double> values;
  for (const Row& row : facts.rows) {
    if (row.run.group == "lr" && row.run.label == entry.step->label)
      values.push_back(row.row["test"]["accuracy"].get<double>());
  }
  REQUIRE(values.size() == 3);
  const Estimate value = estimate(entry, kTestAccuracy);
  CHECK(value.mean == Approx(noyau::stats::mean(values)));
  CHECK(value.low == Approx(noyau::stats::mean_interval(values).low));
  const Document document = make_report(plan, rows_of(plan, folder.path()));
  CHECK(*table(document, "lr").rows[2][3].value == Approx(100 * value.mean));
}

TEST_CASE("the best is marked only where the difference is significant", "[report][fast]") {
  const auto entry = [](const std::vector<Json>& rows) {
    Entry result;
    for (const Json& row : rows) result.rows.push_back(&row);
    return result;
  };
  const auto row = [](double accuracy) {
    return Json{{"run", "00000000"}, {"test", {{"accuracy", accuracy}}}};
  };
  const std::vector<Json> high = {row(0.8), row(0.81), row(0.82)};
  const std::vector<Json> low = {row(0.5), row(0.51), row(0.52)};
  const std::vector<Json> near = {row(0.78), row(0.81), row(0.815)};
  const std::vector<Json> one = {row(0.9)};
  CHECK(rank({entry(low), entry(high)}, kTestAccuracy).clear());
  CHECK(rank({entry(low), entry(high)}, kTestAccuracy).best == 1);
  const Ranking close = rank({entry(low), entry(high), entry(near)}, kTestAccuracy);
  CHECK_FALSE(close.clear());
  CHECK(close.rivals() == std::vector<std::size_t>{2});
  CHECK_FALSE(rank({entry(one), entry(high)}, kTestAccuracy).clear());  // one seed cannot be tested
}

TEST_CASE("one seed says so and marks nothing", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path(), {.seeds = 1});
  const std::string markdown = to_markdown(document);
  CHECK(has(markdown, "with one seed, chance between runs is not measured"));
  CHECK(has(markdown, "so no network is marked as best"));
  for (const Table* one : all<Table>(document)) {
    for (const auto& row : one->rows) {
      for (const Cell& cell : row) CHECK_FALSE(cell.marked);
    }
  }
}

TEST_CASE("what has not been run is left out, and the page says that it is partial", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path(), {.complete = false});
  CHECK(figures(document) == std::set<std::string>{"lr", "lr-course"});
  CHECK_FALSE(headings(document).contains("models"));
  CHECK_FALSE(headings(document).contains("test-set"));
  CHECK(has(to_markdown(document), "This report is of part of the plan: 12 of"));
  CHECK(nesting_error(to_html(document)) == "");
}

TEST_CASE("a study whose runs all diverged still has a page", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path(), {.everything_diverged = true});
  CHECK(figures(document).empty());
  CHECK(nesting_error(to_html(document)) == "");
  CHECK(has(to_markdown(document), "diverged"));
}

TEST_CASE("a fallback data set is announced on top", "[report][fast]") {
  const Scratch folder;
  CHECK(has(to_html(report_of(folder.path(), {.data = "fashion-mnist"})), "CIFAR-10 could not be had"));
  CHECK_FALSE(has(to_html(report_of(folder.path())), "CIFAR-10 could not be had"));
}

TEST_CASE("diverged runs are counted, not averaged", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path());
  const Table& grid = table(document, "lr_batch");
  bool found = false;
  for (const auto& row : grid.rows) {
    if (plain(row[0].text) != "0.2 \u00d7 16") continue;
    found = true;
    CHECK(plain(row[2].text) == "\u2013");
    CHECK(*row[8].value == 3);
  }
  CHECK(found);
}

TEST_CASE("the answers in short say what is decided", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path());
  const Table& answers = table(document, "summary");
  for (const auto& row : answers.rows) {
    REQUIRE(row.size() == 4);
    const std::string verdict = plain(row[3].text);
    INFO(verdict);
    CHECK((verdict.find("better than all others") == 0 || verdict.find("undecided") == 0 ||
           has(verdict, "points against minimal CNN")));
    CHECK(row[0].text.spans().front().target.starts_with("#"));
  }
  const Document single = report_of(folder.path(), {.seeds = 1});
  CHECK(plain(table(single, "summary").rows[0][3].text) == "undecided: one seed");
}

TEST_CASE("every section says what all of its runs share", "[report][fast]") {
  const Scratch folder;
  const std::string markdown = to_markdown(report_of(folder.path()));
  CHECK(has(markdown, "**In all runs:** minimal CNN, "));
  CHECK(has(markdown, "**In all steps:** "));
  CHECK_FALSE(has(markdown, "minimal-cnn with"));
}

TEST_CASE("values are shown by names that people use", "[report][fast]") {
  for (const std::string& name : noyau::model_names()) {
    INFO(name);
    CHECK((value_label("model", name) != name || name == "mlp"));
  }
  CHECK(value_label("augment", "flip|pad_crop(4)|cutout(8)") == "flip, pad and crop 4, cutout 8");
  CHECK(value_label("augment", "none") == "none");
  CHECK(value_label("rate", 0.05) == "0.05");
  CHECK(value_phrase("epochs", "8") == "8 epochs");
  CHECK(value_phrase("train-images", "300") == "300 training images");
  CHECK(value_phrase("batch", "64") == "batch size 64");
}

TEST_CASE("one seed is judged by the images of its own row", "[report][fast]") {
  const Json row = {
      {"run", "00000000"}, {"data", {{"test", 100}, {"train", 50000}}}, {"test", {{"accuracy", 0.5}}}};
  Entry entry;
  entry.rows = {&row};
  const Estimate value = estimate_or_wilson(entry, kTestAccuracy);
  CHECK(value.low == Approx(noyau::stats::wilson(50, 100).low));
  CHECK(images_of(row, kTrainAccuracy) == 10000);  // no more training images are measured
  CHECK(images_of(row, kTestLoss) == 0);
  CHECK(std::isnan(estimate(entry, kTestAccuracy).low));
}

TEST_CASE("a copy of other pixels is announced, and no path is shown", "[report][fast]") {
  const Scratch folder;
  const Plan plan = read_plan(fake::write_study(folder.path()), Json::object());
  std::vector<Row> rows = rows_of(plan, folder.path());
  for (Row& row : rows)
    row.row["data"]["note"] = "from /home/me/images; its pixels are not the official ones";
  const std::string html = to_html(make_report(plan, rows));
  CHECK(has(html, "whose pixels are not the official ones"));
  CHECK_FALSE(has(html, "/home/me"));
}

TEST_CASE("sample images stand in the report where there are some", "[report][fast]") {
  const Scratch folder;
  const noyau::Tensor images = noyau::zeros({40, 4, 4, 3}, {noyau::Dtype::u8});
  std::vector<std::int32_t> ids(40);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i % 10);
  noyau::DataInfo info{.name = "cifar10"};
  for (int i = 0; i < 10; ++i) info.classes.push_back(std::to_string(i));
  write_samples({images, noyau::from_vector(ids, {40}), info}, folder.path());
  const Plan plan = read_plan(fake::write_study(folder.path()), Json::object());
  CHECK(figures(make_report(plan, rows_of(plan, folder.path()), folder.path())).contains("samples"));
  CHECK(read_samples(folder.path(), "mnist").empty());
}

TEST_CASE("rows measured earlier are taken over once", "[report][fast]") {
  const Scratch earlier, folder;
  const Plan plan = read_plan(fake::write_study(earlier.path()), Json::object());
  take_over_rows(rows_path(earlier.path()), folder.path());
  take_over_rows(rows_path(earlier.path()), folder.path());
  CHECK(programs::read_file(rows_path(folder.path()), programs::Exit::data) ==
        programs::read_file(rows_path(earlier.path()), programs::Exit::data));
  REQUIRE_THROWS_WITH(take_over_rows("absent.jsonl", folder.path()),
                      ContainsSubstring("cannot read absent.jsonl"));
}

TEST_CASE("the glossary has every option", "[report][fast]") {
  const Scratch folder;
  const Document document = report_of(folder.path());
  CHECK(table(document, "glossary").rows.size() == programs::options().size());
}

TEST_CASE("files are written beside the page", "[report][fast]") {
  const Scratch folder;
  const Plan plan = read_plan(fake::write_study(folder.path()), Json::object());
  CHECK(write_report(plan, folder.path()) == folder.path() + "/report.html");
  const std::string markdown = programs::read_file(folder.path() + "/report.md", programs::Exit::data);
  for (std::size_t at = markdown.find("](figures/"); at != std::string::npos;
       at = markdown.find("](figures/", at + 1)) {
    CHECK(std::filesystem::exists(folder.path() + "/" +
                                  markdown.substr(at + 2, markdown.find(')', at) - at - 2)));
  }
  CHECK(std::filesystem::exists(folder.path() + "/tables/models.csv"));
  const std::string first = programs::read_file(folder.path() + "/report.html", programs::Exit::data);
  write_report(plan, folder.path());
  CHECK(programs::read_file(folder.path() + "/report.html", programs::Exit::data) == first);
}

TEST_CASE("CSV follows RFC 4180", "[report][fast]") {
  const Table sample{.id = "t",
                     .caption = "",
                     .columns = {{"Name"}, {"Time", "s", true}},
                     .rows = {{Cell("a, \"b\""), Cell(Text("1.5"), 1.5)}, {Cell("c"), Cell(Text("-"), NAN)}}};
  CHECK(to_csv(sample) == "Name,Time [s]\r\n\"a, \"\"b\"\"\",1.5\r\nc,\r\n");
}

TEST_CASE("text is escaped in both formats", "[report][fast]") {
  Document document{.title = "a < b", .subtitle = "", .blocks = {}};
  document.add(Text("x & y | *z*").code("a_b"));
  CHECK(has(to_html(document), "<p>x &amp; y | *z*<code>a_b</code></p>"));
  CHECK(has(to_markdown(document), "x & y \\| \\*z\\*`a_b`"));
  CHECK(has(to_markdown(document), "# a \\< b"));
}
