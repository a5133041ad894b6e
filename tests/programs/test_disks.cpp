#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "catch2.h"
#include "common/files.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

namespace {

constexpr const char* kPlan = R"({
  "title": "Tiny", "seeds": [1],
  "settings": {"data": "fashion-mnist", "data-dir": "data", "validation-images": 100, "model": "softmax-regression",
               "epochs": 1, "batch": 50, "keep": "last"},
  "sections": [{"group": "rate", "kind": "sweep", "variable": "rate", "question": "Which rate?",
                "values": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]}]})";

/// A file system of `size` in memory; only root may have one, and not in every container.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool resize(const char* size) {
    const unsigned long flags = mounted_ ? MS_REMOUNT : 0;
    const bool done = mount("tmpfs", path_.c_str(), "tmpfs", flags, size) == 0;
    mounted_ = mounted_ || done;
    return done;
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

std::int64_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

}  // namespace

TEST_CASE("a study on a full disk says so, keeps whole rows and goes on when there is room", "[programs]") {
  const Scratch scratch;
  write_tiny_data(scratch / "data");
  std::ofstream(scratch / "tiny.json") << kPlan;
  SmallDisk disk(scratch / "disk");
  if (!disk.resize("size=96k")) {
    WARN("no file system can be mounted here: full disks are not tested");
    return;
  }
  const auto run = [&] {
    return run_program("noyau-study", {"tiny.json", "--out", "disk/run"},
                       {.directory = scratch.path(), .variables = {"DISPLAY="}});
  };
  const ProcessResult full = run();
  INFO(full.err);
  CHECK(full.code == 1);
  CHECK_THAT(full.err, ContainsSubstring("No space left on device"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch / "disk"))
    CHECK(entry.path().extension() != ".tmp");
  std::int64_t rows = 0;
  programs::read_journal(scratch / "disk/run/results.jsonl", [&](const programs::Json&) { ++rows; });
  const std::string journal = scratch / "disk/run/results.jsonl";
  if (std::filesystem::exists(journal))
    CHECK(lines(programs::read_file(journal, programs::Exit::data)) == rows);

  REQUIRE(disk.resize("size=16m"));
  const ProcessResult later = run();
  INFO(later.err);
  CHECK(later.code == 0);
  CHECK_THAT(later.err, ContainsSubstring(std::to_string(rows) + " of 6 rows are there"));
}

TEST_CASE("a folder that may not be written is named in one line", "[programs]") {
  if (geteuid() != 0) {
    WARN("only root can become a user without rights: read-only folders are not tested");
    return;
  }
  const Scratch scratch;
  REQUIRE(chmod(scratch.path().c_str(), 0755) == 0);
  write_tiny_data(scratch / "data");
  std::ofstream(scratch / "tiny.json") << kPlan;
  const ProcessOptions nobody{.directory = scratch.path(), .as_nobody = true};
  const ProcessResult study = run_program("noyau-study", {"tiny.json"}, nobody);
  if (study.code == 127 || study.code == 126) {
    WARN("the programs lie where a user without rights cannot run them: read-only folders are not tested");
    return;
  }
  INFO(study.err);
  CHECK(study.code == 1);
  CHECK_THAT(study.err, ContainsSubstring("cannot make the folder runs/tiny: Permission denied"));
  CHECK(lines(study.err) == 1);
  const ProcessResult train = run_program("noyau-train",
                                          {"--data", "fashion-mnist", "--data-dir", "data",
                                           "--validation-images", "100", "--epochs", "1", "--out", "run"},
                                          nobody);
  INFO(train.err);
  CHECK(train.code == 1);
  CHECK_THAT(train.err, ContainsSubstring("Permission denied"));
  CHECK(lines(train.err) == 1);
}
