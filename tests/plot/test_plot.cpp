#include <clocale>
#include <cmath>
#include <limits>

#include "catch2.h"
#include "noyau/plot.h"
#include "plot/axes.h"
#include "plot/labels.h"

using namespace noyau;
using namespace noyau::plot;

namespace {

bool has(const std::string& svg, const std::string& text) { return svg.find(text) != std::string::npos; }

int count(const std::string& svg, const std::string& text) {
  int found = 0;
  for (std::size_t at = svg.find(text); at != std::string::npos; at = svg.find(text, at + 1)) ++found;
  return found;
}

std::string tag_name(const std::string& tag) { return tag.substr(0, tag.find_first_of(" />")); }

// Empty when every element is closed in order, else what is wrong.
std::string nesting_error(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const std::string tag = xml.substr(at + 1, xml.find('>', at) - at - 1);
    if (tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(tag_name(tag));
      continue;
    }
    if (open.empty() || open.back() != tag.substr(1)) return message("unexpected <", tag, ">");
    open.pop_back();
  }
  return open.empty() ? "" : message("never closed: ", open.back());
}

void check_sound(const std::string& svg) {
  CHECK(nesting_error(svg) == "");
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox="));
  CHECK(has(svg, "role=\"img\""));
  CHECK(has(svg, "<title id="));
  CHECK(has(svg, "<desc id="));
  CHECK_FALSE(has(svg, "nan"));
  CHECK_FALSE(has(svg, "@id@"));
}

Figure curve() {
  Figure figure;
  figure.title = std::string("Is <b> & \"c\" escaped?");
  figure.x = {.label = "Epoch"};
  figure.y = {.label = "Accuracy", .percent = true};
  figure.lines = {{.name = "train",
                   .x = {1, 2, 3},
                   .y = {0.2, 0.5, 0.6},
                   .low = {0.1, 0.4, 0.5},
                   .high = {0.3, 0.6, 0.7}}};
  return figure;
}

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> result;
  for (const Tick& tick : ticks) result.push_back(tick.text);
  return result;
}

std::vector<std::string> ticks_between(const Axis& axis, double low, double high, int most = 6) {
  return texts(make_ticks(axis, make_scale(axis, {low, high}, 0), most));
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("numbers are short, rounded and free of the locale", "[plot][fast]") {
  CHECK(number(0.0001) == "0.0001");
  CHECK(number(0.00012345) == "0.000123");
  CHECK(number(1.23456e-7, 2) == "1.2e-7");
  CHECK(number(2.5) == "2.5");
  CHECK(number(0.9999, 2) == "1");
  CHECK(number(1234) == "1234");
  CHECK(number(3e9) == "3e9");
  CHECK(number(0) == "0");
  CHECK(number(-0.5) == "-0.5");
  CHECK(number(NAN).empty());
  CHECK(number(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(fixed(0.126, 2) == "0.13");
  CHECK(fixed(-0.001, 2) == "0.00");
  CHECK(fixed(NAN, 2).empty());
}

TEST_CASE("axis texts have units, prefixes and a true minus", "[plot][fast]") {
  CHECK(shown(-2, {}, 3) == "\u22122");
  CHECK(shown(122570, {}, 3) == "123 k");
  CHECK(shown(9000, {}, 3) == "9000");
  CHECK(shown(1.5e6, {}, 3) == "1.5 M");
  CHECK(shown(2e9, {}, 3) == "2 G");
  CHECK(shown(0.7132, {.percent = true}, 3) == "71.3 %");
  CHECK(axis_title({.label = "Time", .unit = "s"}) == "Time [s]");
}

TEST_CASE("ticks are round numbers that tell each other apart", "[plot][fast]") {
  CHECK(ticks_between({}, 0, 1) == Texts{"0", "0.2", "0.4", "0.6", "0.8", "1"});
  CHECK(ticks_between({}, 0.0001, 0.00012) == Texts{"0.0001", "0.000105", "0.00011", "0.000115", "0.00012"});
  CHECK(ticks_between({}, -10, 10, 4) == Texts{"\u221210", "\u22125", "0", "5", "10"});
  CHECK(ticks_between({.percent = true}, 0.675, 0.725, 4) == Texts{"68 %", "70 %", "72 %"});
  CHECK(ticks_between({.log = true}, 0.001, 1) == Texts{"0.001", "0.01", "0.1", "1"});
  CHECK(ticks_between({.log = true}, 1, 20) == Texts{"1", "2", "5", "10", "20"});
  CHECK(ticks_between({.ticks = {16, 64}, .names = {"few", "many"}}, 1, 2) == Texts{"few", "many"});
}

TEST_CASE("scales map their ends and leave room around a constant", "[plot][fast]") {
  plot::Scale scale = make_scale({.log = true}, {1, 100}, 0);
  scale.from = 0;
  scale.to = 10;
  CHECK(scale(10) == Approx(5));
  CHECK_FALSE(scale.shows(0));
  CHECK_FALSE(scale.shows(NAN));
  const plot::Scale constant = make_scale({}, {5, 5});
  CHECK(constant.low < 5);
  CHECK(constant.high > 5);
  CHECK(make_scale({.percent = true}, {0.5, 1}).high == 1.0);
}

TEST_CASE("ranges around shares end at 0 and 100 %, and epochs are whole", "[plot][fast]") {
  const plot::Scale shares = make_scale({.percent = true}, {0.1, 0.8}, kPadding, {-0.5, 1.7});
  CHECK(shares.low == 0);
  CHECK(shares.high == 1);
  CHECK(make_scale({.percent = true}, {-0.1, 0.8}, kPadding, {-0.5, 0.9}).low <
        -0.5);  // changes are no shares
  CHECK(make_scale({}, {1, 2}, kPadding, {0, 3}).high > 3);
  CHECK(ticks_between({.whole = true}, 1, 4, 7) == Texts{"1", "2", "3", "4"});
  CHECK(ticks_between({.whole = true}, 1, 30, 6) == Texts{"5", "10", "15", "20", "25", "30"});
}

TEST_CASE("text is measured and broken without loss", "[plot][fast]") {
  CHECK(text_width("ii", 10) < text_width("MM", 10));
  CHECK(text_width("\u2212", 10) == Approx(6));
  CHECK(wrap("one two three", text_width("one two", 10) + 1, 10) == Texts{"one two", "three"});
  CHECK(wrap("", 10, 10).empty());
  std::string joined;
  for (const std::string& line : wrap("unbreakableword", 20, 10)) {
    CHECK(text_width(line, 10) <= 20);
    joined += line;
  }
  CHECK(joined == "unbreakableword");
}

TEST_CASE("labels are spread without overlap, in order", "[plot][fast]") {
  const auto placed = spread({50, 50, 51, 0, 100}, 10, 0, 100);
  CHECK(placed[1] - placed[0] >= 10);
  CHECK(placed[2] - placed[1] >= 10);
  CHECK(placed[3] == 0);
  CHECK(placed[4] == 100);
  CHECK(spread({100, 100}, 10, 0, 100)[0] == 90);
}

TEST_CASE("a figure is sound, repeatable and escapes its texts", "[plot][fast]") {
  const std::string svg = to_svg(curve());
  check_sound(svg);
  CHECK(svg == to_svg(curve()));
  CHECK(has(svg, "Is &lt;b&gt; &amp; &quot;c&quot; escaped?"));
  CHECK(has(svg, ">Epoch<"));
  CHECK(has(svg, ">train<"));
  CHECK(has(svg, "train: 20 % at 1, 60 % at 3."));  // the summary for those who cannot see it
}

TEST_CASE("a figure does not depend on the locale", "[plot][fast]") {
  const std::string expected = to_svg(curve());
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "C"}) {
    if (std::setlocale(LC_ALL, name) != nullptr) CHECK(to_svg(curve()) == expected);
  }
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("missing values leave gaps", "[plot][fast]") {
  Figure figure = curve();
  figure.lines[0].y[1] = NAN;
  figure.lines[0].low[1] = NAN;
  figure.lines.push_back({.name = "none", .x = {1}, .y = {NAN}});
  check_sound(to_svg(figure));
  check_sound(to_svg(Figure{}));
  figure.y.log = true;
  figure.lines[0].y[2] = -1;
  check_sound(to_svg(figure));
}

TEST_CASE("many series get a legend below instead of labels beside", "[plot][fast]") {
  Figure figure = curve();
  for (int i = 0; i < 11; ++i) {
    figure.lines.push_back({.name = message("network ", i), .x = {1, 2}, .y = {0.1 * i, 0.2 * i}});
  }
  const std::string svg = to_svg(figure);
  check_sound(svg);
  for (int i = 0; i < 11; ++i) CHECK(has(svg, message(">network ", i, "<")));
}

TEST_CASE("labels of points never cover each other", "[plot][fast]") {
  Figure figure;
  for (int i = 0; i < 12; ++i) {
    figure.points.push_back(
        {.x = 1 + 0.01 * i, .y = 0.5, .label = message("network ", i), .low = 0.4, .high = 0.6});
  }
  const std::string svg = to_svg(figure);
  check_sound(svg);
  std::vector<std::pair<double, double>> corners;
  for (std::size_t at = svg.find(">network"); at != std::string::npos; at = svg.find(">network", at + 1)) {
    const std::size_t begin = svg.rfind("<text x=\"", at);
    if (begin == std::string::npos || svg.find('\n', begin) < at) continue;
    const std::size_t y = svg.find("y=\"", begin);
    corners.emplace_back(std::stod(svg.substr(begin + 9)), std::stod(svg.substr(y + 3)));
  }
  CHECK(corners.size() >= 10);
  for (std::size_t i = 0; i < corners.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool apart = std::abs(corners[i].second - corners[j].second) >= kSmallSize ||
                         std::abs(corners[i].first - corners[j].first) >= text_width("network 0", kSmallSize);
      CHECK(apart);
    }
  }
}

TEST_CASE("bars show values, errors and missing values", "[plot][fast]") {
  Bars figure;
  figure.title = "Which?";
  figure.categories = {"a", "a class whose name is far too long to stand in one line beside its bar", "c"};
  figure.series = {{.values = {0.5, NAN, 0.75}, .low = {0.4, NAN, 0.7}, .high = {0.6, NAN, 0.8}}};
  figure.value = {.label = "Accuracy", .percent = true};
  for (const bool dots : {false, true}) {
    figure.dots = dots;
    const std::string svg = to_svg(figure);
    check_sound(svg);
    CHECK(has(svg, ">50.0 %<"));
    CHECK(has(svg, ">no value<"));
  }
  const std::string horizontal = to_svg(figure);
  figure.horizontal = false;
  CHECK(to_svg(figure) == horizontal);  // the names do not fit under vertical bars
  figure.categories = {"a", "b", "c"};
  CHECK(to_svg(figure) != horizontal);
  check_sound(to_svg(figure));
}

TEST_CASE("a heat map shows every value and its tooltip", "[plot][fast]") {
  HeatMap figure;
  figure.rows = {"16", "64"};
  figure.columns = {"0.1", "1"};
  figure.values = {0.5, 0.25, NAN, 1};
  figure.notes = {"run a", "run b", "run c", "run d"};
  const std::string svg = to_svg(figure);
  check_sound(svg);
  for (const char* text : {">0.5<", ">0.25<", ">\u2013<", ">1<", "<title>run d</title>"})
    CHECK(has(svg, text));
}

TEST_CASE("text on cells contrasts with them by 4.5 to 1 at least", "[plot][fast]") {
  const auto channel = [](const std::string& color, std::size_t i) {
    const double c = std::stoi(color.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  const auto luminance = [&](const std::string& color) {
    return 0.2126 * channel(color, 0) + 0.7152 * channel(color, 1) + 0.0722 * channel(color, 2) + 0.05;
  };
  for (const Palette palette : {Palette::viridis, Palette::cividis, Palette::blues}) {
    for (int i = 0; i <= 50; ++i) {
      const CellColor color = cell_color(palette, i / 50.0);
      const double a = luminance(color.fill);
      const double b = luminance(std::string(color.text));
      CHECK(std::max(a, b) / std::min(a, b) >= 4.5);
    }
  }
}

TEST_CASE("a confusion map has true classes in rows and shares of them", "[plot][fast]") {
  ConfusionMatrix matrix(3);
  matrix.add(0, 0, 3);
  matrix.add(0, 1, 1);
  matrix.add(1, 1, 2);
  const HeatMap map = confusion_map(matrix, {"cat", "dog", "none"});
  CHECK(map.values[1] == 0.25);
  CHECK(map.texts[0] == "75");
  CHECK(map.notes[1] == "cat predicted as dog: 1 images");
  CHECK(std::isnan(map.values[8]));  // no images of the last class
  check_sound(to_svg(map));
  REQUIRE_THROWS_WITH(confusion_map(matrix, {"cat"}),
                      ContainsSubstring("confusion matrix of 3 classes has 1 names"));
}

TEST_CASE("a waterfall names each change", "[plot][fast]") {
  Waterfall figure;
  figure.value = {.label = "Accuracy", .percent = true};
  figure.steps = {
      {.label = "start", .value = 0.5}, {.label = "up", .value = 0.62}, {.label = "down", .value = 0.6}};
  const std::string svg = to_svg(figure);
  check_sound(svg);
  CHECK(has(svg, ">50.0 %<"));
  CHECK(has(svg, ">+12.0 pts \u2192 62.0 %<"));
  CHECK(has(svg, ">\u22122.0 pts \u2192 60.0 %<"));
  REQUIRE_THROWS_WITH(to_svg(Waterfall{}), ContainsSubstring("has no steps"));
}

TEST_CASE("a reliability diagram tells counts, confidence and accuracy of each bin", "[plot][fast]") {
  Reliability figure;
  figure.bins = {{0, 0.5, 0.4, 0.25, 8}, {0.5, 1, 0, 0, 0}};
  const std::string svg = to_svg(figure);
  check_sound(svg);
  CHECK(has(svg, "8 images, confidence 40.0 %, accuracy 25.0 %"));
}

TEST_CASE("an image grid embeds PNG files", "[plot][fast]") {
  ImageGrid figure;
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\1", 24);
  figure.pictures = {{png, "a cat"}, {png, "a dog"}};
  const std::string svg = to_svg(figure);
  check_sound(svg);
  CHECK(count(svg, "href=\"data:image/png;base64,iVBORw0KGgo") == 2);
  CHECK(has(svg, ">a cat<"));
  figure.pictures[1] = {"GIF", "a dog"};
  REQUIRE_THROWS_WITH(to_svg(figure), ContainsSubstring("picture 1 of the grid is no PNG file"));
  png[19] = '\0';
  figure.pictures[1].png = png;
  REQUIRE_THROWS_WITH(to_svg(figure), ContainsSubstring("picture 1 of the grid is empty"));
  figure.columns = 0;
  REQUIRE_THROWS_WITH(to_svg(figure), ContainsSubstring("at least one column, not 0"));
}

TEST_CASE("base64 pads to groups of four", "[plot][fast]") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");  // RFC 4648, section 10
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("figures say which parts do not fit together", "[plot][fast]") {
  Figure figure = curve();
  figure.lines[0].y.pop_back();
  REQUIRE_THROWS_WITH(to_svg(figure), ContainsSubstring("line \"train\" has 3 positions but 2 values"));
  Bars bars;
  bars.categories = {"a", "b"};
  bars.series = {{.name = "s", .values = {1}}};
  REQUIRE_THROWS_WITH(to_svg(bars), ContainsSubstring("bars \"s\" have 1 values"));
  HeatMap map;
  REQUIRE_THROWS_WITH(to_svg(map), ContainsSubstring("heat map of 0 rows and 0 columns"));
  REQUIRE_THROWS_WITH(make_scale({.label = "x", .low = 2.0, .high = 1.0}, {}),
                      ContainsSubstring("runs from 2 to 1"));
  REQUIRE_THROWS_WITH(make_scale({.label = "x", .log = true, .low = 0.0}, {}),
                      ContainsSubstring("limits must be positive"));
  REQUIRE_THROWS_WITH(make_scale({.label = "x", .ticks = {1}, .names = {"a", "b"}}, {}),
                      ContainsSubstring("1 ticks but 2 names"));
}
