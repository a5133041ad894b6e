#include <algorithm>
#include <cstring>

#include "data/bytes.h"

// The format: POSIX.1-1988 ustar, blocks of 512 bytes, a header before each file, two blocks of zeros at the end.
namespace noyau::inline v0 {
namespace {

constexpr std::size_t kBlock = 512;

struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100}, kSize{124, 12}, kChecksum{148, 8}, kType{156, 1}, kMagic{257, 5},
    kPrefix{345, 155};

std::string text_of(const Bytes& header, Field field) {
  const char* const begin = reinterpret_cast<const char*>(header.data()) + field.offset;
  return std::string(begin, strnlen(begin, field.size));
}

// Octal digits between blanks; any other character ends the number.
std::size_t octal_of(const Bytes& header, Field field) {
  std::size_t value = 0;
  bool begun = false;
  for (std::size_t i = field.offset; i < field.offset + field.size; ++i) {
    const std::uint8_t c = header[i];
    if (c >= '0' && c <= '7') {
      value = value * 8 + (c - '0');
      begun = true;
    } else if (begun || c != ' ') {
      break;
    }
  }
  return value;
}

std::size_t checksum_of(const Bytes& header) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own_field = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += own_field ? std::size_t{' '} : header[i];
  }
  return sum;
}

}  // namespace

void TarReader::skip_rest() {
  source_.skip(left_ + padding_, "a tar member");
  left_ = padding_ = 0;
}

bool TarReader::next(TarEntry& entry) {
  for (;;) {
    skip_rest();
    const std::size_t start = source_.offset();
    const Bytes header = source_.take(kBlock, "a tar header");
    if (std::all_of(header.begin(), header.end(), [](std::uint8_t byte) { return byte == 0; })) return false;
    NOYAU_CHECK(octal_of(header, kChecksum) == checksum_of(header), source_.name(),
                " has no tar header at byte ", start, " (check sum ", octal_of(header, kChecksum),
                ", expected ", checksum_of(header), ")");
    entry.size = left_ = octal_of(header, kSize);
    padding_ = (kBlock - left_ % kBlock) % kBlock;
    const char type = static_cast<char>(header[kType.offset]);
    if (type != '0' && type != '\0') continue;
    const std::string prefix = text_of(header, kMagic) == "ustar" ? text_of(header, kPrefix) : std::string();
    entry.name = (prefix.empty() ? "" : prefix + "/") + text_of(header, kName);
    return true;
  }
}

Bytes TarReader::read() {
  Bytes bytes = source_.take(left_, "a tar member");
  left_ = 0;
  return bytes;
}

}  // namespace noyau::inline v0
