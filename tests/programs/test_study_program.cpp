#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "catch2.h"
#include "common/data_sources.h"
#include "common/files.h"
#include "common/md5.h"
#include "programs/http_server.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"
#include "study/acquire.h"

using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

namespace {

constexpr const char* kPlan = R"({ // small
  "title": "Tiny", "budget": 0, "seeds": [1, 2], "explain": false, "layers": false,
  "settings": {"data": "fashion-mnist", "data-dir": "data", "validation-images": 100, "model": "softmax-regression",
               "epochs": 2, "batch": 50, "keep": "last"},
  "sections": [
    {"group": "lr", "kind": "sweep", "variable": "rate", "question": "Which rate?", "values": [0.01, 0.05]},
    {"group": "batch", "kind": "sweep", "variable": "batch", "question": "Which batch?", "values": [50, 100]},
    {"group": "ladder", "kind": "ladder", "question": "How far?", "seeds": [1], "steps": [
      {"label": "plain", "settings": {}},
      {"label": "mirrored views", "settings": {"tta": "flip"}},
      {"label": "ensemble", "settings": {"ensemble": 2}}]}
  ]})";

/// A working directory with a tiny data set and a tiny plan.
struct Bench {
  Scratch scratch;

  explicit Bench(const std::string& plan = kPlan) {
    write_tiny_data(scratch / "data");
    std::ofstream(scratch / "tiny.json") << plan;
  }
  ProcessResult run(Arguments arguments, ProcessOptions options = {}) const {
    options.directory = scratch.path();
    return run_program("noyau-study", arguments, options);
  }
  std::vector<Json> rows() const {
    std::vector<Json> rows;
    programs::read_journal(scratch / "runs/tiny/results.jsonl",
                           [&](const Json& row) { rows.push_back(row); });
    return rows;
  }
  /// What identifies a row and must not change when the study is repeated.
  std::set<std::string> results() const {
    std::set<std::string> all;
    for (const Json& row : rows())
      all.insert(row["run"].dump() + row["group"].dump() + row["label"].dump() + row["test"]["loss"].dump());
    return all;
  }
};

/// A plan whose best network is looked into; `model` decides whether it has maps.
std::string looking_plan(const std::string& model) {
  return R"({
  "title": "Tiny", "seeds": [1], "explain": {"images": 3, "few": 2, "mosaics": 2, "shown": 1},
  "layers": {"images": 100, "ablation": 20, "units": 2, "steps": 2, "mapped": 40},
  "settings": {"data": "fashion-mnist", "data-dir": "data", "validation-images": 100, "model": ")" +
         model + R"(", "epochs": 2, "batch": 20, "rate": 0.02, "keep": "last"},
  "sections": [
    {"group": "lr", "kind": "sweep", "variable": "rate", "question": "Which rate?", "values": [0.01, 0.02]}]})";
}

/// Lines of a journal without the times in them.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  programs::read_journal(path, [&](Json row) {
    if (row["value"].is_object()) row["value"].erase("seconds");
    parts.push_back(row.dump());
  });
  return parts;
}

/// study::acquire_data(), the signals that it blocks let through again.
std::string acquire(const programs::Settings& settings, const programs::DataSource& source) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  std::string data;
  {
    programs::Progress progress;
    const programs::Interrupts interrupts;
    data = study::acquire_data(settings, progress, interrupts, source);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return data;
}

}  // namespace

TEST_CASE("noyau-study runs a plan, one row each, and writes its report", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.run({"tiny.json"}, {.variables = {"DISPLAY="}});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.out == "report: runs/tiny/report.html\n");
  CHECK(std::filesystem::exists(bench.scratch / "runs/tiny/report.html"));
  const std::vector<Json> rows = bench.rows();
  CHECK(rows.size() == 11);
  for (const Json& row : rows) {
    CHECK(row["schema"] == 1);
    CHECK(row["status"] == "done");
    CHECK(row["run"].get<std::string>().size() == 8);
    CHECK(row["epochs"].size() == 2);
    CHECK(row["test"]["confusion"].size() == 10);
    CHECK(row["train"]["accuracy"].is_number());
    CHECK(row["validation"]["accuracy"].is_number());
    CHECK(row["seconds"]["total"].is_number());
    CHECK(row["config"].size() > 20);
  }
  CHECK(bench.results().size() == 11);
  CHECK_THAT(result.err, ContainsSubstring("0 of 11 rows are there, 11 to come in about"));

  const ProcessResult again = bench.run({"tiny.json"});
  CHECK(again.code == 0);
  CHECK(bench.rows().size() == 11);
  CHECK_THAT(again.err, ContainsSubstring("11 of 11 rows are there, 0 to come"));
}

TEST_CASE("a study ends at a row when its minutes are over, and goes on later", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.run({"tiny.json", "--minutes", "0.000001"}, {.variables = {"DISPLAY="}});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(bench.rows().size() == 1);  // a first run is made however short the time
  CHECK_THAT(result.err,
             ContainsSubstring("time is up: 10 rows are still to come; repeat the command to go on"));
  CHECK(std::filesystem::exists(bench.scratch / "runs/tiny/report.html"));
  const ProcessResult refused = bench.run({"tiny.json", "--minutes", "soon"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, ContainsSubstring("--minutes must be a number above 0, found 'soon'"));
}

TEST_CASE("a study starts from rows measured elsewhere", "[programs]") {
  const Bench elsewhere, here;
  REQUIRE(elsewhere.run({"tiny.json"}).code == 0);
  const std::string rows = elsewhere.scratch / "runs/tiny/results.jsonl";
  const ProcessResult result = here.run({"tiny.json", "--rows", rows});
  CHECK(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("11 of 11 rows are there, 0 to come"));
  CHECK(here.results() == elsewhere.results());
  const ProcessResult absent = here.run({"tiny.json", "--rows", "absent.jsonl"});
  CHECK(absent.code == 3);
  CHECK_THAT(absent.err, ContainsSubstring("cannot read absent.jsonl"));
}

TEST_CASE("without CIFAR-10 the study says so and runs on Fashion-MNIST", "[programs]") {
  std::string plan = kPlan;
  plan.replace(plan.find("fashion-mnist"), std::string("fashion-mnist").size(), "auto");
  const auto falls_back = [&](const std::string& url, const char* why) {
    const Bench bench(plan);
    const ProcessResult result = bench.run({"tiny.json", "--url", url}, {.variables = {"DISPLAY="}});
    INFO(result.err);
    CHECK(result.code == 0);
    CHECK_THAT(result.err, ContainsSubstring("this study runs on Fashion-MNIST instead"));
    CHECK_THAT(result.err, ContainsSubstring(why));
    const std::string page =
        programs::read_file(bench.scratch / "runs/tiny/report.html", programs::Exit::data);
    CHECK_THAT(page, ContainsSubstring("CIFAR-10 could not be had on this machine"));
    CHECK(bench.rows().front()["data"]["name"] == "fashion-mnist");
    CHECK_FALSE(std::filesystem::exists(bench.scratch / "data/cifar-10-binary.tar.gz"));
  };
  const HttpServer other({.content = "another file"});
  falls_back(other.url(""), "12 bytes, expected 170052171; nothing was kept");
  const HttpServer refuses({.content = "", .status = 404});
  falls_back(refuses.url(""), "the server answered 404");
}

TEST_CASE("the archive of a study is downloaded, also after a break, and checked", "[programs]") {
  const std::string content(100000, 'x');
  const programs::DataSource published = *programs::find_source("cifar10");
  const auto acquired = [&](const HttpBehaviour& behaviour, const std::string& md5) {
    const Scratch folder;
    write_tiny_data(folder.path());
    const HttpServer server(behaviour);
    programs::DataSource source = published;
    source.base_url = server.url("");
    source.files.front().md5 = md5;
    source.files.front().size = static_cast<std::int64_t>(content.size());
    programs::Settings settings;
    settings.data_dir = folder.path();
    const std::string data = acquire(settings, source);
    CHECK(std::filesystem::exists(folder / "cifar-10-binary.tar.gz") == (data == "cifar10"));
    return data;
  };
  programs::Md5 md5;
  md5.update({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  const std::string sum = md5.hex();
  CHECK(acquired({.content = content}, sum) == "cifar10");
  CHECK(acquired({.content = content, .cut_after = 30000, .cuts = 2}, sum) == "cifar10");
  CHECK(acquired({.content = content}, std::string(32, '0')) == "fashion-mnist");
}

TEST_CASE("a study killed at any moment goes on and ends with the same rows", "[programs]") {
  const Bench whole, killed;
  REQUIRE(whole.run({"tiny.json"}).code == 0);
  for (const char* moment : {"1/11", "4/", "3/"}) {
    bool sent = false;
    const auto murder = [&](pid_t process, const std::string& err) {
      if (!sent && err.find(moment) != std::string::npos) sent = kill(process, SIGKILL) == 0;
    };
    killed.run({"tiny.json"}, {.meanwhile = murder});
  }
  std::ofstream(killed.scratch / "runs/tiny/results.jsonl", std::ios::app) << "{\"torn";
  REQUIRE(killed.run({"tiny.json"}).code == 0);
  CHECK(killed.rows().size() == 11);
  CHECK(killed.results() == whole.results());
}

TEST_CASE("a study looks into its best network once, also when it is killed", "[programs]") {
  const Bench bench(looking_plan("minimal-cnn"));
  const std::string explain = bench.scratch / "runs/tiny/explain.jsonl";
  const std::string layers = bench.scratch / "runs/tiny/layers.jsonl";
  const ProcessResult dry = bench.run({"tiny.json", "--dry-run"});
  CHECK_THAT(dry.err, ContainsSubstring("then the best network is looked into, in about"));
  CHECK_THAT(dry.out, ContainsSubstring("explain") && ContainsSubstring("layers"));
  bool sent = false;
  const auto murder = [&](pid_t process, const std::string&) {
    if (!sent && parts_of(explain).size() > 2) sent = kill(process, SIGKILL) == 0;
  };
  bench.run({"tiny.json"}, {.meanwhile = murder});
  const std::vector<std::string> before = parts_of(explain);
  const ProcessResult result = bench.run({"tiny.json"}, {.variables = {"DISPLAY="}});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const std::vector<std::string> after = parts_of(explain), units = parts_of(layers);
  REQUIRE(after.size() > before.size());
  CHECK(std::equal(before.begin(), before.end(), after.begin()));
  CHECK(std::set(after.begin(), after.end()).size() == after.size());
  const std::string page = programs::read_file(bench.scratch / "runs/tiny/report.html", programs::Exit::data);
  for (const char* words :
       {"Explain: why does the best network say what it says?", "For Grad-CAM++", "Against Grad-CAM++",
        "Sampled: 3 of 100 test images", "What the layers learned", "Sampled: 100 test images",
        "Where can the class be read?", "the same network, chosen on validation accuracy"})
    CHECK_THAT(page, ContainsSubstring(words));
  CHECK(page.find(">nan") == std::string::npos);

  const ProcessResult again = bench.run({"tiny.json"}, {.variables = {"DISPLAY="}});
  CHECK(again.code == 0);
  CHECK(parts_of(explain) == after);
  CHECK(parts_of(layers) == units);
  CHECK(bench.rows().size() == 2);
  CHECK(programs::read_file(bench.scratch / "runs/tiny/report.html", programs::Exit::data) == page);
}

TEST_CASE("a network without maps is explained by the other methods", "[programs]") {
  const Bench bench(looking_plan("softmax-regression"));
  const ProcessResult result = bench.run({"tiny.json"}, {.variables = {"DISPLAY="}});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const std::string page = programs::read_file(bench.scratch / "runs/tiny/report.html", programs::Exit::data);
  CHECK_THAT(page, ContainsSubstring("no verdict on them can be given"));
  CHECK_THAT(page, ContainsSubstring("Integrated gradients"));
  CHECK(page.find("Against Grad-CAM++") == std::string::npos);
}

TEST_CASE("Ctrl-C ends a study with 130", "[programs]") {
  const Bench bench;
  bool sent = false;
  const auto interrupt = [&](pid_t process, const std::string& err) {
    if (!sent && err.find("1/11") != std::string::npos) sent = kill(process, SIGINT) == 0;
  };
  const ProcessResult result = bench.run({"tiny.json"}, {.meanwhile = interrupt});
  CHECK(result.code == 130);
  CHECK_THAT(result.err, ContainsSubstring("repeat the command to go on"));
}

TEST_CASE("a budget leaves out later seeds first and says so", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.run({"tiny.json", "--budget", "0.001"});
  CHECK(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("the budget has no room for"));
  CHECK(bench.rows().size() < 11);
}

TEST_CASE("a dry run shows the cost and leaves no rows", "[programs]") {
  const Bench bench;
  const ProcessResult result = bench.run({"tiny.json", "--dry-run"});
  CHECK(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("11 to come in about"));
  CHECK(bench.rows().empty());
}

TEST_CASE("the report alone is written again from the rows", "[programs]") {
  const Bench bench;
  REQUIRE(bench.run({"tiny.json"}).code == 0);
  std::filesystem::remove(bench.scratch / "runs/tiny/report.html");
  CHECK(bench.run({"tiny.json", "--report-only"}).code == 0);
  CHECK(std::filesystem::exists(bench.scratch / "runs/tiny/report.html"));
}

TEST_CASE("a bad plan exits 2 and a damaged row 3, in one line", "[programs]") {
  const auto refused = [](const Bench& bench, int code, const char* text) {
    const ProcessResult result = bench.run({"tiny.json"});
    INFO(result.err);
    CHECK(result.code == code);
    CHECK_THAT(result.err, ContainsSubstring(text));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  };
  refused(Bench("{"), 2, "tiny.json: not valid JSON: line 1");
  refused(Bench(R"({"title": "t", "settings": {"bath": 3}, "sections": [{}]})"), 2,
          "unknown option 'bath'; did you mean 'batch'?");
  const Bench damaged;
  std::filesystem::create_directories(damaged.scratch / "runs/tiny");
  std::ofstream(damaged.scratch / "runs/tiny/results.jsonl") << "rubbish\n{\"schema\":1}\n";
  refused(damaged, 3, "results.jsonl: line 1 is no row of results");
  const ProcessResult absent = damaged.run({"absent.json"});
  CHECK(absent.code == 2);
  CHECK_THAT(absent.err, ContainsSubstring("cannot read absent.json: No such file or directory"));
  CHECK(damaged.run({}).code == 2);
}
