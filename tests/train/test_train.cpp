#include <cmath>
#include <filesystem>

#include "catch2.h"
#include "noyau/parallel.h"
#include "noyau/sequential.h"
#include "noyau/train.h"
#include "programs/scratch.h"
#include "train/colours.h"

using namespace noyau;
using noyau::testing::colours;

namespace {

Sequential small_net() {
  seed(3);
  return Sequential(Conv2d(3, 4, 3), BatchNorm(4), Relu(), Dropout(0.2), GlobalAveragePool(), Dense(4, 3));
}

std::vector<std::vector<float>> weights_of(const Module& net) {
  std::vector<std::vector<float>> all;
  for (const NamedTensor& each : net.state()) all.push_back(each.tensor.to_vector<float>());
  return all;
}

struct Result {
  std::vector<std::vector<float>> weights;
  History history;
};

Result trained(const FitOptions& options) {
  Sequential net = small_net();
  Sgd sgd(net.parameters(), {.rate = 0.1, .momentum = 0.9});
  const History history = fit(net, colours(60, 1), colours(30, 2), sgd, options);
  return {weights_of(net), history};
}

}  // namespace

TEST_CASE("fit learns and reports each epoch", "[fast][train]") {
  const Dataset test = colours(60, 9);
  Sequential net = small_net();
  Sgd sgd(net.parameters(), {.rate = 0.1, .momentum = 0.9});
  std::int64_t batches = 0;
  const FitOptions options{.epochs = 15, .batch = 16, .on_batch_end = [&](const BatchReport& b) {
                             ++batches;
                             CHECK(b.batches == 4);
                             CHECK(b.step == batches);
                           }};
  const History history = fit(net, colours(60, 1), colours(30, 2), sgd, options);
  REQUIRE(history.epochs.size() == 15);
  CHECK(batches == 60);
  CHECK(history.ended == Ended::epochs);
  CHECK(history.epochs.back().step == 60);
  CHECK(history.epochs.back().train_loss < history.epochs.front().train_loss);
  CHECK(evaluate(net, test).accuracy > 0.9);
  CHECK(net.training());
}

TEST_CASE("evaluate counts what predict says, in evaluation mode, which it restores", "[fast][train]") {
  const Dataset data = colours(33, 4);
  Sequential net = small_net();
  for (const bool mode : {true, false}) {
    net.train(mode);
    const Evaluation whole = evaluate(net, data);
    const Evaluation pieces = evaluate(net, data, {.batch = 7});
    CHECK(net.training() == mode);
    CHECK(whole.count == 33);
    CHECK(whole.top5 == 1.0);
    CHECK(whole.logits.to_vector<float>() == pieces.logits.to_vector<float>());
    CHECK(whole.loss == Approx(cross_entropy(whole.logits, data.labels()).item<double>()).epsilon(1e-5));
  }
}

TEST_CASE("several views average probabilities", "[fast][train]") {
  const Dataset data = colours(6, 4);
  Sequential net(Flatten(), Dense(108, 3));
  const Tensor images = normalize(data.images(), data.info());
  const Tensor both = mul(add(softmax(net(images)), softmax(net(flip(images, {2})))), 0.5);
  const std::vector<float> expected = both.to_vector<float>();
  const std::vector<float> got = softmax(predict(net, data, {.views = Views::flip})).to_vector<float>();
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-5));
  Sequential blind(GlobalAveragePool(), Dense(3, 3));
  const Evaluation one = evaluate(blind, data), two = evaluate(blind, data, {.views = Views::flip});
  CHECK(one.loss == Approx(two.loss));
  CHECK(evaluate(blind, data, {.views = Views::flip_shift}).count == 6);
  CHECK_THROWS_WITH(views_named("flop"),
                    ContainsSubstring("predict: unknown views 'flop'; did you mean 'flip'?"));
}

TEST_CASE("training does not depend on the number of threads", "[fast][train]") {
  const int before = num_threads();
  set_num_threads(1);
  const Result one = trained({.epochs = 2, .batch = 16, .augment = flip() | pad_crop(1), .seed = 5});
  set_num_threads(3);
  const Result three = trained({.epochs = 2, .batch = 16, .augment = flip() | pad_crop(1), .seed = 5});
  set_num_threads(before);
  CHECK(one.weights == three.weights);
}

TEST_CASE("stopped in the middle of an epoch and resumed, training continues bit for bit", "[fast][train]") {
  const Scratch scratch;
  const auto options = [&](const std::string& file) {
    return FitOptions{.epochs = 3,
                      .batch = 16,
                      .augment = flip() | mixup(0.4),
                      .seed = 5,
                      .schedule = schedule("cosine", {.steps = 12}),
                      .clip = 1,
                      .ema = 0.9,
                      .restore_best = true,
                      .checkpoint = scratch / file};
  };
  const Result whole = trained(options("whole"));
  for (const std::int64_t stop_at : {1, 4, 6, 11}) {
    INFO("stopped after step " << stop_at);
    const std::string file = message("stopped", stop_at);
    bool stop = false;
    FitOptions first = options(file);
    first.stop = [&] { return stop; };
    first.on_batch_end = [&](const BatchReport& b) {
      if (b.step == stop_at) stop = true;
    };
    CHECK(trained(first).history.ended == Ended::stopped);
    FitOptions second = options(file);
    second.resume = true;
    const Result resumed = trained(second);
    CHECK(resumed.weights == whole.weights);
    REQUIRE(resumed.history.epochs.size() == 3);
    CHECK(resumed.history.epochs[2].train_loss == whole.history.epochs[2].train_loss);
    CHECK(resumed.history.best_epoch == whole.history.best_epoch);
  }
}

TEST_CASE("a finished training is resumed for more epochs", "[fast][train]") {
  const Scratch scratch;
  const Result whole = trained({.epochs = 2, .batch = 16, .checkpoint = scratch / "whole"});
  trained({.epochs = 1, .batch = 16, .checkpoint = scratch / "short"});
  const Result resumed = trained({.epochs = 2, .batch = 16, .checkpoint = scratch / "short", .resume = true});
  CHECK(resumed.weights == whole.weights);
  CHECK(resumed.history.epochs.size() == 2);
}

TEST_CASE("a checkpoint of another network is refused", "[fast][train]") {
  const Scratch scratch;
  trained({.epochs = 1, .checkpoint = scratch / "last"});
  Sequential other(GlobalAveragePool(), Dense(3, 3));
  Sgd sgd(other.parameters());
  const FitOptions options{.checkpoint = scratch / "last", .resume = true};
  CHECK_THROWS_WITH(fit(other, colours(60, 1), {}, sgd, options), ContainsSubstring("last"));
}

TEST_CASE("patience ends training and the best weights come back", "[fast][train]") {
  Sequential net = small_net();
  Sgd sgd(net.parameters(), {.rate = 1e-12});
  std::vector<std::vector<float>> after_best;
  const FitOptions options{.epochs = 50,
                           .batch = 16,
                           .patience = 3,
                           .restore_best = true,
                           .on_epoch_end = [&](const EpochReport& e) {
                             if (e.best) after_best = weights_of(net);
                           }};
  const History history = fit(net, colours(60, 1), colours(30, 2), sgd, options);
  CHECK(history.ended == Ended::patience);
  CHECK(static_cast<std::int64_t>(history.epochs.size()) == history.best_epoch + 3);
  CHECK(weights_of(net) == after_best);
}

TEST_CASE("a spent budget ends training", "[fast][train]") {
  const Result result = trained({.epochs = 1000000, .batch = 16, .budget = 0.05});
  CHECK(result.history.ended == Ended::budget);
}

TEST_CASE("a loss that is not finite stops training and names step, layer and checkpoint", "[fast][train]") {
  const Scratch scratch;
  Sequential net(GlobalAveragePool(), Dense(3, 4),
                 named("bad", [](const Tensor& x) { return log(mul(x, 0)); }), Dense(4, 3));
  Sgd sgd(net.parameters());
  CHECK_THROWS_WITH(fit(net, colours(60, 1), {}, sgd),
                    ContainsSubstring("at step 1; the first value that is not finite is in bad"));

  Sequential wild = small_net();
  Sgd fast(wild.parameters(), {.rate = 0.1});
  FitOptions options{.epochs = 3, .batch = 16, .checkpoint = scratch / "last"};
  options.schedule = [](std::int64_t step) { return step < 5 ? 1.0 : 1e38; };
  try {
    fit(wild, colours(60, 1), {}, fast, options);
    FAIL("did not diverge");
  } catch (const Diverged& error) {
    CHECK(error.step >= 6);
    CHECK(!error.layer.empty());
    CHECK_THAT(error.what(), ContainsSubstring("the last good checkpoint is " + options.checkpoint));
  }
}

TEST_CASE("a loss of one's own is minimised", "[fast][train]") {
  int calls = 0;
  Sequential net = small_net();
  Sgd sgd(net.parameters());
  const FitOptions options{.epochs = 1, .batch = 16, .loss = [&](const Tensor& logits, const Tensor& labels) {
                             ++calls;
                             return mean_squared_error(logits, one_hot(labels, 3));
                           }};
  fit(net, colours(60, 1), {}, sgd, options);
  CHECK(calls == 4);
}

TEST_CASE("fit refuses options out of range", "[fast][train]") {
  CHECK_THROWS_WITH(trained({.epochs = 0}), "fit: epochs is 0 but must be at least 1");
  CHECK_THROWS_WITH(trained({.batch = 0}), "fit: batch is 0 but must be at least 1");
  CHECK_THROWS_WITH(trained({.label_smoothing = 1}), "fit: label_smoothing is 1 but must be in [0, 1)");
  CHECK_THROWS_WITH(trained({.resume = true}), "fit: resume needs a checkpoint to go on from");
  Sequential net = small_net();
  Sgd sgd(net.parameters());
  CHECK_THROWS_WITH(fit(net, {}, {}, sgd), "fit: the training set is empty");
  CHECK_THROWS_WITH(predict(net, {}), "predict: the data set is empty");
}
