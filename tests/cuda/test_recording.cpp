// Work that is recorded on a CUDA device does, when replayed, what it did.
#include "cuda/compare.h"
#include "noyau/layers.h"
#include "noyau/loss.h"
#include "noyau/optim.h"
#include "noyau/recording.h"
#include "noyau/sequential.h"
#include "noyau/train.h"
#include "train/colours.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

Sequential net_with_dropout() {
  seed(3);
  return Sequential(Conv2d(3, 8, 3, {.bias = false}), BatchNorm(8), Relu(), MaxPool(2), Dropout(0.3),
                    Conv2d(8, 8, 3), Gelu(), Dropout(0.2), Flatten(), Dense(128, 3));
}

struct Trained {
  std::vector<std::vector<float>> weights;
  std::vector<double> losses;
  std::uint64_t drawn;  // blocks of random numbers
};

// Four batches of 6 and one of 2 in an epoch.
Trained trained(FitOptions options) {
  Sequential net = net_with_dropout();
  net.to("cuda");
  Adam adam(net.parameters(), {.rate = 0.01});
  Trained result;
  options.epochs = 2;
  options.batch = 6;
  options.device = "cuda";
  options.on_batch_end = [&](const BatchReport& report) { result.losses.push_back(report.loss); };
  fit(net, colours(26, 1, 8), colours(6, 2, 8), adam, options);
  for (const NamedTensor& each : net.state()) result.weights.push_back(each.tensor.to_vector<float>());
  result.drawn = default_generator().offset();
  return result;
}

}  // namespace

TEST_CASE("a replay reads and writes the same tensors, and draws other masks", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({5, 7}).to("cuda");
  Tensor y;
  const auto work = [&] { y = dropout(x * 2, 0.5) + 1; };
  seed(4);
  std::vector<std::vector<float>> expected;
  for (int i = 0; i < 3; ++i) {
    work();
    expected.push_back(y.to_vector<float>());
  }
  seed(4);
  Recording recording("cuda", work);
  CHECK(default_generator().offset() == 0);
  for (const std::vector<float>& values : expected) {
    recording.replay();
    CHECK(y.to_vector<float>() == values);
  }
  CHECK(expected[0] != expected[1]);
  x.copy_from(zeros({5, 7}));
  recording.replay();
  CHECK(y.to_vector<float>() == std::vector<float>(35, 1.F));
  seed(5);
  CHECK_THROWS_WITH(recording.replay(), ContainsSubstring("random numbers of seed 4"));
}

TEST_CASE("a recording keeps the tensors that its function holds", "[cuda][fast]") {
  if (!has_cuda()) return;
  Tensor y;
  std::unique_ptr<Recording> recording;
  {
    const Tensor x = full({3}, 2).to("cuda");
    recording = std::make_unique<Recording>("cuda", [x, &y] { y = x + 1; });
  }
  const Tensor other = full({3}, 7).to("cuda");  // which would have the memory of x
  recording->replay();
  CHECK(y.to_vector<float>() == std::vector<float>(3, 3.F));
  CHECK(other.to_vector<float>() == std::vector<float>(3, 7.F));
}

TEST_CASE("recorded steps train to the same bits", "[cuda][fast]") {
  if (!has_cuda()) return;
  const std::vector<std::pair<const char*, FitOptions>> cases = {
      {"f32", {}},
      {"f16, whose scale of the loss changes", {.precision = Precision::f16}},
      {"clipped, averaged, a schedule",
       {.schedule = schedule("cosine", {.steps = 10}), .clip = 0.5, .ema = 0.9}},
      {"mixed labels", {.augment = Augment("mixup(0.4)")}},
  };
  for (const auto& [why, options] : cases) {
    INFO(why);
    const Trained expected = trained(options);
    FitOptions recorded = options;
    recorded.record = true;
    const Trained actual = trained(recorded);
    CHECK(actual.losses == expected.losses);
    CHECK(actual.weights == expected.weights);
    CHECK(actual.drawn == expected.drawn);
  }
}

TEST_CASE("recorded steps are asked for once", "[cuda][fast]") {
  if (!has_cuda()) return;
  int calls = 0;
  FitOptions options{.loss = [&](const Tensor& logits, const Tensor& targets) {
    ++calls;
    return cross_entropy(logits, targets);
  }};
  trained(options);
  CHECK(calls == 10);
  calls = 0;
  options.record = true;
  trained(options);
  CHECK(calls == 4);  // the first batch, the recording, and the last batch of two epochs
}

TEST_CASE("a recording gives its memory back", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({64, 64}).to("cuda");
  const std::int64_t before = memory_use("cuda").live;
  Tensor y;
  {
    const Recording recording("cuda", [&] { y = exp(x) + sqrt(abs(x)); });
    CHECK(memory_use("cuda").live > before + 64 * 64 * 4);
  }
  CHECK(memory_use("cuda").live == before + 64 * 64 * 4);  // y
  y = {};
  CHECK(memory_use("cuda").live == before);
}

TEST_CASE("a recording may end while another is made", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = full({3}, 2).to("cuda");
  Tensor y;
  auto first = std::make_unique<Recording>("cuda", [&] { y = x + 1; });
  Recording second("cuda", [&] {
    y = x * 5;
    first.reset();
    y = y + 1;
  });
  second.replay();
  CHECK(y.to_vector<float>() == std::vector<float>(3, 11.F));
}

TEST_CASE("what cannot be recorded is refused, and the device works on", "[cuda][fast]") {
  CHECK_THROWS_WITH(Recording("cpu", [] {}), ContainsSubstring("recording: work on cpu cannot be recorded"));
  if (!has_cuda()) return;
  const Tensor x = ones({4}).to("cuda");
  const std::int64_t before = memory_use("cuda").live;
  CHECK_THROWS_WITH(Recording("cuda", [&] { sum(x).item<double>(); }),
                    ContainsSubstring("recording: a value is read on the CPU, which cannot be replayed"));
  CHECK_THROWS_WITH(Recording("cuda", [] { Recording("cuda", [] {}); }),
                    ContainsSubstring("recording: another is under way on this thread"));
  CHECK(memory_use("cuda").live == before);
  CHECK(sum(x).item<double>() == 4);
  Sequential net = net_with_dropout();
  Sgd sgd(net.parameters());
  CHECK_THROWS_WITH(fit(net, colours(6, 1, 8), {}, sgd, {.record = true}),
                    ContainsSubstring("fit: steps on cpu cannot be recorded"));
}
