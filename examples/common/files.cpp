#include "common/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace programs {
namespace {

[[noreturn]] void cannot(const char* what, const std::string& path, int why) {
  stop(Exit::runtime, "cannot ", what, " ", path, ": ", std::strerror(why));
}

/// 0, or errno of the write that failed.
int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

std::string owner_of_lock(int file) {
  char text[256] = {};
  const ssize_t count = ::pread(file, text, sizeof text - 1, 0);
  return count > 0 ? std::string(text, static_cast<std::size_t>(count)) : "another process";
}

}  // namespace

void make_folder(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) cannot("make the folder", path, failure.value());
}

void write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) cannot("write", path, errno);
  int why = write_all(file, text);
  if (why == 0 && ::fsync(file) != 0 && errno != EINVAL) why = errno;
  ::close(file);
  if (why == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) why = errno;
  if (why == 0) return;
  ::unlink(temporary.c_str());
  cannot("write", path, why);
}

std::string read_file(const std::string& path, Exit code) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) stop(code, "cannot read ", path, ": ", std::strerror(errno));
  return text.str();
}

Json read_json(const std::string& path, Exit code) {
  try {
    return Json::parse(read_file(path, code), nullptr, true, true);
  } catch (const Json::parse_error& error) {
    const std::string what = error.what();
    const std::size_t place = what.find("line ");
    stop(code, path, ": not valid JSON: ", place == std::string::npos ? what : what.substr(place));
  }
}

Journal::Journal(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (file_ < 0) cannot("write", path, errno);
  if (::lseek(file_, 0, SEEK_END) <= 0) return;
  const std::string text = read_file(path, Exit::runtime);
  const std::size_t whole = text.rfind('\n') + 1;
  if (whole != text.size() && ::ftruncate(file_, static_cast<off_t>(whole)) != 0)
    cannot("write", path, errno);
}

Journal::~Journal() { ::close(file_); }

void Journal::append(const Json& row) {
  const off_t before = ::lseek(file_, 0, SEEK_END);
  int why = write_all(file_, row.dump() + "\n");
  if (why == 0 && ::fsync(file_) != 0 && errno != EINVAL) why = errno;
  if (why == 0) return;
  [[maybe_unused]] const int ignored = before >= 0 ? ::ftruncate(file_, before) : 0;
  cannot("write", path_, why);
}

void read_journal(const std::string& path, const std::function<void(const Json& row)>& each) {
  if (!std::filesystem::exists(path)) return;
  const std::string text = read_file(path, Exit::data);
  std::size_t begin = 0;
  for (int line = 1; begin < text.size(); ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) return;  // unfinished: the process was killed here
    const Json row = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                 text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (!row.is_object())
      stop(Exit::data, path, ": line ", line, " is no row of results; delete the line to run it again");
    each(row);
    begin = end + 1;
  }
}

FolderLock::FolderLock(const std::string& folder)
    : path_(folder + "/lock"), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (file_ < 0) cannot("write", path_, errno);
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const std::string owner = owner_of_lock(file_);
    ::close(file_);
    stop(Exit::runtime, folder, " is in use by ", owner, "; wait for it, or choose another --out");
  }
  char host[128] = {};
  ::gethostname(host, sizeof host - 1);
  const std::string owner = noyau::message("process ", static_cast<long>(::getpid()), " on ", host);
  if (::ftruncate(file_, 0) != 0 || write_all(file_, owner) != 0) cannot("write", path_, errno);
}

// The file stays: removing it would let two processes lock two files of one name.
FolderLock::~FolderLock() {
  [[maybe_unused]] const int ignored = ::ftruncate(file_, 0);
  ::close(file_);
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace programs
