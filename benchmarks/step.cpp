// A training step of the reference network at batch 64: six 3x3 convolutions with batch norm and ReLU, three max-pools
// with dropout, two dense layers, cross-entropy, SGD with momentum.
#include <benchmark/benchmark.h>

#include "noyau/noyau.h"

namespace ny = noyau;

namespace {

constexpr std::int64_t kBatch = 64;

ny::Sequential block(std::int64_t in, std::int64_t out) {
  return ny::Sequential(ny::Conv2d(in, out, 3, {.bias = false}), ny::BatchNorm(out), ny::Relu(),
                        ny::Conv2d(out, out, 3, {.bias = false}), ny::BatchNorm(out), ny::Relu(),
                        ny::MaxPool(2), ny::Dropout(0.2));
}

ny::Sequential reference_network() {
  return ny::Sequential(block(3, 32), block(32, 64), block(64, 128), ny::Flatten(), ny::Dense(2048, 128),
                        ny::Relu(), ny::Dropout(0.5), ny::Dense(128, 10));
}

void step(benchmark::State& state) {
  const int before = ny::num_threads();
  ny::set_num_threads(static_cast<int>(state.range(0)));
  const ny::Sequential net = reference_network();
  ny::Sgd sgd(net.parameters(), {.rate = 0.01, .momentum = 0.9});
  const ny::Tensor images = ny::normal({kBatch, 32, 32, 3}, 0, 1);
  std::vector<std::int32_t> classes(kBatch);
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int32_t>(i % 10);
  const ny::Tensor labels = ny::from_vector(classes, {kBatch});
  for (auto _ : state) sgd.minimize(ny::cross_entropy(net(images), labels));
  state.counters["images/s"] = benchmark::Counter(kBatch, benchmark::Counter::kIsIterationInvariantRate);
  ny::set_num_threads(before);
}
BENCHMARK(step)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
