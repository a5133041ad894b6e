#include <filesystem>
#include <fstream>

#include "catch2.h"
#include "noyau/schedule.h"
#include "noyau/sequential.h"
#include "noyau/serialize.h"
#include "noyau/train.h"
#include "programs/scratch.h"

using namespace noyau;

namespace {

using Weights = std::vector<std::vector<float>>;

/// A training loop of one's own: dropout, batch norm, momentum, a schedule and averaged weights.
struct Loop {
  Sequential net{Conv2d(3, 4, 3), BatchNorm(4), Relu(), Dropout(0.3), GlobalAveragePool(), Dense(4, 3)};
  Sgd sgd{net.parameters(), {.rate = 0.1, .momentum = 0.9}};
  Ema average{net, 0.9};
  Schedule rate = schedule("cosine", {.steps = 12});
  std::int64_t step = 0;

  void run(std::int64_t until) {
    for (; step < until; ++step) {
      Generator generator = stream(7, static_cast<std::uint64_t>(step));
      const Tensor x = normal({8, 5, 5, 3}, 0, 1, {}, generator);
      const Tensor y = from_vector<std::int32_t>({0, 1, 2, 0, 1, 2, 0, 1}, {8});
      sgd.set_rate_factor(rate(step));
      sgd.minimize(cross_entropy(net(x), y));
      average.update();
    }
  }
  Weights weights() const {
    Weights all;
    for (const NamedTensor& each : net.state()) all.push_back(each.tensor.to_vector<float>());
    for (const NamedTensor& each : average.averages()) all.push_back(each.tensor.to_vector<float>());
    return all;
  }
};

}  // namespace

TEST_CASE("a loop of one's own goes on from its checkpoint bit for bit", "[fast][checkpoint]") {
  const Scratch folder;
  seed(3);
  Loop whole;
  whole.run(12);

  seed(3);
  Loop first;
  first.run(5);
  save_checkpoint(folder / "loop.ckpt", first.net, first.sgd,
                  {.average = &first.average, .numbers = {{"step", 5}, {"best", 0.1}}});
  seed(99);  // other weights and another place in the generator: all of it comes from the file
  Loop second;
  const auto numbers = load_checkpoint(folder / "loop.ckpt", second.net, second.sgd, &second.average);
  CHECK(numbers == std::map<std::string, double>{{"step", 5}, {"best", 0.1}});
  CHECK(second.sgd.steps() == 5);
  CHECK(second.weights() == first.weights());
  second.step = static_cast<std::int64_t>(numbers.at("step"));
  second.run(12);
  CHECK(second.weights() == whole.weights());
}

TEST_CASE("Adam goes on from its checkpoint bit for bit", "[fast][checkpoint]") {
  const Scratch folder;
  const auto run = [](Sequential& net, Adam& adam, int steps) {
    for (int i = 0; i < steps; ++i) adam.minimize(mean(pow(net(ones({4, 3})), 2)));
  };
  seed(5);
  Sequential whole(Dense(3, 4), Tanh(), Dense(4, 1));
  Adam steady(whole.parameters());
  run(whole, steady, 3);
  save_checkpoint(folder / "adam.ckpt", whole, steady);
  run(whole, steady, 3);

  Sequential later(Dense(3, 4), Tanh(), Dense(4, 1));
  Adam resumed(later.parameters());
  CHECK(load_checkpoint(folder / "adam.ckpt", later, resumed).empty());
  run(later, resumed, 3);
  for (std::size_t i = 0; i < whole.parameters().size(); ++i)
    CHECK(later.parameters()[i].to_vector<float>() == whole.parameters()[i].to_vector<float>());
}

TEST_CASE("a checkpoint of another network changes nothing", "[fast][checkpoint]") {
  const Scratch folder;
  Loop saved;
  save_checkpoint(folder / "a.ckpt", saved.net, saved.sgd);

  Sequential other(Dense(3, 4), Dense(4, 2));
  Sgd sgd(other.parameters());
  const auto before = other.parameters()[0].to_vector<float>();
  CHECK_THROWS_WITH(load_checkpoint(folder / "a.ckpt", other, sgd),
                    ContainsSubstring("a.ckpt has model.dense.kernel [4, 3] but the network has [3, 4]"));
  CHECK(other.parameters()[0].to_vector<float>() == before);

  Loop averaged;
  const Weights untouched = averaged.weights();
  CHECK_THROWS_WITH(load_checkpoint(folder / "a.ckpt", averaged.net, averaged.sgd, &averaged.average),
                    ContainsSubstring("has no average."));
  CHECK(averaged.weights() == untouched);

  save_weights(folder / "weights.safetensors", other);
  CHECK_THROWS(load_checkpoint(folder / "weights.safetensors", other, sgd));
  std::ofstream(folder / "rubbish") << "rubbish";
  CHECK_THROWS(load_checkpoint(folder / "rubbish", other, sgd));
}
