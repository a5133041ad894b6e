#include <cmath>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "common/experiment.h"
#include "common/files.h"
#include "common/speedrun.h"
#include "noyau/noyau.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

namespace ny = noyau;
using namespace programs;

TEST_CASE("a recipe sets other options, and options given beside it win", "[programs][fast]") {
  Settings settings;
  assign_all(settings, {{"batch", 500}, {"recipe", "speedrun"}}, "test");
  CHECK(settings.model == "speedrun");
  CHECK(settings.batch == 500);
  CHECK(settings.epochs == 8);
  CHECK(settings.augment == "alternating_flip|pad_crop(2,reflect)");
  CHECK_NOTHROW(check_settings(settings));
  Settings copy;
  assign_all(copy, to_json(settings), "test");
  CHECK(to_json(copy) == to_json(settings));
  settings.model = "vgg";
  CHECK_THROWS_WITH(
      check_settings(settings),
      ContainsSubstring("recipe speedrun needs model speedrun and optimizer muon, not vgg and muon"));
}

TEST_CASE("the speed run's optimizer moves each kind of weight at its own rate", "[programs][fast]") {
  ny::seed(1);
  const ny::Sequential net = ny::make_model("speedrun", {.width_factor = 0.05});
  Settings settings;
  set_speedrun(settings);
  settings.batch = 4;
  const auto optimizer = speedrun_optimizer(net, settings);
  std::map<std::string, ny::Tensor> tensors, before;
  for (const auto& [name, tensor] : net.named_parameters()) {
    tensors[name] = tensor;
    before[name] = tensor.clone();
    if (tensor.requires_grad()) tensor.set_grad(ny::full(tensor.shape(), 0.01));
  }
  const double factor = 1 - 1.0 / 8;
  optimizer->set_rate_factor(factor);
  optimizer->step();
  const auto moved = [&](const std::string& name) {
    return (before[name] - tensors[name].detach()).to_vector<float>()[0];
  };
  // Nesterov's first step is (1 + momentum) g; the decay of the sum over the batch is 2e-6 an image.
  CHECK(moved("batch_norm.beta") == Approx(4 * 0.053 * factor * 1.85 * 0.01));
  CHECK(moved("whiten.bias") == Approx(4 * 0.053 * (1 - 1.0 / 3) * 1.85 * 0.01));
  const float weight = before["logits.kernel"].to_vector<float>()[0];
  CHECK(moved("logits.kernel") == Approx(4 * 0.67 * factor * 1.85 * (0.01 + 2e-6 / 0.67 * weight)));
  CHECK(moved("whiten.kernel") == 0);
  const ny::Tensor& filter = tensors["conv2d.kernel"];
  const double rate = 0.24 * factor;
  const double norm = std::sqrt(ny::sum(filter.detach() * filter.detach()).item<double>());
  CHECK(norm == Approx(std::sqrt(static_cast<double>(filter.dim(3)))).margin(rate * 2));

  CHECK(tensors["whiten.bias"].requires_grad());
  optimizer->set_rate_factor(1 - 3.0 / 8);
  optimizer->step();
  CHECK_FALSE(tensors["whiten.bias"].requires_grad());

  const ny::Sequential other = ny::make_model("softmax-regression");
  CHECK_THROWS_WITH(speedrun_optimizer(other, settings), ContainsSubstring("is for the speedrun network"));
}

TEST_CASE("noyau-train --recipe speedrun trains, profiles and notes its result", "[programs]") {
  const Scratch scratch;
  write_tiny_data(scratch / "data");
  const auto train = [&](const char* seed) {
    return run_program(
        "noyau-train",
        {"--recipe", "speedrun", "--data", "fashion-mnist", "--data-dir", "data", "--width", "0.05",
         "--batch", "20", "--epochs", "2", "--seed", seed, "--results", "results.jsonl", "--profile"},
        {.directory = scratch.path()});
  };
  const ProcessResult result = train("1");
  INFO(result.err << result.out);
  REQUIRE(result.code == 0);
  for (const char* text :
       {"conv2d_dkernel", "outside kernels", "chrome://tracing", "more than before the first step"})
    CHECK_THAT(result.out, ContainsSubstring(text));
  REQUIRE(train("2").code == 0);
  std::vector<Json> rows;
  read_journal(scratch / "results.jsonl", [&](const Json& row) { rows.push_back(row); });
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["seed"] == 1);
  CHECK(rows[1]["seed"] == 2);
  CHECK(rows[0]["recipe"] == "speedrun");
  CHECK(rows[0]["seconds"] > 0);
  CHECK(rows[0]["accuracy"] >= 0);
}
