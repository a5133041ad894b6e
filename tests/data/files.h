#pragma once
// Files for tests: a folder that is removed again, and the formats the readers know, written independently of them.
#include <zlib.h>

#include <filesystem>
#include <random>
#include <string>

#include "data/bytes.h"

namespace noyau::tests {

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() /
              message("noyau-test-", static_cast<unsigned>(std::random_device()()))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path() const { return path_.string(); }
  // The path of a file in it, whose folder is made.
  std::string file(const std::string& name) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    return (path_ / name).string();
  }
  std::string write(const std::string& name, const Bytes& bytes) const {
    write_file(file(name), bytes);
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

inline Bytes gzipped(const Bytes& bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 32);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// IDX of unsigned bytes: the elements after a header of the given extents.
inline Bytes idx(const std::vector<std::uint32_t>& extents, const Bytes& elements) {
  Bytes bytes = {0, 0, 8, static_cast<std::uint8_t>(extents.size())};
  for (const std::uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(extent >> shift));
  }
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

// One file of a ustar archive, padded; an archive ends with 1024 zeros.
inline Bytes tar_member(const std::string& name, const Bytes& contents, char type = '0') {
  Bytes block(512);
  std::copy(name.begin(), name.end(), block.begin());
  const auto put = [&](std::size_t at, const std::string& text) {
    std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
  };
  char digits[16];
  std::snprintf(digits, sizeof digits, "%011lo", static_cast<unsigned long>(contents.size()));
  put(124, digits);
  block[156] = static_cast<std::uint8_t>(type);
  put(257, "ustar");
  put(148, "        ");
  unsigned sum = 0;
  for (const std::uint8_t byte : block) sum += byte;
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, digits);
  block[154] = 0;
  block.insert(block.end(), contents.begin(), contents.end());
  block.resize((block.size() + 511) / 512 * 512);
  return block;
}

}  // namespace noyau::tests
