#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "common/files.h"
#include "common/progress.h"
#include "programs/scratch.h"

using namespace programs;

namespace {

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::vector<int> rows_of(const std::string& path) {
  std::vector<int> rows;
  read_journal(path, [&](const Json& row) { rows.push_back(row.value("n", -1)); });
  return rows;
}

}  // namespace

TEST_CASE("a journal drops the line that a killed process left unfinished and goes on after it",
          "[fast][files]") {
  const Scratch scratch;
  const std::string path = scratch / "rows.jsonl";
  write_text(path, "{\"n\":1}\n{\"n\":2}\n{\"n\":3");
  CHECK(rows_of(path) == std::vector{1, 2});
  Journal(path).append(Json{{"n", 4}});
  CHECK(rows_of(path) == std::vector{1, 2, 4});
}

TEST_CASE("a damaged row that is not the last is named", "[fast][files]") {
  const Scratch scratch;
  const std::string path = scratch / "rows.jsonl";
  write_text(path, "{\"n\":1}\nrubbish\n{\"n\":3}\n");
  CHECK_THROWS_WITH(rows_of(path), ContainsSubstring("rows.jsonl: line 2 is no row of results"));
}

TEST_CASE("a journal on a full disk says so", "[fast][files]") {
  if (!std::filesystem::exists("/dev/full")) return;
  CHECK_THROWS_WITH(Journal("/dev/full").append(Json{{"n", 1}}),
                    ContainsSubstring("/dev/full: No space left"));
}

TEST_CASE("a file is replaced whole", "[fast][files]") {
  const Scratch scratch;
  const std::string path = scratch / "file";
  write_file(path, "first");
  write_file(path, "second");
  CHECK(read_file(path, Exit::data) == "second");
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
}

TEST_CASE("a file that cannot be written is named and leaves nothing behind", "[fast][files]") {
  const Scratch scratch;
  CHECK_THROWS_WITH(write_file(scratch / "absent/file", "text"),
                    ContainsSubstring("No such file or directory"));
  CHECK(std::filesystem::is_empty(scratch.path()));
}

TEST_CASE("a line for a narrow terminal is cut between characters", "[fast][files]") {
  CHECK(first_columns("0.05 \u00d7 64", 6) == "0.05 \u00d7");
  CHECK(first_columns("0.05 \u00d7 64", 100) == "0.05 \u00d7 64");
  CHECK(first_columns("abc", 0).empty());
}

TEST_CASE("JSON with a mistake is named with line and column", "[fast][files]") {
  const Scratch scratch;
  const std::string path = scratch / "plan.json";
  write_text(path, "{ // a comment\n  \"title\": }");
  CHECK_THROWS_WITH(read_json(path, Exit::usage),
                    ContainsSubstring("plan.json: not valid JSON: line 2, column 12"));
}

TEST_CASE("a folder has one owner, who is named", "[fast][files]") {
  const Scratch scratch;
  const FolderLock lock(scratch.path());
  const pid_t child = fork();
  if (child == 0) {
    try {
      const FolderLock second(scratch.path());
      _exit(1);
    } catch (const ProgramError& error) {
      const bool named =
          std::string(error.what()).find("is in use by process " + std::to_string(getppid())) !=
          std::string::npos;
      _exit(named ? 0 : 2);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}
