#include "study/document.h"

#include <array>
#include <charconv>
#include <cmath>

namespace study {
namespace {

std::string heading_of(const Column& column) {
  return column.unit.empty() ? column.name : column.name + " [" + column.unit + "]";
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field(1, '"');
  for (char c : text) {
    if (c == '"') field += c;
    field += c;
  }
  field += '"';
  return field;
}

}  // namespace

Text::Text(std::string text) { add(std::move(text)); }

Text& Text::add(std::string text) {
  if (!text.empty()) spans_.push_back({Span::Kind::plain, std::move(text)});
  return *this;
}

Text& Text::strong(std::string text) {
  spans_.push_back({Span::Kind::strong, std::move(text)});
  return *this;
}

Text& Text::code(std::string text) {
  spans_.push_back({Span::Kind::code, std::move(text)});
  return *this;
}

Text& Text::traced(std::string text, std::string runs) {
  spans_.push_back({Span::Kind::traced, std::move(text), std::move(runs)});
  return *this;
}

Text& Text::link(std::string text, std::string target) {
  spans_.push_back({Span::Kind::link, std::move(text), std::move(target)});
  return *this;
}

Text& Text::append(const Text& text) {
  const std::vector<Span> others = text.spans();
  spans_.insert(spans_.end(), others.begin(), others.end());
  return *this;
}

void Document::add(Block block) { blocks.push_back(std::move(block)); }

std::string plain(const Text& text) {
  std::string result;
  for (const Span& span : text.spans()) result += span.text;
  return result;
}

std::string exact(double number) {
  if (!std::isfinite(number)) return {};
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

std::string to_csv(const Table& table) {
  std::string csv;
  const auto append = [&csv](std::size_t column, const std::string& text) {
    if (column > 0) csv += ',';
    csv += csv_field(text);
  };
  for (std::size_t c = 0; c < table.columns.size(); ++c) append(c, heading_of(table.columns[c]));
  csv += "\r\n";
  for (const std::vector<Cell>& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c)
      append(c, row[c].value ? exact(*row[c].value) : plain(row[c].text));
    csv += "\r\n";
  }
  return csv;
}

}  // namespace study
