#include "noyau/plot.h"
#include "study/document.h"
#include "study/page_style.h"

namespace study {
namespace {

using noyau::message;
using noyau::plot::escape;

std::string inline_html(const Text& text) {
  std::string result;
  for (const Span& span : text.spans()) {
    const std::string shown = escape(span.text);
    switch (span.kind) {
      case Span::Kind::plain:
        result += shown;
        break;
      case Span::Kind::strong:
        result += message("<strong>", shown, "</strong>");
        break;
      case Span::Kind::code:
        result += message("<code>", shown, "</code>");
        break;
      case Span::Kind::traced:
        result += span.target.empty()
                      ? shown
                      : message("<span class=\"run\" title=\"", escape(span.target), "\">", shown, "</span>");
        break;
      case Span::Kind::link:
        result += message("<a href=\"", escape(span.target), "\">", shown, "</a>");
    }
  }
  return result;
}

std::string table_head(const Table& table) {
  std::string head;
  for (const Column& column : table.columns) {
    if (column.off_page) continue;
    const std::string unit =
        column.unit.empty() ? "" : message(" <small>[", escape(column.unit), "]</small>");
    head += message("<th scope=\"col\"", column.numeric ? " class=\"n\"" : "", ">", escape(column.name), unit,
                    "</th>");
  }
  return message("<thead><tr>", head, "</tr></thead>");
}

std::string table_row(const Table& table, const std::vector<Cell>& row) {
  std::string cells;
  for (std::size_t c = 0; c < row.size(); ++c) {
    if (table.columns[c].off_page) continue;
    const std::string element = c == 0 ? "th" : "td";
    const std::string classes = message(table.columns[c].numeric ? "n" : "", row[c].marked ? " best" : "");
    cells += message("<", element, c == 0 ? " scope=\"row\"" : "");
    if (!classes.empty()) cells += message(" class=\"", classes, "\"");
    if (row[c].value) cells += message(" data-v=\"", exact(*row[c].value), "\"");
    cells += message(">", inline_html(row[c].text), "</", element, ">");
  }
  return message("<tr>", cells, "</tr>\n");
}

struct Writer {
  std::string out;

  void operator()(const Heading& heading) {
    const std::string level = std::to_string(heading.level);
    out += message("<h", level, " id=\"", heading.id, "\">", escape(heading.text),
                   " <a class=\"anchor\" href=\"#", heading.id,
                   "\" aria-label=\"link to this section\">#</a></h", level, ">\n");
  }
  void operator()(const Text& text) { out += message("<p>", inline_html(text), "</p>\n"); }
  void operator()(const Points& points) {
    out += "<ul>\n";
    for (const Text& item : points.items) out += message("<li>", inline_html(item), "</li>\n");
    out += "</ul>\n";
  }
  void operator()(const Note& note) {
    const bool banner = note.kind == Note::Kind::banner;
    out += message("<p class=\"", banner ? "banner\" role=\"alert" : "reading", "\">", inline_html(note.text),
                   "</p>\n");
  }
  void operator()(const Table& table) {
    out += message("<p class=\"caption\" id=\"c-", table.id, "\">", inline_html(table.caption),
                   " <a href=\"tables/", table.id,
                   ".csv\">CSV</a></p>\n<div class=\"table\" tabindex=\"0\"><table id=\"t-", table.id,
                   "\" aria-labelledby=\"c-", table.id, "\">", table_head(table), "\n<tbody>\n");
    for (const std::vector<Cell>& row : table.rows) out += table_row(table, row);
    out += "</tbody></table></div>\n";
  }
  void operator()(const Gallery& gallery) {
    out += "<div class=\"figures\">\n";
    for (const Drawing& drawing : gallery.drawings) {
      out += message("<figure id=\"f-", drawing.id, "\">\n", drawing.svg, "</figure>\n");
    }
    out += "</div>\n";
  }
};

// Links to all sections.
std::string contents(const Document& document) {
  std::string items;
  for (const Block& block : document.blocks) {
    const Heading* heading = std::get_if<Heading>(&block);
    if (heading == nullptr || heading->level != 2) continue;
    items += message("<li><a href=\"#", heading->id, "\">", escape(heading->text), "</a></li>\n");
  }
  return message("<nav aria-label=\"contents\"><ol>\n", items, "</ol></nav>\n");
}

}  // namespace

std::string to_html(const Document& document) {
  Writer writer;
  bool begun = false;  // banners stand above the table of contents
  for (const Block& block : document.blocks) {
    if (!begun && std::holds_alternative<Heading>(block)) {
      writer.out += contents(document);
      begun = true;
    }
    std::visit(writer, block);
  }
  return message(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"/>\n<title>",
      escape(document.title), "</title>\n<style>\n", kPageStyle, "</style>\n</head>\n<body>\n<header><h1>",
      escape(document.title), "</h1>\n<p class=\"subtitle\">", escape(document.subtitle),
      "</p></header>\n<main>\n", writer.out, "</main>\n<script>\n", kPageScript,
      "</script>\n</body>\n</html>\n");
}

}  // namespace study
