#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "catch2.h"
#include "common/files.h"
#include "noyau/noyau.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

namespace {

using Arguments = std::vector<std::string>;

/// A working directory with tiny data and the weights of a network trained on them.
struct Bench {
  Scratch scratch;

  Bench() {
    write_tiny_data(scratch / "data");
    noyau::seed(1);
    const noyau::Split split = noyau::fashion_mnist(scratch / "data");
    noyau::Sequential net(noyau::Conv2d(1, 6, 3, {.stride = 2}), noyau::Relu(), noyau::Flatten(),
                          noyau::Dense(6 * 14 * 14, 10));
    noyau::Adam optimizer(net.parameters(), {.rate = 0.005});
    noyau::fit(net, split.train, {}, optimizer, {.epochs = 2, .batch = 20});
    noyau::save(scratch / "net.safetensors", net, split.train.info());
  }

  ProcessResult inspect(const Arguments& arguments, ProcessOptions options = {}) const {
    Arguments all{"--data-dir", "data"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    options.directory = scratch.path();
    return run_program("noyau-inspect", all, options);
  }
  std::string text(const std::string& file) const {
    return programs::read_file(scratch / file, programs::Exit::data);
  }
};

}  // namespace

TEST_CASE("noyau-inspect writes a page that stands alone", "[programs]") {
  const Bench bench;
  const ProcessResult result =
      bench.inspect({"--weights", "net.safetensors", "--out", "page", "--snapshots", "net.safetensors"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("page: page/index.html"));
  const std::string page = bench.text("page/index.html");
  CHECK_THAT(page, ContainsSubstring("Where can the class be read?"));
  CHECK_THAT(page, ContainsSubstring("was not probed: only 0 of the images have one"));  // grey has no hue
  CHECK_THAT(page, ContainsSubstring("fresh weights"));
  CHECK_THAT(page, ContainsSubstring("How did the layers specialise during training?"));
  CHECK_THAT(page, ContainsSubstring("Units 1 to 6 of 6 of relu"));
  CHECK(page.find("src=\"http") == std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
  const std::string units = bench.text("page/tables/units.csv");
  CHECK(std::count(units.begin(), units.end(), '\n') == 1 + 6 + 10);
  CHECK(std::filesystem::exists(bench.scratch / "page/tables/layers.csv"));
}

TEST_CASE("the page depends on seed and data, not on threads", "[programs]") {
  const Bench bench;
  const Arguments common{"--weights", "net.safetensors", "--fast"};
  const auto page = [&](Arguments more, const std::string& folder) {
    more.insert(more.end(), common.begin(), common.end());
    more.insert(more.end(), {"--out", folder});
    REQUIRE(bench.inspect(more).code == 0);
    return bench.text(folder + "/index.html");
  };
  const std::string one = page({"--threads", "1"}, "a");
  CHECK_THAT(one, ContainsSubstring("Sampled: 100 images"));
  CHECK(page({"--threads", "3"}, "b") == one);
  CHECK(page({"--seed", "2"}, "c") != one);
}

TEST_CASE("noyau-inspect says in one line what it cannot use", "[programs]") {
  const Bench bench;
  const auto says = [&](const Arguments& arguments, int code, const std::string& text) {
    const ProcessResult result = bench.inspect(arguments);
    CHECK(result.code == code);
    CHECK_THAT(result.err, ContainsSubstring(text));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  };
  says({}, 2, "which network?");
  says({"--weihgts", "net.safetensors"}, 2, "--weights");
  says({"--weights", "none.safetensors"}, 3, "none.safetensors");
  programs::write_file(bench.scratch / "damaged.safetensors", "not weights");
  says({"--weights", "damaged.safetensors"}, 3, "damaged.safetensors");
  says({"--weights", "net.safetensors", "--data", "fashion-mnits"}, 3, "fashion-mnist");
  says({"--weights", "net.safetensors", "--test-images", "10"}, 3, "are too few; 40 are needed");
  noyau::Sequential other(noyau::Flatten(), noyau::Dense(784, 3));
  const noyau::DataInfo info{.name = "fashion-mnist",
                             .classes = {"a", "b", "c"},
                             .height = 28,
                             .width = 28,
                             .channels = 1,
                             .mean = {0.5},
                             .deviation = {0.5}};
  noyau::save(bench.scratch / "other.safetensors", other, info);
  says({"--weights", "other.safetensors"}, 3, "its 10 classes are not the 3");
  says({"--weights", "net.safetensors", "--fast", "--out", "page", "--snapshots", "other.safetensors"}, 3,
       "other.safetensors");
  noyau::save(bench.scratch / "bare.safetensors", other);
  says({"--weights", "bare.safetensors"}, 3, "does not say what images");
}

TEST_CASE("an interrupted inspection writes nothing", "[programs]") {
  const Bench bench;
  bool sent = false;
  ProcessOptions options;
  options.meanwhile = [&](pid_t process, const std::string&) {
    if (!sent) kill(process, SIGINT);
    sent = true;
  };
  CHECK(bench.inspect({"--weights", "net.safetensors", "--out", "page"}, options).code == 130);
  CHECK(!std::filesystem::exists(bench.scratch / "page/index.html"));
}
