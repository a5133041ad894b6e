// 3x3 convolutions of the reference network, batch 64, in GFLOP/s that count 2 * n * h * w * 9 * ic * oc.
// Taps that fall into the padding are counted though skipped, so the figure may exceed the peak of the cores.
#include <benchmark/benchmark.h>

#include "noyau/noyau.h"

namespace ny = noyau;
using ny::Tensor;

namespace {

enum class Pass { forward, dinput, dkernel };

struct Layer {
  std::int64_t size, ic, oc;
};
constexpr Layer kLayers[] = {{32, 3, 32},  {32, 32, 32}, {16, 32, 64},
                             {16, 64, 64}, {8, 64, 128}, {8, 128, 128}};

void run(benchmark::State& state, const Layer& layer, Pass pass, ny::Dtype dtype) {
  constexpr std::int64_t kBatch = 64;
  const ny::TensorOptions options{dtype};
  const Tensor x = ny::normal({kBatch, layer.size, layer.size, layer.ic}, 0, 1, options)
                       .set_requires_grad(pass == Pass::dinput);
  const Tensor kernel =
      ny::normal({3, 3, layer.ic, layer.oc}, 0, 1, options).set_requires_grad(pass == Pass::dkernel);
  const Tensor y = ny::conv2d(x, kernel);
  const Tensor dy = ny::normal(y.shape(), 0, 1, options);
  for (auto _ : state) {
    if (pass == Pass::forward)
      benchmark::DoNotOptimize(ny::conv2d(x, kernel));
    else
      benchmark::DoNotOptimize(ny::grad(y, {pass == Pass::dinput ? x : kernel}, {.seed = dy}));
  }
  const auto flops = static_cast<double>(2 * y.size() * 9 * layer.ic);
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
  for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
    for (const auto& [name, pass] :
         {std::pair{"forward", Pass::forward}, {"dinput", Pass::dinput}, {"dkernel", Pass::dkernel}}) {
      for (const Layer& layer : kLayers) {
        const std::string title = ny::message("conv2d_", name, '/', dtype, '/', layer.size, 'x', layer.size,
                                              'x', layer.ic, "->", layer.oc);
        benchmark::RegisterBenchmark(title.c_str(), [layer, pass = pass, dtype](benchmark::State& state) {
          run(state, layer, pass, dtype);
        })->UseRealTime();
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("isa", std::string(ny::cpu_isa()));
  benchmark::AddCustomContext("threads", std::to_string(ny::num_threads()));
  benchmark::RunSpecifiedBenchmarks();
}
