// 3x3 convolutions of the reference network, batch 64, in GFLOP/s that count 2 * n * h * w * 9 * ic * oc whatever the
// algorithm. Taps that fall into the padding are counted though skipped, so even the direct sum may exceed the peak of
// the cores. With --table: from how many channels on F(4x4,3x3) wins, for src/ops/conv2d_algorithm.cpp.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "layers.h"
#include "noyau/noyau.h"

namespace ny = noyau;
using bench::kLayers;
using bench::Layer;
using ny::ConvAlgorithm;
using ny::Tensor;

namespace {

enum class Pass { forward, dinput, dkernel };
constexpr std::pair<const char*, Pass> kPasses[] = {
    {"forward", Pass::forward}, {"dinput", Pass::dinput}, {"dkernel", Pass::dkernel}};
constexpr ConvAlgorithm kAlgorithms[] = {ConvAlgorithm::exact, ConvAlgorithm::winograd2,
                                         ConvAlgorithm::winograd4};

// One pass of one layer, to be repeated.
class Workload {
 public:
  Workload(const Layer& layer, std::int64_t batch, Pass pass, ny::Dtype dtype, ConvAlgorithm algorithm)
      : pass_(pass), options_{.algorithm = algorithm} {
    x_ = ny::normal({batch, layer.size, layer.size, layer.ic}, 0, 1, {dtype});
    x_.set_requires_grad(pass == Pass::dinput);
    kernel_ = ny::normal({3, 3, layer.ic, layer.oc}, 0, 1, {dtype});
    kernel_.set_requires_grad(pass == Pass::dkernel);
    y_ = ny::conv2d(x_, kernel_, {}, options_);
    dy_ = ny::normal(y_.shape(), 0, 1, {dtype});
  }

  Tensor run() const {
    if (pass_ == Pass::forward) return ny::conv2d(x_, kernel_, {}, options_);
    return ny::grad(y_, {pass_ == Pass::dinput ? x_ : kernel_}, {.seed = dy_})[0];
  }
  std::int64_t flops() const { return 2 * y_.size() * 9 * x_.dim(3); }

 private:
  Pass pass_;
  ny::Conv2dOptions options_;
  Tensor x_, kernel_, y_, dy_;
};

void run(benchmark::State& state, const Layer& layer, Pass pass, ny::Dtype dtype, ConvAlgorithm algorithm) {
  const Workload workload(layer, 64, pass, dtype, algorithm);
  for (auto _ : state) benchmark::DoNotOptimize(workload.run());
  state.counters["FLOP/s"] = benchmark::Counter(static_cast<double>(workload.flops()),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

double seconds(const Workload& workload) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  benchmark::DoNotOptimize(workload.run());
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How many times faster F(4x4,3x3) is than the sum itself: the best of interleaved runs.
double gain(std::int64_t channels, Pass pass) {
  const Layer layer{16, channels, channels};
  const Workload exact(layer, 16, pass, ny::Dtype::f32, ConvAlgorithm::exact);
  const Workload winograd(layer, 16, pass, ny::Dtype::f32, ConvAlgorithm::winograd4);
  double exact_best = 1e9, winograd_best = 1e9;
  for (int repeat = 0; repeat < 50; ++repeat) {
    exact_best = std::min(exact_best, seconds(exact));
    winograd_best = std::min(winograd_best, seconds(winograd));
  }
  return exact_best / winograd_best;
}

void print_table() {
  ny::set_num_threads(1);
  for (const std::string_view isa : ny::cpu_isas()) {
    ny::set_cpu_isa(isa);
    for (const auto& [name, pass] : kPasses) {
      std::printf("%-8s %-7s", std::string(isa).c_str(), name);
      for (const std::int64_t channels : {4, 8, 12, 16, 24, 32, 64})
        std::printf("  %3d: %.2f", static_cast<int>(channels), gain(channels, pass));
      std::printf("\n");
    }
  }
}

void register_layer(const Layer& layer, const char* name, Pass pass, ny::Dtype dtype,
                    ConvAlgorithm algorithm) {
  const std::string title = ny::message("conv2d_", name, '/', dtype, '/', layer.size, 'x', layer.size, 'x',
                                        layer.ic, "->", layer.oc, '/', algorithm);
  benchmark::RegisterBenchmark(title.c_str(), [=](benchmark::State& state) {
    run(state, layer, pass, dtype, algorithm);
  })->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--table") {
    print_table();
    return 0;
  }
  for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
    for (const auto& [name, pass] : kPasses) {
      for (const Layer& layer : kLayers) {
        for (const ConvAlgorithm algorithm : kAlgorithms) register_layer(layer, name, pass, dtype, algorithm);
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("isa", std::string(ny::cpu_isa()));
  benchmark::AddCustomContext("threads", std::to_string(ny::num_threads()));
  benchmark::RunSpecifiedBenchmarks();
}
