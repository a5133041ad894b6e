// What --device does in a build without CUDA, on a simulated device, and on one that cannot be used.
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "noyau/device.h"
#include "noyau/image.h"
#include "noyau/ops.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

namespace {

struct Bench {
  Scratch scratch;

  Bench() { write_tiny_data(scratch / "data"); }

  // Two epochs of 20 images; a simulated device takes a second for them.
  ProcessResult train(const Arguments& arguments, const Arguments& variables = {}) const {
    Arguments all{"--data",
                  "fashion-mnist",
                  "--data-dir",
                  "data",
                  "--train-images",
                  "20",
                  "--validation-images",
                  "10",
                  "--test-images",
                  "20",
                  "--batch",
                  "10",
                  "--epochs",
                  "2",
                  "--width",
                  "0.25",
                  "--json"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program("noyau-train", all, {.directory = scratch.path(), .variables = variables});
  }

  // What `program` says of the network in the folder run.
  ProcessResult look(const std::string& program, Arguments arguments) const {
    arguments.insert(arguments.end(), {"--weights", "run/best.safetensors", "--data-dir", "data"});
    return run_program(program, arguments, {.directory = scratch.path()});
  }

  void check_refused(const Arguments& arguments, const Arguments& variables, int code,
                     const std::string& what) const {
    const ProcessResult result = train(arguments, variables);
    INFO(result.err);
    CHECK(result.code == code);
    CHECK_THAT(result.err, ContainsSubstring(what));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.out.empty());
  }
};

bool has_cuda() { return noyau::device_count(noyau::Device::Kind::cuda) > 0; }
bool is_simulated() { return has_cuda() && noyau::device_name("cuda") == "noyau SIMT simulator"; }

}  // namespace

TEST_CASE("noyau-train --device auto computes where it can and says where", "[programs][device]") {
  const Bench bench;
  const ProcessResult result = bench.train({"--device", "auto", "--out", "run"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const std::string used = has_cuda() ? "cuda" : "cpu";
  CHECK(Json::parse(result.out)["device"] == used);
  CHECK_THAT(result.err, ContainsSubstring("device: " + used));
  if (has_cuda()) CHECK_THAT(result.err, ContainsSubstring(noyau::device_name("cuda")));
  if (!has_cuda()) CHECK_THAT(result.err, ContainsSubstring("cpu, as there is no CUDA ("));
}

TEST_CASE("noyau-train --device cuda has the losses of the CPU", "[programs][device]") {
  if (!has_cuda()) return;
  const Bench bench;
  for (const char* optimizer : {"sgd", "adamw"}) {
    const Arguments common{"--optimizer", optimizer, "--rate", "0.01", "--ema", "0.5", "--clip", "1"};
    const auto on = [&](const std::string& device) {
      Arguments arguments = common;
      arguments.insert(arguments.end(), {"--device", device, "--out", optimizer + device});
      const ProcessResult result = bench.train(arguments);
      INFO(result.err);
      REQUIRE(result.code == 0);
      return Json::parse(result.out);
    };
    const Json expected = on("cpu");
    const Json actual = on("cuda");
    CHECK(actual["tensor_memory_mb"] > 0);
    for (std::size_t i = 0; i < 2; ++i) {
      for (const char* key : {"train_loss", "validation_loss"}) {
        const auto value = expected["epochs"][i][key].get<double>();
        CHECK(actual["epochs"][i][key].get<double>() == Approx(value).epsilon(1e-5));
      }
    }
    CHECK(actual["test"]["loss"].get<double>() ==
          Approx(expected["test"]["loss"].get<double>()).epsilon(1e-5));
  }
}

TEST_CASE("noyau-train --dry-run predicts the time on the device", "[programs][device]") {
  if (!has_cuda()) return;
  const ProcessResult result = Bench().train({"--device", "cuda", "--dry-run", "--out", "run"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("predicted time: "));
}

TEST_CASE("noyau-explain has the maps of the CPU on a device", "[programs][device]") {
  if (!has_cuda()) return;
  const Bench bench;
  REQUIRE(bench.train({"--out", "run"}).code == 0);
  const auto explain = [&](const std::string& device) {
    const ProcessResult result =
        bench.look("noyau-explain", {"--images", "0,3", "--methods", "grad_cam_pp,saliency,lrp", "--tracin",
                                     "2", "--json", "--device", device, "--out", device});
    INFO(result.err);
    REQUIRE(result.code == 0);
    return Json::parse(result.out);
  };
  const Json expected = explain("cpu");
  const Json actual = explain("cuda");
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(actual["images"][i]["predicted"] == expected["images"][i]["predicted"]);
    CHECK(actual["images"][i]["probability"].get<double>() ==
          Approx(expected["images"][i]["probability"].get<double>()).epsilon(1e-4));
  }
  for (const char* figure : {"test-0", "test-3"}) {
    const auto picture = [&](const std::string& device) {
      return noyau::load_image(bench.scratch / (device + "/figures/" + figure + ".png"))
          .to(noyau::Dtype::f32);
    };
    CHECK(mean(abs(picture("cuda") - picture("cpu"))).item<double>() < 0.5);  // of 255
  }
}

TEST_CASE("noyau-inspect looks into a network on a device", "[programs][device]") {
  if (!has_cuda()) return;
  const Bench bench;
  REQUIRE(bench.train({"--model", "softmax-regression", "--out", "run"}).code == 0);
  const ProcessResult result = bench.look("noyau-inspect", {"--fast", "--device", "cuda", "--out", "page"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("page: page/index.html"));
}

TEST_CASE("a device that cannot be used is one line that says what to do", "[programs][device]") {
  const Bench bench;
  const Arguments cuda{"--device", "cuda", "--out", "run"};
  bench.check_refused({"--device", "gpu"}, {}, 4, "unknown device 'gpu'");
  if (!has_cuda()) bench.check_refused(cuda, {}, 4, "use device cpu");
  if (!is_simulated()) return;
  bench.check_refused({"--device", "cuda:3"}, {}, 4, "cuda:3: there are only 1 CUDA devices");
  bench.check_refused(cuda, {"NOYAU_SIMT_MACHINE=no-driver"}, 4,
                      "cuda:0: this machine has no NVIDIA driver; install it, or use device cpu");
  bench.check_refused(cuda, {"NOYAU_SIMT_MACHINE=old-driver"}, 4,
                      "the NVIDIA driver serves CUDA 11.4 but this build needs 13.0; update the driver");
  bench.check_refused(cuda, {"NOYAU_SIMT_MACHINE=no-device"}, 4, "this machine has no NVIDIA GPU");
  bench.check_refused(cuda, {"NOYAU_SIMT_MACHINE=no-kernels"}, 4,
                      "configure with -DCMAKE_CUDA_ARCHITECTURES=80");
  bench.check_refused(cuda, {"NOYAU_SIMT_MACHINE=taken"}, 4, "another process holds this GPU for itself");
  bench.check_refused(cuda, {"NOYAU_SIMT_MACHINE=broken"}, 1, "expected no-driver, old-driver");
}

TEST_CASE("a device without room ends the run with what holds its memory", "[programs][device]") {
  if (!is_simulated()) return;
  const Bench bench;
  const ProcessResult result = bench.train({"--device", "cuda", "--out", "run"}, {"NOYAU_SIMT_MEMORY=1"});
  INFO(result.err);
  CHECK(result.code == 1);
  CHECK_THAT(result.err, ContainsSubstring("cuda:0: no room for "));
  CHECK_THAT(result.err, ContainsSubstring("use a smaller batch"));
}

TEST_CASE("noyau-train --record trains to the same losses, or says what it needs", "[programs][device]") {
  const Bench bench;
  bench.check_refused({"--record", "--device", "cpu", "--out", "run"}, {}, 4,
                      "record needs device cuda, not cpu");
  if (!has_cuda()) return;
  const ProcessResult expected = bench.train({"--device", "cuda", "--out", "launched"});
  const ProcessResult actual = bench.train({"--device", "cuda", "--record", "--out", "replayed"});
  INFO(actual.err);
  REQUIRE(actual.code == 0);
  const auto losses = [](const ProcessResult& result) {
    std::vector<Json> values;
    for (const Json& epoch : Json::parse(result.out)["epochs"]) values.push_back(epoch["train_loss"]);
    return values;
  };
  CHECK(losses(actual) == losses(expected));
}

TEST_CASE("noyau-train --precision trains on tensor cores, or says what it needs", "[programs][device]") {
  const Bench bench;
  bench.check_refused({"--precision", "f16", "--device", "cpu", "--out", "run"}, {}, 4,
                      "precision f16 needs device cuda, not cpu; use precision f32");
  bench.check_refused({"--precision", "half", "--out", "run"}, {}, 2,
                      "precision is 'half' but must be one of f32, tf32, f16, bf16");
  if (!has_cuda()) return;
  const ProcessResult result = bench.train({"--precision", "f16", "--device", "cuda", "--out", "run"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(Json::parse(result.out)["epochs"].size() == 2);
  if (!is_simulated()) return;
  for (const char* precision : {"bf16", "tf32"}) {
    bench.check_refused({"--precision", precision, "--device", "cuda", "--out", "old"},
                        {"NOYAU_SIMT_CAPABILITY=75"}, 4,
                        "this GPU (compute capability 7.5) has no tensor cores for " +
                            std::string(precision) + "; use precision f16 or f32");
  }
}
