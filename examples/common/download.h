#pragma once
/// \file
/// Downloads that go on after a break and are checked before they are used.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace programs {

/// A file on a server, as its publisher describes it.
struct RemoteFile {
  std::string url;        ///< http or https.
  std::string md5;        ///< 32 hexadecimal digits.
  std::int64_t size = 0;  ///< Bytes; 0 when unknown.
};

/// Told now and then how many bytes are here and how many there are (0 when unknown).
using DownloadProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Brings `file` to `path`, at once when it is there already.
///
/// What has come so far stays in `path`.part, and the next call goes on from there, where the server can; a broken
/// connection is tried again four times. Stops with Exit::data when the server cannot be reached, does not have the file,
/// or sends another than described (which is removed), with Exit::runtime when the disk does not take it, and with
/// Exit::interrupted when `stop` asks.
void download(const RemoteFile& file, const std::string& path, const DownloadProgress& progress = {},
              std::stop_token stop = {});

}  // namespace programs
