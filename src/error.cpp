#include "noyau/error.h"

#include <charconv>

namespace noyau::inline v0 {
namespace {

template <class T>
void append_number(std::string& text, T value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  text.append(digits, end);
}

}  // namespace

void append(std::string& text, std::string_view value) { text.append(value); }
void append(std::string& text, char value) { text.push_back(value); }
void append(std::string& text, bool value) { text.append(value ? "true" : "false"); }
void append(std::string& text, int value) { append_number(text, value); }
void append(std::string& text, unsigned value) { append_number(text, value); }
void append(std::string& text, long value) { append_number(text, value); }
void append(std::string& text, unsigned long value) { append_number(text, value); }
void append(std::string& text, double value) { append_number(text, value); }

}  // namespace noyau::inline v0
