#pragma once
/// \file
/// A report before it has a format: headings, paragraphs, tables and figures, written as HTML, Markdown and CSV.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace study {

/// A stretch of text of one kind.
struct Span {
  /// How it is shown.
  enum class Kind {
    plain,   ///< As it is.
    strong,  ///< Emphasised.
    code,    ///< A name that is typed.
    traced,  ///< A number; `target` names the runs it comes from.
    link,    ///< A link to `target`.
  };
  Kind kind = Kind::plain;  ///< How it is shown.
  std::string text;         ///< What is shown.
  std::string target = {};  ///< Runs or address.
};

/// Text made of spans: `Text("The best is ").traced("71.2 %", runs).add(".")`.
class Text {
 public:
  Text() = default;
  Text(const char* text) : Text(std::string(text)) {}  ///< Plain text.
  Text(std::string text);                              ///< Plain text.

  /// Appends plain text.
  Text& add(std::string text);
  /// Appends emphasised text.
  Text& strong(std::string text);
  /// Appends a name that is typed.
  Text& code(std::string text);
  /// Appends a number with the ids of its runs.
  Text& traced(std::string text, std::string runs);
  /// Appends a link.
  Text& link(std::string text, std::string target);
  /// Appends other text.
  Text& append(const Text& text);

  /// All spans, in order.
  const std::vector<Span>& spans() const { return spans_; }
  /// True without any text.
  bool empty() const { return spans_.empty(); }

 private:
  std::vector<Span> spans_;
};

/// The text without its kinds.
std::string plain(const Text& text);

/// One field of a table.
struct Cell {
  Cell() = default;
  Cell(const char* shown) : text(shown) {}             ///< Text.
  Cell(std::string shown) : text(std::move(shown)) {}  ///< Text.
  Cell(Text shown) : text(std::move(shown)) {}         ///< Text.
  /// A number: `shown` on the page, `number` in the CSV file and for sorting.
  Cell(Text shown, double number) : text(std::move(shown)), value(number) {}

  Text text;                    ///< What the page shows.
  std::optional<double> value;  ///< What the CSV file has.
  bool marked = false;          ///< Set off from the others.
};

/// One column of a table.
struct Column {
  std::string name;       ///< Heading.
  std::string unit = {};  ///< Unit, shown in brackets after the name.
  bool numeric = false;   ///< Aligned at the right.
  bool off_page = false;  ///< In the CSV file and the Markdown twin only; the page has it as tooltips.
};

/// A table; also written as tables/<id>.csv.
struct Table {
  std::string id;                       ///< Name of its file.
  Text caption;                         ///< What it shows.
  std::vector<Column> columns;          ///< Headings.
  std::vector<std::vector<Cell>> rows;  ///< One cell a column.
};

/// A figure; also written as figures/<id>.svg.
struct Drawing {
  std::string id;   ///< Name of its file.
  std::string svg;  ///< The `<svg>` element.
  std::string alt;  ///< Its question.
};

/// A heading; `id` is the target of links to it.
struct Heading {
  int level = 2;     ///< 2 for a section, 3 for a part of one.
  std::string id;    ///< Unique on the page.
  std::string text;  ///< What is shown.
};

/// Points, one below the other.
struct Points {
  std::vector<Text> items;  ///< In order.
};

/// What stands out: a warning on top of the page, the reading of a figure.
struct Note {
  /// How it stands out.
  enum class Kind { banner, reading };
  Kind kind = Kind::reading;  ///< How it stands out.
  Text text;                  ///< What it says.
};

/// Figures that stand side by side where the page is wide enough.
struct Gallery {
  std::vector<Drawing> drawings;  ///< In order.
};

using Block = std::variant<Heading, Text, Points, Note, Table, Gallery>;

/// A whole report.
struct Document {
  std::string title;          ///< On top and in the browser's tab.
  std::string subtitle;       ///< Below the title.
  std::vector<Block> blocks;  ///< In order.

  /// Appends a block.
  void add(Block block);
};

/// One self-contained page.
std::string to_html(const Document& document);
/// The same in Markdown; figures are linked as figures/<id>.svg.
std::string to_markdown(const Document& document);
/// A table by RFC 4180: units in the headings, missing numbers empty.
std::string to_csv(const Table& table);
/// `number` in as few digits as give it back, for files.
std::string exact(double number);

}  // namespace study
