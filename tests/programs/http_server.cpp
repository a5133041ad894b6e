#include "programs/http_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "noyau/error.h"

namespace {

std::string read_request(int client) {
  std::string request;
  char buffer[1024];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = recv(client, buffer, sizeof buffer, 0);
    if (count <= 0) break;
    request.append(buffer, static_cast<std::size_t>(count));
  }
  return request;
}

std::string range_of(const std::string& request) {
  const std::string key = "Range: bytes=";
  const auto at = request.find(key);
  if (at == std::string::npos) return {};
  const auto begin = at + key.size();
  return request.substr(begin, request.find('\r', begin) - begin);
}

void send_all(int client, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

HttpServer::HttpServer(HttpBehaviour behaviour)
    : behaviour_(std::move(behaviour)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, plain, size) != 0 || listen(listener_, 8) != 0 ||
      getsockname(listener_, plain, &size) != 0) {
    throw std::runtime_error("no server on loopback");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  ending_ = true;
  thread_.join();
  close(listener_);
}

std::string HttpServer::url(const std::string& path) const {
  return noyau::message("http://127.0.0.1:", port_, "/", path);
}

std::vector<std::string> HttpServer::ranges_asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void HttpServer::serve() {
  while (!ending_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, 20) <= 0) continue;
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) continue;
    answer(client);
    close(client);
  }
}

void HttpServer::answer(int client) {
  const std::string range = range_of(read_request(client));
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(range);
  }
  if (behaviour_.status != 200)
    return send_all(client,
                    noyau::message("HTTP/1.1 ", behaviour_.status, " No\r\nContent-Length: 3\r\n\r\nno\n"));
  const bool partial = behaviour_.ranges && !range.empty();
  const std::size_t first = partial ? std::stoul(range) : 0;
  if (first >= behaviour_.content.size())
    return send_all(client, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\n\r\n");
  const std::string body = behaviour_.content.substr(first);
  const bool cut = behaviour_.cut_after > 0 && behaviour_.cuts-- > 0;
  const std::string length =
      behaviour_.announces_length ? noyau::message("Content-Length: ", body.size(), "\r\n") : std::string();
  send_all(client, noyau::message(partial ? "HTTP/1.1 206 Partial\r\n" : "HTTP/1.1 200 OK\r\n", length,
                                  "Connection: close\r\n\r\n"));
  send_all(client, std::string_view(body).substr(0, cut ? behaviour_.cut_after : body.size()));
}
