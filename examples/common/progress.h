#pragma once
/// \file
/// Progress on stderr: one line that updates itself on a terminal, whole lines elsewhere.

#include <chrono>
#include <string>

namespace programs {

/// Seconds since it was made.
class Stopwatch {
 public:
  /// Seconds so far.
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The first `columns` characters of UTF-8 `text`, none of them cut.
std::string first_columns(const std::string& text, std::size_t columns);

/// "4 s", "3 min 20 s", "2 h 05 min".
std::string duration(double seconds);

/// Writes to stderr. On a terminal update() rewrites the last line at most ten times a second; elsewhere it prints a
/// whole line every 30 s. NO_COLOR switches colour off (https://no-color.org).
class Progress {
 public:
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What is going on now.
  void update(const std::string& text);
  /// A line that stays.
  void line(const std::string& text);
  /// A line that stays, in a colour that stands out.
  void banner(const std::string& text);

 private:
  void clear();

  bool terminal_;
  bool colour_;
  bool shown_ = false;
  Stopwatch clock_;
  double last_ = 0;
};

}  // namespace programs
