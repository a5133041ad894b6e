#pragma once
/// \file
/// Files that are written whole or not at all, journals of rows, and the lock of a folder.

#include <functional>
#include <string>

#include "common/options.h"

namespace programs {

/// Makes `path` and its parents; stops with Exit::runtime, saying why, when it cannot.
void make_folder(const std::string& path);
/// Writes a file under a temporary name, syncs it and renames it; on failure removes it and stops with Exit::runtime.
void write_file(const std::string& path, const std::string& text);
/// The file's text; stops with `code` when it cannot be read.
std::string read_file(const std::string& path, Exit code);
/// Parses a JSON file, // comments allowed; stops with `code`, naming line and column, on a mistake.
Json read_json(const std::string& path, Exit code);

/// Appends lines to a file, each on the disk before append() returns, so that a killed process loses none.
class Journal {
 public:
  /// Opens `path`, cutting off a last line that a killed process left unfinished.
  explicit Journal(const std::string& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Appends one line of JSON; stops with Exit::runtime when the disk is full, leaving no half line.
  void append(const Json& row);

 private:
  std::string path_;
  int file_;
};
/// Calls `each` for every row of a journal; stops with Exit::data, naming the line, on a damaged row that is not the last.
void read_journal(const std::string& path, const std::function<void(const Json& row)>& each);

/// Holds a folder for this process; ends with it, even when it is killed.
class FolderLock {
 public:
  /// Stops with Exit::runtime, naming the owner, when another process holds the folder.
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::string path_;
  int file_;
};

/// A number for JSON: null where it is not finite.
Json number(double value);

}  // namespace programs
