#include "machine.h"

#include <cstdlib>
#include <string>

#include "report.h"

namespace simt {

namespace {

constexpr const char* kTroubles[] = {"", "no-driver", "old-driver", "no-device", "no-kernels", "taken"};

std::string variable(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? "" : text;
}

Trouble read_trouble() {
  const std::string word = variable("NOYAU_SIMT_MACHINE");
  int number = 0;
  for (const char* known : kTroubles) {
    if (word == known) return static_cast<Trouble>(number);
    ++number;
  }
  throw Failure("simt: machine is '" + word +
                "' (NOYAU_SIMT_MACHINE); expected no-driver, old-driver, no-device, no-kernels or taken");
}

std::size_t read_device_bytes() {
  const std::string text = variable("NOYAU_SIMT_MEMORY");
  if (text.empty()) return std::size_t{8} << 30;
  const bool number = text.size() < 9 && text.find_first_not_of("0123456789") == text.npos;
  if (!number) throw Failure("simt: memory is '" + text + "' (NOYAU_SIMT_MEMORY); expected a number of MiB");
  return std::stoul(text) << 20;
}

int read_capability() {
  const std::string text = variable("NOYAU_SIMT_CAPABILITY");
  if (text.empty() || text == "80") return 80;
  if (text == "75") return 75;
  throw Failure("simt: compute capability is '" + text + "' (NOYAU_SIMT_CAPABILITY); expected 75 or 80");
}

}  // namespace

Trouble trouble() {
  static const Trouble read = read_trouble();
  return read;
}

int compute_capability() {
  static const int read = read_capability();
  return read;
}

std::size_t device_bytes() {
  static const std::size_t read = read_device_bytes();
  return read;
}

}  // namespace simt
