#include "common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace programs {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string first_columns(const std::string& text, std::size_t columns) {
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at)
    if (begins_character(text[at]) && seen++ == columns) break;
  return text.substr(0, at);
}

std::string duration(double seconds) {
  const long total = std::lround(seconds);
  char text[64];
  if (seconds < 9.95) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else if (total < 60) {
    std::snprintf(text, sizeof text, "%ld s", total);
  } else if (total < 3600) {
    std::snprintf(text, sizeof text, "%ld min %02ld s", total / 60, total % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld h %02ld min", total / 3600, total % 3600 / 60);
  }
  return text;
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0) {
  const char* no_colour = std::getenv("NO_COLOR");
  colour_ = terminal_ && (no_colour == nullptr || *no_colour == '\0');
}

void Progress::update(const std::string& text) {
  const double now = clock_.seconds();
  if (now - last_ < (terminal_ ? 0.1 : 30.0)) return;
  last_ = now;
  if (!terminal_) return line(text);
  clear();
  std::fputs(first_columns(text, terminal_width() - 1).c_str(), stderr);
  shown_ = true;
}

void Progress::line(const std::string& text) {
  clear();
  std::fprintf(stderr, "%s\n", text.c_str());
  if (!terminal_) last_ = clock_.seconds();
}

void Progress::banner(const std::string& text) { line(colour_ ? "\033[1;33m" + text + "\033[0m" : text); }

void Progress::clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

}  // namespace programs
