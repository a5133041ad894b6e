#include "common/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "common/exit.h"
#include "common/md5.h"

namespace programs {
namespace {

namespace fs = std::filesystem;

// What has come so far.
class PartFile {
 public:
  explicit PartFile(std::string path)
      : path_(std::move(path)), file_(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0) refuse();
    size_ = lseek(file_, 0, SEEK_END);
  }
  ~PartFile() { close(file_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::int64_t size() const { return size_; }
  void restart() {
    if (ftruncate(file_, 0) != 0 || lseek(file_, 0, SEEK_SET) != 0) refuse();
    size_ = 0;
  }
  void append(const char* bytes, std::size_t count) {
    while (count > 0) {
      const ssize_t written = write(file_, bytes, count);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) refuse();
      bytes += written;
      count -= static_cast<std::size_t>(written);
      size_ += written;
    }
  }
  void finish(const std::string& final_path) {
    if (fsync(file_) != 0 || rename(path_.c_str(), final_path.c_str()) != 0) refuse();
  }
  void remove() { unlink(path_.c_str()); }

 private:
  [[noreturn]] void refuse() const {
    stop(Exit::runtime, "cannot write ", path_, " (", std::strerror(errno), ")");
  }

  std::string path_;
  int file_;
  std::int64_t size_ = 0;
};

enum class Outcome { done, again, over };

// One request. Exceptions must not pass through libcurl, so the callbacks keep them.
class Transfer {
 public:
  Transfer(const RemoteFile& file, PartFile& part, const DownloadProgress& progress,
           const std::stop_token& stop)
      : file_(file),
        part_(part),
        progress_(progress),
        stop_(stop),
        start_(part.size()),
        curl_(curl_easy_init(), curl_easy_cleanup) {
    if (curl_ == nullptr) programs::stop(Exit::runtime, "cannot start libcurl");
  }

  // `why` tells what went wrong unless done.
  Outcome run(std::string& why) {
    prepare();
    const CURLcode result = curl_easy_perform(curl_.get());
    if (error_) std::rethrow_exception(error_);
    return judge(result, why);
  }

 private:
  void prepare() {
    constexpr long kConnectSeconds = 15, kSlowSeconds = 30, kSlowBytes = 1;
    CURL* const curl = curl_.get();
    curl_easy_setopt(curl, CURLOPT_URL, file_.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "noyau-data");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowBytes);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason_);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::on_tick);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (start_ > 0) curl_easy_setopt(curl, CURLOPT_RANGE, noyau::message(start_, "-").c_str());
  }

  static std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->take(bytes, size * count) ? size * count : 0;
  }

  static int on_tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->stop_.stop_requested() ? 1 : 0;
  }

  bool take(const char* bytes, std::size_t count) noexcept try {
    if (!begun_) begin();
    begun_ = true;
    part_.append(bytes, count);
    if (progress_) progress_(part_.size(), total_);
    return file_.size == 0 || part_.size() <= file_.size || refuse_size(part_.size());
  } catch (...) {
    error_ = std::current_exception();
    return false;
  }

  void begin() {
    constexpr long kWhole = 200;
    curl_off_t coming = -1;
    curl_easy_getinfo(curl_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &coming);
    if (status() == kWhole && start_ > 0) part_.restart();  // the server does not know ranges
    total_ = coming >= 0 ? part_.size() + coming : file_.size;
    if (coming >= 0 && file_.size > 0 && total_ != file_.size) refuse_size(total_);
  }

  bool refuse_size(std::int64_t size) {
    part_.remove();
    stop(Exit::data, file_.url, " has ", size, " bytes, expected ", file_.size, "; nothing was kept");
  }

  long status() const {
    long code = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  Outcome judge(CURLcode result, std::string& why) {
    constexpr long kRangeBeyondEnd = 416, kServerErrors = 500;
    const bool too_short = file_.size > 0 && part_.size() < file_.size;
    if (result == CURLE_OK && !too_short) return Outcome::done;
    why = reason_[0] != '\0' ? reason_ : curl_easy_strerror(result);
    switch (result) {
      case CURLE_HTTP_RETURNED_ERROR:
        why = noyau::message("the server answered ", status());
        if (status() == kRangeBeyondEnd && start_ > 0) part_.restart();
        return status() == kRangeBeyondEnd || status() >= kServerErrors ? Outcome::again : Outcome::over;
      case CURLE_OK:
      case CURLE_PARTIAL_FILE:
      case CURLE_RECV_ERROR:
      case CURLE_SEND_ERROR:
      case CURLE_GOT_NOTHING:
      case CURLE_HTTP2_STREAM:
        why = noyau::message("the connection broke after ", part_.size(), " bytes");
        return Outcome::again;
      case CURLE_OPERATION_TIMEDOUT:
        return begun_ ? Outcome::again : Outcome::over;
      default:
        return Outcome::over;
    }
  }

  const RemoteFile& file_;
  PartFile& part_;
  const DownloadProgress& progress_;
  const std::stop_token& stop_;
  std::int64_t start_;
  std::int64_t total_ = 0;
  bool begun_ = false;
  std::exception_ptr error_;
  char reason_[CURL_ERROR_SIZE] = {};
  std::unique_ptr<CURL, void (*)(CURL*)> curl_;
};

void transfer_all(const RemoteFile& file, PartFile& part, const DownloadProgress& progress,
                  const std::stop_token& stop) {
  constexpr int kAttempts = 5;
  std::string why;
  for (int attempt = 1;; ++attempt) {
    const Outcome outcome = Transfer(file, part, progress, stop).run(why);
    if (outcome == Outcome::done) return;
    if (stop.stop_requested()) {
      programs::stop(Exit::interrupted, "stopped after ", part.size(), " bytes of ", file.url,
                     "; the same command goes on from there");
    }
    if (outcome == Outcome::over || attempt == kAttempts) {
      if (part.size() == 0) part.remove();
      programs::stop(Exit::data, "cannot download ", file.url, " (", why, ")",
                     part.size() > 0 ? "; the same command goes on where it stopped" : "");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200 * attempt));
  }
}

}  // namespace

void download(const RemoteFile& file, const std::string& path, const DownloadProgress& progress,
              std::stop_token stop) {
  if (fs::exists(path) && md5_of_file(path) == file.md5) return;
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) programs::stop(Exit::runtime, "cannot make ", folder.string(), " (", error.message(), ")");
  PartFile part(path + ".part");
  const bool complete = file.size > 0 && part.size() == file.size;
  if (!complete) transfer_all(file, part, progress, stop);
  const std::string sum = md5_of_file(path + ".part");
  if (sum != file.md5) {
    part.remove();
    programs::stop(Exit::data, file.url, " has md5 ", sum, ", expected ", file.md5,
                   "; it was removed: another file, or one that was changed on the way");
  }
  part.finish(path);
}

}  // namespace programs
