// Matrix products in FLOP/s: squares, the dense layers of the reference network at batch 64, and a 1x1 convolution of
// 64 images of 16 x 16.
#include "common.h"

namespace ny = noyau;
using ny::Tensor;

namespace {

enum class Pass { forward, da, db };

void run(benchmark::State& state, Pass pass) {
  const Tensor a = ny::normal({state.range(0), state.range(1)}, 0, 1).set_requires_grad(pass == Pass::da);
  const Tensor b = ny::normal({state.range(1), state.range(2)}, 0, 1).set_requires_grad(pass == Pass::db);
  const Tensor c = ny::matmul(a, b);
  const Tensor dc = ny::normal(c.shape(), 0, 1);
  for (auto _ : state) {
    if (pass == Pass::forward)
      benchmark::DoNotOptimize(ny::matmul(a, b));
    else
      benchmark::DoNotOptimize(ny::grad(c, {pass == Pass::da ? a : b}, {.seed = dc}));
  }
  bench::count_flops(state, static_cast<double>(2 * state.range(0) * state.range(1) * state.range(2)));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"m", "k", "n"})->UseRealTime();
  for (const std::int64_t size : {128, 512, 1024}) b->Args({size, size, size});
  b->Args({64, 2048, 128})->Args({64, 128, 10})->Args({64 * 16 * 16, 64, 128});
}

BENCHMARK_CAPTURE(run, forward, Pass::forward)->Apply(shapes);
BENCHMARK_CAPTURE(run, da, Pass::da)->Apply(shapes);
BENCHMARK_CAPTURE(run, db, Pass::db)->Apply(shapes);

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv); }
