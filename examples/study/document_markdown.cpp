#include <algorithm>

#include "study/document.h"

namespace study {
namespace {

// Characters that Markdown reads as marks, and those that HTML within it does.
std::string escaped(std::string_view text) {
  constexpr std::string_view kMarks = "\\`*_[]|<>#";
  std::string result;
  for (char c : text) {
    if (kMarks.find(c) != std::string_view::npos) result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

// Markdown wants the marks next to the words.
std::string strong(const std::string& text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t end = text.find_last_not_of(' ') + 1;
  if (begin >= end) return text;
  return text.substr(0, begin) + "**" + escaped(text.substr(begin, end - begin)) + "**" + text.substr(end);
}

std::string inline_markdown(const Text& text) {
  std::string result;
  for (const Span& span : text.spans()) {
    switch (span.kind) {
      case Span::Kind::strong:
        result += strong(span.text);
        break;
      case Span::Kind::code:
        result += '`' + span.text + '`';
        break;
      case Span::Kind::link:
        result += '[' + escaped(span.text) + "](" + span.target + ')';
        break;
      case Span::Kind::plain:
      case Span::Kind::traced:
        result += escaped(span.text);
    }
  }
  return result;
}

struct Writer {
  std::string out;

  void operator()(const Heading& heading) {
    // GitLab and GitHub derive their own anchors from headings; this one is the page's.
    out += "<a id=\"" + heading.id + "\"></a>\n\n" +
           std::string(static_cast<std::size_t>(heading.level), '#') + ' ' + escaped(heading.text) + "\n\n";
  }
  void operator()(const Text& text) { out += inline_markdown(text) + "\n\n"; }
  void operator()(const Points& points) {
    for (const Text& item : points.items) out += "- " + inline_markdown(item) + '\n';
    out += '\n';
  }
  void operator()(const Note& note) { out += "> " + inline_markdown(note.text) + "\n\n"; }
  void operator()(const Table& table) {
    out += inline_markdown(table.caption) + " ([CSV](tables/" + table.id + ".csv))\n\n|";
    for (const Column& column : table.columns) {
      out += ' ' + escaped(column.unit.empty() ? column.name : column.name + " [" + column.unit + "]") + " |";
    }
    out += "\n|";
    for (const Column& column : table.columns) {
      out += column.numeric ? " --: |" : " --- |";
    }
    for (const std::vector<Cell>& row : table.rows) {
      out += "\n|";
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string text = inline_markdown(row[c].text);
        out += row[c].marked && !text.empty() ? " **" + text + "** |" : ' ' + text + " |";
      }
    }
    out += "\n\n";
  }
  void operator()(const Gallery& gallery) {
    for (const Drawing& drawing : gallery.drawings) {
      out += "![" + escaped(drawing.alt) + "](figures/" + drawing.id + ".svg)\n\n";
    }
  }
};

}  // namespace

std::string to_markdown(const Document& document) {
  Writer writer;
  writer.out = "# " + escaped(document.title) + "\n\n";
  if (!document.subtitle.empty()) writer.out += escaped(document.subtitle) + "\n\n";
  for (const Block& block : document.blocks) std::visit(writer, block);
  return writer.out;
}

}  // namespace study
