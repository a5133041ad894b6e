#include "common/md5.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <vector>

#include "noyau/error.h"

namespace programs {
namespace {

// T[i] = floor(2^32 |sin(i + 1)|), section 3.4.
const std::array<std::uint32_t, 64>& sines() {
  static const std::array<std::uint32_t, 64> kSines = [] {
    std::array<std::uint32_t, 64> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
      table[i] =
          static_cast<std::uint32_t>(std::floor(std::abs(std::sin(static_cast<double>(i + 1))) * 0x1p32));
    }
    return table;
  }();
  return kSines;
}

constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

std::uint32_t word(const std::uint8_t* bytes) {
  return bytes[0] | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

}  // namespace

void Md5::block(const std::uint8_t* bytes) {
  auto [a, b, c, d] = state_;
  for (std::uint32_t i = 0; i < 64; ++i) {
    std::uint32_t mixed = 0, place = 0;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d);
        place = i;
        break;
      case 1:
        mixed = (b & d) | (c & ~d);
        place = 5 * i + 1;
        break;
      case 2:
        mixed = b ^ c ^ d;
        place = 3 * i + 5;
        break;
      default:
        mixed = c ^ (b | ~d);
        place = 7 * i;
    }
    const std::uint32_t sum = a + mixed + word(bytes + place % 16 * 4) + sines()[i];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kShifts[i / 16][i % 4]);
  }
  state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d};
}

void Md5::update(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const std::size_t filled = length_ % pending_.size();
    const std::size_t step = std::min(bytes.size(), pending_.size() - filled);
    std::copy_n(bytes.begin(), step, pending_.begin() + static_cast<std::ptrdiff_t>(filled));
    length_ += step;
    bytes = bytes.subspan(step);
    if (length_ % pending_.size() == 0) block(pending_.data());
  }
}

std::string Md5::hex() {
  const std::uint64_t bits = length_ * 8;
  const std::uint8_t one = 0x80, zero = 0;
  update({&one, 1});
  while (length_ % pending_.size() != pending_.size() - 8) update({&zero, 1});
  std::array<std::uint8_t, 8> tail{};
  for (std::size_t i = 0; i < tail.size(); ++i) tail[i] = static_cast<std::uint8_t>(bits >> (8 * i));
  update(tail);
  std::string text;
  for (const std::uint32_t part : state_) {
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t byte = part >> (8 * i) & 255;
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
  }
  return text;
}

std::string md5_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  NOYAU_CHECK(file, "cannot read ", path);
  Md5 sum;
  std::vector<char> buffer(1 << 16);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.update(
        {reinterpret_cast<const std::uint8_t*>(buffer.data()), static_cast<std::size_t>(file.gcount())});
  }
  return sum.hex();
}

}  // namespace programs
