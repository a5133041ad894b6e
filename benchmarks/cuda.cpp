// The kernels of the first CUDA device: 3x3 convolutions of the reference network and products in f32, tf32, f16 and bf16,
// passes over memory, and the network's training step, asked for kernel by kernel and replayed. An iteration asks for
// kRepeats runs and waits for them once.
// usage: benchmark_cuda [--batch=N] [Google Benchmark's options]; N images, 64 unless given: 1 suits the simulator.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "layers.h"
#include "noyau/noyau.h"

namespace ny = noyau;
using ny::Precision;
using ny::Tensor;

namespace {

constexpr int kRepeats = 10;
const ny::Device kCuda("cuda");

Tensor random(const ny::Shape& shape) { return ny::normal(shape, 0, 1).to(kCuda); }

// Runs `work` with products in `precision`; rates count `flops` and `bytes` of one run.
void measure(benchmark::State& state, Precision precision, const std::function<void()>& work, double flops,
             double bytes) {
  const ny::Autocast products(precision);
  work();  // loads the kernels
  ny::synchronize(kCuda);
  for (auto _ : state) {
    for (int i = 0; i < kRepeats; ++i) work();
    ny::synchronize(kCuda);
  }
  const auto rate = [](double amount) {
    return benchmark::Counter(kRepeats * amount, benchmark::Counter::kIsIterationInvariantRate);
  };
  if (flops > 0) state.counters["FLOP/s"] = rate(flops);
  if (bytes > 0) state.counters["bytes/s"] = rate(bytes);
}

using Work = std::function<void()>;

// `make` is called when the benchmark runs, so that only its own tensors are on the device.
void add(const std::string& name, Precision precision, const std::function<Work()>& make, double flops,
         double bytes = 0) {
  benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { measure(state, precision, make(), flops, bytes); })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

// Forward and both backward passes of a function of x and w.
void add_passes(const std::string& name, const ny::Shape& x_shape, const ny::Shape& w_shape, double flops,
                const std::function<Tensor(const Tensor&, const Tensor&)>& function) {
  for (const Precision precision : {Precision::f32, Precision::tf32, Precision::f16, Precision::bf16}) {
    const auto title = [&](const char* pass) { return ny::message(name, pass, '/', precision); };
    add(
        title("/forward"), precision,
        [=]() -> Work {
          const Tensor x = random(x_shape), w = random(w_shape);
          return [=] { function(x, w); };
        },
        flops);
    for (const bool of_x : {true, false}) {
      add(
          title(of_x ? "/dinput" : "/dkernel"), precision,
          [=]() -> Work {
            const Tensor x = random(x_shape).set_requires_grad(of_x);
            const Tensor w = random(w_shape).set_requires_grad(!of_x);
            const Tensor y = function(x, w);
            const Tensor dy = random(y.shape()).to(y.dtype());
            return [=] { ny::grad(y, {of_x ? x : w}, {.seed = dy}); };
          },
          flops);
    }
  }
}

void add_convolutions(std::int64_t batch) {
  for (const bench::Layer& l : bench::kLayers) {
    add_passes(ny::message("conv2d/", l.size, 'x', l.size, 'x', l.ic, "->", l.oc),
               {batch, l.size, l.size, l.ic}, {3, 3, l.ic, l.oc},
               static_cast<double>(2 * batch * l.size * l.size * 9 * l.ic * l.oc),
               [](const Tensor& x, const Tensor& w) { return ny::conv2d(x, w); });
  }
}

void add_products(std::int64_t batch) {
  const auto product = [](const Tensor& x, const Tensor& w) { return ny::matmul(x, w); };
  for (const auto& [m, k, n] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{16 * batch, 1024, 1024}, {batch, 2048, 128}}) {
    add_passes(ny::message("matmul/", m, 'x', k, 'x', n), {m, k}, {k, n}, static_cast<double>(2 * m * k * n),
               product);
  }
}

// Ops of one tensor of activations, forward: the bytes are those of x and of the output.
void add_memory_passes(std::int64_t batch) {
  const ny::Shape shape{batch, 32, 32, 32};
  const auto pass = [&](const char* name, double outputs, const std::function<Tensor(const Tensor&)>& op) {
    add(
        ny::message("pass/", name), Precision::f32,
        [=]() -> Work {
          const Tensor x = random(shape);
          return [=] { op(x); };
        },
        0, 4 * static_cast<double>(shape.size()) * (1 + outputs));
  };
  pass("relu", 1, [](const Tensor& x) { return ny::relu(x); });
  pass("dropout", 1, [](const Tensor& x) { return ny::dropout(x, 0.2); });
  pass("max_pool2d", 0.25, [](const Tensor& x) { return ny::max_pool2d(x, 2); });
  pass("softmax", 1, [](const Tensor& x) { return ny::softmax(x); });
}

// Forward and backward pass of the reference network, and the update.
Work training_step(std::int64_t batch, bool replayed) {
  struct Training {
    ny::Sequential net;
    std::unique_ptr<ny::Sgd> sgd;
    std::unique_ptr<ny::Recording> recording;
  };
  const auto training = std::make_shared<Training>();
  training->net = ny::make_model("reference");
  training->net.to(kCuda);
  training->sgd =
      std::make_unique<ny::Sgd>(training->net.parameters(), ny::SgdOptions{.rate = 0.01, .momentum = 0.9});
  const Tensor images = random({batch, 32, 32, 3});
  const Tensor labels = ny::zeros({batch}, {ny::Dtype::i32, kCuda});
  const auto learn = [training, images, labels] {
    training->sgd->zero_grad();
    const Tensor logits = training->net(images);
    backward(ny::cross_entropy(logits.to(ny::Dtype::f32), labels));
  };
  if (!replayed) {
    return [=] {
      learn();
      training->sgd->step();
    };
  }
  learn();
  training->recording = std::make_unique<ny::Recording>(kCuda, learn);
  return [=] {
    training->recording->replay();
    training->sgd->step();
  };
}

void add_steps(std::int64_t batch) {
  for (const Precision precision : {Precision::f32, Precision::tf32, Precision::f16, Precision::bf16}) {
    for (const bool replayed : {false, true}) {
      add(
          ny::message("step/", replayed ? "replayed/" : "launched/", precision), precision,
          [=] { return training_step(batch, replayed); }, 0);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t batch = 64;
  if (argc > 1 && std::string_view(argv[1]).starts_with("--batch=")) {
    batch = std::atoll(argv[1] + std::string_view("--batch=").size());
    argv[1] = argv[0];
    ++argv;
    --argc;
  }
  if (batch < 1 || ny::device_count(ny::Device::Kind::cuda) == 0) {
    std::fprintf(stderr, batch < 1 ? "benchmark_cuda: --batch must be at least 1\n"
                                   : "benchmark_cuda: no CUDA device\n");
    return 2;
  }
  add_convolutions(batch);
  add_products(batch);
  add_memory_passes(batch);
  add_steps(batch);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("device", ny::device_name(kCuda));
  benchmark::RunSpecifiedBenchmarks();
}
