#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "common/files.h"
#include "noyau/noyau.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

namespace {

/// A working directory with a tiny data set in ./data.
struct Bench {
  Scratch scratch;

  Bench() { write_tiny_data(scratch / "data"); }

  ProcessResult train(const Arguments& arguments, ProcessOptions options = {}) const {
    Arguments all{"--data", "fashion-mnist", "--data-dir", "data", "--validation-images", "100"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all, std::move(options));
  }
  ProcessResult run(const Arguments& arguments, ProcessOptions options = {}) const {
    options.directory = scratch.path();
    return run_program("noyau-train", arguments, options);
  }
  std::string text(const std::string& file) const {
    return programs::read_file(scratch / file, programs::Exit::data);
  }
  std::size_t epochs_of(const std::string& folder) const {
    std::size_t rows = 0;
    programs::read_journal(scratch / (folder + "/history.jsonl"), [&](const Json&) { ++rows; });
    return rows;
  }
};

}  // namespace

TEST_CASE("noyau-train trains, measures and saves", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.train({"--epochs", "3", "--batch", "20", "--out", "run", "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json row = Json::parse(result.out);
  CHECK(row["schema"] == 1);
  CHECK(row["status"] == "done");
  CHECK(row["epochs"].size() == 3);
  CHECK(row["data"]["train"] == 300);
  CHECK(row["data"]["validation"] == 100);
  CHECK(row["test"]["accuracy"] > 0.5);
  CHECK(row["test"]["confusion"].size() == 10);
  CHECK(row["parameters"] > 0);
  CHECK(row["config"]["epochs"] == 3);
  CHECK(bench.epochs_of("run") == 3);
  for (const char* file : {"run/config.json", "run/best.safetensors", "run/last.ckpt"})
    CHECK(std::filesystem::exists(bench.scratch / file));
  CHECK_THAT(result.err, ContainsSubstring("epoch 3/3"));
  CHECK(result.err.find('\r') == std::string::npos);
  CHECK(result.err.find('\033') == std::string::npos);
}

TEST_CASE("a run of two epochs equals one of one epoch resumed", "[programs]") {
  const Bench bench;
  const Arguments common{"--batch", "20", "--augment", "flip|mixup(0.3)", "--ema", "0.9", "--keep", "last"};
  const auto with = [&](Arguments more) {
    more.insert(more.end(), common.begin(), common.end());
    return bench.train(more).code;
  };
  REQUIRE(with({"--epochs", "2", "--out", "whole"}) == 0);
  REQUIRE(with({"--epochs", "1", "--out", "parts"}) == 0);
  REQUIRE(bench.run({"--resume", "parts", "--epochs", "2"}).code == 0);
  CHECK(bench.text("parts/best.safetensors") == bench.text("whole/best.safetensors"));
  CHECK(bench.epochs_of("parts") == 2);
}

TEST_CASE("Ctrl-C saves and tells how to go on; the end is as if it had not come", "[programs]") {
  const Bench bench;
  const Arguments common{"--epochs", "12", "--batch", "10", "--keep", "last"};
  Arguments whole = common, parts = common;
  whole.insert(whole.end(), {"--out", "whole"});
  parts.insert(parts.end(), {"--out", "parts"});
  bool sent = false;
  const auto interrupt = [&](pid_t process, const std::string& err) {
    if (sent || err.find("epoch 2/12") == std::string::npos) return;
    sent = kill(process, SIGINT) == 0;
  };
  const ProcessResult stopped = bench.train(parts, {.meanwhile = interrupt});
  CHECK(stopped.code == 130);
  CHECK_THAT(stopped.err, ContainsSubstring("stopped; go on with: noyau-train --resume parts"));
  REQUIRE(bench.run({"--resume", "parts"}).code == 0);
  REQUIRE(bench.train(whole).code == 0);
  CHECK(bench.text("parts/best.safetensors") == bench.text("whole/best.safetensors"));
}

TEST_CASE("a killed run loses at most the epoch under way", "[programs]") {
  const Bench bench;
  bool sent = false;
  const auto murder = [&](pid_t process, const std::string& err) {
    if (sent || err.find("epoch 3/20") == std::string::npos) return;
    sent = kill(process, SIGKILL) == 0;
  };
  const Arguments arguments{"--epochs", "20", "--batch", "10", "--out", "run"};
  CHECK(bench.train(arguments, {.meanwhile = murder}).code == 128 + SIGKILL);
  const std::size_t before = bench.epochs_of("run");
  CHECK(before >= 3);
  const ProcessResult resumed = bench.run({"--resume", "run", "--json"});
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(resumed.err.find("epoch 2/20") == std::string::npos);
  CHECK(bench.epochs_of("run") == 20);
}

TEST_CASE("a folder in use, a folder with a run and a resume with other settings are refused", "[programs]") {
  const Bench bench;
  REQUIRE(bench.train({"--epochs", "1", "--out", "run"}).code == 0);
  const ProcessResult again = bench.train({"--epochs", "1", "--out", "run"});
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("run holds a run already; go on with --resume run"));
  const ProcessResult other = bench.run({"--resume", "run", "--rate", "0.3"});
  CHECK(other.code == 2);
  CHECK_THAT(
      other.err,
      ContainsSubstring("cannot resume with another rate: run has 0.05, not 0.3; only epochs may change"));
  const ProcessResult absent = bench.run({"--resume", "nowhere"});
  CHECK(absent.code == 2);
  CHECK_THAT(absent.err, ContainsSubstring("nowhere holds no run"));
  const programs::FolderLock lock(bench.scratch / "run");
  const ProcessResult locked = bench.run({"--resume", "run"});
  CHECK(locked.code == 1);
  CHECK_THAT(locked.err, ContainsSubstring("run is in use by process " + std::to_string(getpid())));
}

TEST_CASE("unknown names and values out of range exit 2 with the nearest name", "[programs]") {
  const Bench bench;
  const auto refused = [&](const Arguments& arguments, const char* text) {
    const ProcessResult result = bench.train(arguments);
    INFO(result.err);
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring(text));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.out.empty());
  };
  refused({"--epoch", "3"}, "noyau-train: unknown option --epoch; did you mean '--epochs'?");
  refused({"--model", "resnet21"}, "did you mean 'resnet20'?");
  refused({"--batch", "0"}, "batch is 0 but must be from 1");
  refused({"--rate", "fast"}, "rate is 'fast' but must be a number");
  refused({"--augment", "flipp"}, "did you mean");
  refused({"--optimizer", "sgdd"}, "did you mean 'sgd'?");
  refused({"--list", "modles"}, "did you mean 'models'?");
  refused({"stray"}, "unexpected argument 'stray'");
  CHECK(bench.train({"--device", "cuda"}).code == 4);
}

TEST_CASE("missing data and weights of another model exit 3", "[programs]") {
  const Bench bench;
  const ProcessResult missing = bench.run({"--data", "cifar10", "--data-dir", "data"});
  CHECK(missing.code == 3);
  CHECK_THAT(missing.err, ContainsSubstring("cifar10"));
  REQUIRE(bench.train({"--epochs", "1", "--out", "run"}).code == 0);
  const ProcessResult other =
      bench.train({"--model", "mlp", "--weights", "run/best.safetensors", "--out", "other"});
  INFO(other.err);
  CHECK(other.code == 3);
  CHECK_THAT(other.err, ContainsSubstring("best.safetensors"));
  CHECK(!std::filesystem::exists(bench.scratch / "other"));
}

TEST_CASE("a loss that is not finite exits 5 with step and layer", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.train({"--rate", "1e6", "--batch", "10", "--out", "run"});
  INFO(result.err);
  CHECK(result.code == 5);
  CHECK_THAT(result.err, ContainsSubstring("at step"));
}

TEST_CASE("a full disk and a read-only folder exit 1 and leave nothing half-written", "[programs]") {
  const Bench bench;
  const ProcessResult full = bench.train({"--epochs", "1", "--out", "run"}, {.largest_file = 8192});
  INFO(full.err);
  CHECK(full.code == 1);
  CHECK(!std::filesystem::exists(bench.scratch / "run/best.safetensors"));
  CHECK(!std::filesystem::exists(bench.scratch / "run/last.ckpt"));
  const ProcessResult unwritable = bench.train({"--epochs", "1", "--out", "/proc/run"});
  CHECK(unwritable.code == 1);
  CHECK_THAT(unwritable.err, ContainsSubstring("cannot make the folder /proc/run"));
}

TEST_CASE("help fits one screen, and everything can be listed", "[programs]") {
  const Bench bench;
  const ProcessResult help = bench.run({"--help"});
  CHECK(help.code == 0);
  CHECK(std::count(help.out.begin(), help.out.end(), '\n') <= 25);
  CHECK_THAT(help.out, ContainsSubstring("--rate N"));
  const ProcessResult all = bench.run({"--help-all"});
  CHECK_THAT(all.out, ContainsSubstring("--label-smoothing N"));
  CHECK_THAT(bench.run({"--version"}).out, ContainsSubstring(std::string(noyau::cpu_isa())));
  CHECK_THAT(bench.run({"--list", "models"}).out, ContainsSubstring("resnet20"));
  CHECK_THAT(bench.run({"--list", "data"}).out, ContainsSubstring("cifar10"));
  CHECK_THAT(bench.run({"--list", "methods"}).out, ContainsSubstring("adamw"));
  const ProcessResult plan = bench.train({"--dry-run"});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.out, ContainsSubstring("predicted time: "));
  CHECK(!std::filesystem::exists(bench.scratch / "runs"));
}

TEST_CASE("a budget ends a run early, saved", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.train({"--epochs", "100000", "--budget", "0.5", "--out", "run"});
  CHECK(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("the budget is spent; go on with: noyau-train --resume run"));
  CHECK(std::filesystem::exists(bench.scratch / "run/last.ckpt"));
}
