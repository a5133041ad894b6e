#include <array>
#include <charconv>
#include <cmath>

#include "plot/canvas.h"

namespace noyau::inline v0::plot {
namespace {

// Advance widths of Helvetica for the characters from space to '~', in thousandths of the size (Adobe Core 14
// metrics).
constexpr std::array<short, 95> kWidths = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};
constexpr int kOtherWidth = 600;
constexpr double kBoldFactor = 1.08;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) result.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

// The longest start of `word`, at least one character, that fits.
std::size_t fitting(std::string_view word, double width, double size, bool bold) {
  std::size_t end = 1;
  for (std::size_t next = 1; next <= word.size(); ++next) {
    if (next < word.size() && continues_character(word[next])) continue;
    if (next > 1 && text_width(word.substr(0, next), size, bold) > width) break;
    end = next;
  }
  return end;
}

std::string chars(double value, std::chars_format format, int precision) {
  std::array<char, 400> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, precision).ptr;
  return {buffer.data(), end};
}

void trim_zeros(std::string& digits) {
  if (digits.find('.') == std::string::npos) return;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
}

}  // namespace

double text_width(std::string_view text, double size, bool bold) {
  int thousandths = 0;
  for (char c : text) {
    if (continues_character(c)) continue;
    thousandths += c >= ' ' && c <= '~' ? kWidths[static_cast<std::size_t>(c - ' ')] : kOtherWidth;
  }
  return thousandths * size / 1000 * (bold ? kBoldFactor : 1);
}

std::vector<std::string> wrap(std::string_view text, double width, double size, bool bold) {
  std::vector<std::string> lines;
  std::string line;
  for (std::string_view word : words(text)) {
    const std::string longer = line.empty() ? std::string(word) : line + ' ' + std::string(word);
    if (text_width(longer, size, bold) <= width) {
      line = longer;
      continue;
    }
    if (!line.empty()) lines.push_back(line);
    while (text_width(word, size, bold) > width && word.size() > 1) {
      const std::size_t end = fitting(word, width, size, bold);
      if (end == word.size()) break;
      lines.emplace_back(word.substr(0, end));
      word.remove_prefix(end);
    }
    line = word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

double widest(const std::vector<std::string>& texts, double size) {
  double width = 0;
  for (const std::string& text : texts) width = std::max(width, text_width(text, size));
  return width;
}

std::string px(double value) {
  std::string digits = chars(value, std::chars_format::fixed, 2);
  trim_zeros(digits);
  return digits == "-0" ? "0" : digits;
}

std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return {};
  std::string digits = chars(value, std::chars_format::fixed, decimals);
  const bool zero = digits.find_first_not_of("-0.") == std::string::npos;
  return zero && digits[0] == '-' ? digits.substr(1) : digits;
}

std::string number(double value, int digits) {
  if (std::isnan(value)) return {};
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  const std::string rounded = chars(value, std::chars_format::scientific, digits - 1);
  const int exponent = std::stoi(rounded.substr(rounded.find('e') + 1));
  if (exponent >= 7 || exponent < -4) {
    std::string mantissa = rounded.substr(0, rounded.find('e'));
    trim_zeros(mantissa);
    return mantissa + "e" + std::to_string(exponent);
  }
  std::string text = fixed(value, std::max(0, digits - 1 - exponent));
  trim_zeros(text);
  return text;
}

std::string shown(double value, const Axis& axis, int digits) {
  constexpr std::array<std::pair<double, std::string_view>, 3> kPrefixes = {
      {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}}};
  constexpr double kFirstPrefixed = 9999.5;
  std::string text = axis.percent ? number(100 * value, digits) + " %" : number(value, digits);
  for (const auto& [factor, prefix] : kPrefixes) {
    if (axis.percent || !(std::abs(value) >= std::max(factor, kFirstPrefixed)) || std::isinf(value)) continue;
    text = message(number(value / factor, digits), prefix);
    break;
  }
  return text.starts_with('-') ? message("\u2212", text.substr(1)) : text;
}

std::string axis_title(const Axis& axis) {
  return axis.unit.empty() ? axis.label : axis.label + " [" + axis.unit + "]";
}

std::string escape(std::string_view text) {
  std::string result;
  for (char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        // XML has no place for other control characters.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') result += c;
    }
  }
  return result;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      result += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63u] : '=';
    }
  }
  return result;
}

}  // namespace noyau::inline v0::plot
