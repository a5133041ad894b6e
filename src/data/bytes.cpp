#include "data/bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace noyau::inline v0 {
namespace {

class File {
 public:
  File(const std::string& path, int flags) : handle_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~File() {
    if (handle_ >= 0) close(handle_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int handle() const { return handle_; }

 private:
  int handle_;
};

std::string reason() { return std::strerror(errno); }

}  // namespace

Bytes read_file(const std::string& path) {
  const File file(path, O_RDONLY);
  struct stat status {};
  NOYAU_CHECK(file.handle() >= 0 && fstat(file.handle(), &status) == 0, "cannot read ", path, " (", reason(),
              ")");
  NOYAU_CHECK(S_ISREG(status.st_mode), "cannot read ", path, " (not a file)");
  Bytes bytes(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(file.handle(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    NOYAU_CHECK(count >= 0, "cannot read ", path, " at byte ", done, " (", reason(), ")");
    NOYAU_CHECK(count > 0, "cannot read ", path, ": it ended at byte ", done, " of ", bytes.size(),
                " while being read");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

void write_file(const std::string& path, ByteView bytes) {
  const std::string temporary = message(path, ".", static_cast<int>(getpid()), ".part");
  const auto give_up = [&] {
    const std::string why = reason();
    unlink(temporary.c_str());
    fail("cannot write ", path, " (", why, ")");
  };
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.handle() < 0) give_up();
    while (!bytes.empty()) {
      const ssize_t count = ::write(file.handle(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) give_up();
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    if (fsync(file.handle()) != 0) give_up();
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) give_up();
}

struct Source::Inflater {
  Inflater() { NOYAU_CHECK(inflateInit2(&stream, 15 + 16) == Z_OK, "gzip: cannot start zlib"); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
  bool ended = false;
};

Source::Source(ByteView bytes, std::string name) : rest_(bytes), name_(std::move(name)) {
  const bool gzip = bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  if (gzip) inflater_ = std::make_unique<Inflater>();
}

Source::~Source() = default;

// One call of zlib: at least one byte of output, or the end of the data.
std::size_t Source::inflate_some(std::span<std::uint8_t> out) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  z_stream& stream = inflater_->stream;
  const std::size_t compressed_before = rest_.size();
  for (;;) {
    if (inflater_->ended) {
      if (rest_.empty()) return 0;
      NOYAU_CHECK(inflateReset(&stream) == Z_OK, "gzip: cannot restart zlib");  // files may be joined
      inflater_->ended = false;
    }
    stream.next_in = const_cast<Bytef*>(rest_.data());
    stream.avail_in = static_cast<uInt>(std::min(rest_.size(), kMost));
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(std::min(out.size(), kMost));
    const int status = inflate(&stream, Z_NO_FLUSH);
    const auto made = static_cast<std::size_t>(stream.next_out - out.data());
    rest_ = rest_.subspan(static_cast<std::size_t>(stream.next_in - rest_.data()));
    inflater_->ended = status == Z_STREAM_END;
    const bool starved = status == Z_BUF_ERROR || (status == Z_OK && made == 0 && rest_.empty());
    NOYAU_CHECK(!starved, "gzip: ", name_, " ends in the middle of its data (", compressed_before,
                " compressed bytes were left, ", offset_, " bytes came out); the file is cut");
    NOYAU_CHECK(status == Z_OK || status == Z_STREAM_END, "gzip: ", name_, " is damaged after ",
                offset_ + made, " bytes of output (", stream.msg ? stream.msg : "bad data", ")");
    if (made > 0) return made;
  }
}

std::size_t Source::read(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    std::size_t count = 0;
    if (inflater_) {
      count = inflate_some(out.subspan(done));
    } else {
      count = std::min(out.size() - done, rest_.size());
      std::copy_n(rest_.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(done));
      rest_ = rest_.subspan(count);
    }
    if (count == 0) break;
    done += count;
    offset_ += count;
  }
  return done;
}

Bytes Source::take(std::size_t count, const char* what) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  const std::size_t start = offset_;
  Bytes bytes;
  while (bytes.size() < count) {
    const std::size_t before = bytes.size();
    const std::size_t step = std::min(count - before, std::max(kChunk, before));
    bytes.resize(before + step);
    const std::size_t got = read(std::span(bytes).subspan(before));
    NOYAU_CHECK(got == step, name_, " ends at byte ", offset_, ", expected ", count, " bytes of ", what,
                " from byte ", start);
  }
  return bytes;
}

void Source::skip(std::size_t count, const char* what) {
  std::uint8_t scratch[4096];
  const std::size_t start = offset_;
  for (std::size_t done = 0; done < count;) {
    const std::size_t step = std::min(count - done, sizeof scratch);
    NOYAU_CHECK(read({scratch, step}) == step, name_, " ends at byte ", offset_, ", expected ", count,
                " bytes of ", what, " from byte ", start);
    done += step;
  }
}

void Source::expect_end() {
  std::uint8_t extra = 0;
  const std::size_t end = offset_;
  NOYAU_CHECK(read({&extra, 1}) == 0, name_, " goes on after byte ", end, ", where it should end");
}

}  // namespace noyau::inline v0
