#pragma once
// An HTTP server on loopback with the faults of real ones.
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct HttpBehaviour {
  std::string content;        // what it serves, whatever is asked for
  int status = 200;           // its answer; other than 200 and 206 has no content
  bool ranges = true;         // it honours Range
  std::size_t cut_after = 0;  // it breaks the connection after so many bytes of content; 0: never
  int cuts = 1 << 30;         // how many connections it breaks
  bool announces_length = true;
};

class HttpServer {
 public:
  explicit HttpServer(HttpBehaviour behaviour);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path) const;
  // The value of Range of each request, "" where there was none.
  std::vector<std::string> ranges_asked() const;

 private:
  void serve();
  void answer(int client);

  HttpBehaviour behaviour_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};
