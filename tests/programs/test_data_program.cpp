#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "noyau/image.h"
#include "programs/process.h"
#include "programs/scratch.h"

namespace {

// Two classes of pictures, three of each.
void write_pictures(const Scratch& scratch) {
  for (const char* name : {"cat", "dog"}) {
    std::filesystem::create_directories(scratch / name);
    for (int i = 0; i < 3; ++i) {
      noyau::save_png(scratch / noyau::message(name, "/", i, ".png"),
                      noyau::full({8, 9, 3}, 40 * i, {noyau::Dtype::u8}));
    }
  }
}

}  // namespace

TEST_CASE("noyau-data verify counts what is there", "[programs][fast]") {
  const Scratch scratch;
  write_pictures(scratch);
  const ProcessResult plain = run_program("noyau-data", {"verify", "folder:" + scratch.path()});
  CHECK(plain.code == 0);
  CHECK_THAT(plain.out, ContainsSubstring("folder: 2 classes, images 32 x 32 x 3"));
  CHECK_THAT(plain.out, ContainsSubstring("train       4 images, 2 to 2 a class"));
  const ProcessResult json = run_program("noyau-data", {"verify", "folder:" + scratch.path(), "--json"});
  const auto result = nlohmann::json::parse(json.out);
  CHECK(result["schema"] == "noyau-data-verify-1");
  CHECK(result["test"]["images"] == 2);
  CHECK(result["validation"].is_null());

  std::ofstream(scratch / "dog/3.png") << "not a picture";
  const ProcessResult bad = run_program("noyau-data", {"verify", "folder:" + scratch.path()});
  CHECK(bad.code == 3);
  CHECK_THAT(bad.err, ContainsSubstring("dog/3.png is no JPEG or PNG"));
  CHECK(std::count(bad.err.begin(), bad.err.end(), '\n') == 1);
  const ProcessResult absent = run_program("noyau-data", {"verify", "cifar10", "--data-dir", scratch.path()});
  CHECK(absent.code == 3);
  CHECK_THAT(absent.err, ContainsSubstring("run noyau-data fetch cifar10"));
  CHECK_THAT(run_program("noyau-data", {"verify", "cifra10"}).err,
             ContainsSubstring("did you mean 'cifar10'?"));
}

TEST_CASE("noyau-data card writes a page and a picture", "[programs][fast]") {
  const Scratch scratch;
  write_pictures(scratch);
  const Scratch elsewhere;
  const ProcessResult good =
      run_program("noyau-data", {"card", "folder:" + scratch.path(), "--out", elsewhere / "cards/here"});
  CHECK(good.code == 0);
  CHECK(good.out == elsewhere / "cards/here/folder.md" + "\n");
  std::ifstream file(elsewhere / "cards/here/folder.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK_THAT(text, ContainsSubstring("| images | 6 (4 train, 0 validation, 2 test) |"));
  CHECK_THAT(text, ContainsSubstring("| 1 | dog | 2 | 1 |"));
  CHECK_THAT(text, ContainsSubstring("](folder.png)"));
  CHECK(run_program("noyau-data", {"card", "folder:" + scratch.path(), "--out", "/proc/x"}).code == 1);
  CHECK(noyau::load_image(elsewhere / "cards/here/folder.png").dim(0) == 2 * (64 + 2) + 2);
}

TEST_CASE("noyau-data tells its version and the options of every command, and guesses slips",
          "[programs][fast]") {
  const ProcessResult version = run_program("noyau-data", {"--version"});
  CHECK(version.code == 0);
  CHECK_THAT(version.out, ContainsSubstring("noyau-data 0."));
  const ProcessResult help = run_program("noyau-data", {"--help-all"});
  CHECK(help.code == 0);
  for (const char* option : {"--url", "--json", "--out", "--data-dir"})
    CHECK_THAT(help.out, ContainsSubstring(option));
  const ProcessResult slip = run_program("noyau-data", {"verify", "mnist", "--jsno"});
  CHECK(slip.code == 2);
  CHECK_THAT(slip.err, ContainsSubstring("unknown option --jsno; did you mean '--json'?"));
  CHECK_THAT(run_program("noyau-study", {"quick", "--bugdet", "3"}).err,
             ContainsSubstring("did you mean '--budget'?"));
}
