#pragma once
// Files as bytes: whole reads, sequential reading of plain or gzip data, tar archives. All errors name the file.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "noyau/error.h"

namespace noyau::inline v0 {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// The whole file; throws with the system's reason.
NOYAU_API Bytes read_file(const std::string& path);
// Writes the file whole or not at all: to a temporary name beside it, then renamed.
NOYAU_API void write_file(const std::string& path, ByteView bytes);

// Reads bytes in order, through gzip where the data begins with its magic number. Keeps a view: the bytes must outlive it.
class NOYAU_API Source {
 public:
  Source(ByteView bytes, std::string name);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Fills `out` as far as the data goes and returns how much that was.
  std::size_t read(std::span<std::uint8_t> out);
  // Exactly `count` bytes; throws, saying what was to be read. Memory grows with what is really there.
  Bytes take(std::size_t count, const char* what);
  // As take(), thrown away.
  void skip(std::size_t count, const char* what);
  // Throws unless everything was read.
  void expect_end();
  // Bytes read so far, after decompression.
  std::size_t offset() const { return offset_; }
  const std::string& name() const { return name_; }

 private:
  struct Inflater;
  std::size_t inflate_some(std::span<std::uint8_t> out);
  ByteView rest_;
  std::string name_;
  std::size_t offset_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

struct TarEntry {
  std::string name;
  std::size_t size = 0;
};

// Walks the regular files of a tar archive (ustar; the headers' check sums are verified).
class NOYAU_API TarReader {
 public:
  explicit TarReader(Source& source) : source_(source) {}
  // Moves to the next file; false at the end of the archive.
  bool next(TarEntry& entry);
  // The contents of the present file.
  Bytes read();

 private:
  void skip_rest();
  Source& source_;
  std::size_t left_ = 0;     // of the present file
  std::size_t padding_ = 0;  // up to a multiple of 512
};

}  // namespace noyau::inline v0
