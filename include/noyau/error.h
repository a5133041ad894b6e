#pragma once
/// \file
/// The one exception type of noyau and the check that throws it.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// Marks a symbol that the shared library exports.
#define NOYAU_API __attribute__((visibility("default")))

namespace noyau::inline v0 {

/// What every failing call of noyau throws; `what()` reads `op: what is wrong (the facts)[; what to do]`.
class NOYAU_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Appends the text of a value to `text`; overloaded for every type that may stand in a message.
NOYAU_API void append(std::string& text, std::string_view value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, char value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, bool value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, int value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, unsigned value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, long value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, unsigned long value);
/// Appends the text of `value`.
NOYAU_API void append(std::string& text, double value);
/// Appends the text of `value`.
inline void append(std::string& text, const char* value) { append(text, std::string_view(value)); }
/// Appends the text of `value`.
inline void append(std::string& text, const std::string& value) { append(text, std::string_view(value)); }

/// The texts of `parts`, joined without separators.
template <class... Parts>
std::string message(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// Throws Error with the joined texts of `parts`.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(message(parts...));
}

}  // namespace noyau::inline v0

/// Throws noyau::Error with the joined texts of the remaining arguments unless `condition` holds; always on.
#define NOYAU_CHECK(condition, ...)               \
  do {                                            \
    if (!(condition)) ::noyau::fail(__VA_ARGS__); \
  } while (false)
