#pragma once
/// \file
/// MD5 check sums, for telling whether a download is the file its publisher describes. Source: RFC 1321.

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace programs {

/// The check sum of bytes that come in pieces.
class Md5 {
 public:
  /// Takes more bytes.
  void update(std::span<const std::uint8_t> bytes);
  /// The sum of all bytes so far as 32 hexadecimal digits; nothing may follow.
  std::string hex();

 private:
  void block(const std::uint8_t* bytes);

  std::array<std::uint32_t, 4> state_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<std::uint8_t, 64> pending_{};
  std::uint64_t length_ = 0;
};

/// The check sum of a file; throws noyau::Error when it cannot be read.
std::string md5_of_file(const std::string& path);

}  // namespace programs
