// Passes over memory: pooling, normalisation, activation, softmax, dropout and optimizers, under each instruction set, in
// bytes/s of their operands, each counted once. What fits into caches may exceed what memory gives.
#include "common.h"

namespace ny = noyau;
using ny::Tensor;

namespace {

struct Pass {
  std::string name;
  std::function<void()> run;
};

Tensor activations() { return ny::normal({64, 32, 32, 32}, 0, 1).set_requires_grad(true); }

// An op of activations, forward and backward.
void add_op(std::vector<Pass>& passes, const std::string& name, const Tensor& x,
            const std::function<Tensor(const Tensor&)>& op) {
  passes.push_back({name + "_forward", [=] { benchmark::DoNotOptimize(op(x.detach())); }});
  const Tensor y = op(x);
  const Tensor dy = ny::normal(y.shape(), 0, 1);
  passes.push_back({name + "_backward", [=] { benchmark::DoNotOptimize(ny::grad(y, {x}, {.seed = dy})); }});
}

// A step on parameters as many as a network of 4 million has.
template <class Optimizer, class Options>
void add_optimizer(std::vector<Pass>& passes, const std::string& name, const Options& options) {
  const Tensor parameter = ny::normal({1024, 4096}, 0, 1).set_requires_grad(true);
  parameter.set_grad(ny::normal(parameter.shape(), 0, 1));
  const auto optimizer = std::make_shared<Optimizer>(std::vector<Tensor>{parameter}, options);
  optimizer->step();  // makes its memory
  passes.push_back({name, [=] { optimizer->step(); }});
}

std::vector<Pass> all_passes() {
  std::vector<Pass> passes;
  const Tensor x = activations(), ones = ny::ones({32}), zeros = ny::zeros({32});
  add_op(passes, "max_pool2d", x, [](const Tensor& v) { return ny::max_pool2d(v, 2); });
  add_op(passes, "average_pool2d", x, [](const Tensor& v) { return ny::average_pool2d(v, 2); });
  add_op(passes, "batch_norm", x,
         [=](const Tensor& v) { return ny::batch_norm(v, ones, zeros, zeros.clone(), ones.clone(), true); });
  add_op(passes, "relu", x, [](const Tensor& v) { return ny::relu(v); });
  add_op(passes, "gelu", x, [](const Tensor& v) { return ny::gelu(v); });
  add_op(passes, "dropout", x, [](const Tensor& v) { return ny::dropout(v, 0.2); });
  const Tensor rows = ny::normal({8192, 1000}, 0, 1).set_requires_grad(true);
  add_op(passes, "softmax", rows, [](const Tensor& v) { return ny::softmax(v); });
  add_op(passes, "log_softmax", rows, [](const Tensor& v) { return ny::log_softmax(v); });
  const Tensor ids = ny::zeros({8192}).to(ny::Dtype::i32);
  add_op(passes, "cross_entropy", rows, [=](const Tensor& v) { return ny::cross_entropy(v, ids); });
  add_optimizer<ny::Sgd>(passes, "sgd_momentum", ny::SgdOptions{.rate = 1e-6, .momentum = 0.9});
  add_optimizer<ny::Adam>(passes, "adam", ny::AdamOptions{.rate = 1e-6});
  add_optimizer<ny::RmsProp>(passes, "rms_prop", ny::RmsPropOptions{.rate = 1e-6});
  return passes;
}

double bytes_of(const Pass& pass) {
  ny::Profile profile;
  pass.run();
  double bytes = 0;
  for (const ny::ProfileRow& row : profile.rows()) bytes += row.bytes;
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Pass> passes = all_passes();
  for (const std::string_view isa : ny::cpu_isas()) {
    for (const Pass& pass : passes) {
      const auto measure = [&pass, isa](benchmark::State& state) {
        ny::set_cpu_isa(isa);
        for (auto _ : state) pass.run();
        bench::count_bytes(state, bytes_of(pass));
      };
      benchmark::RegisterBenchmark(ny::message(pass.name, '/', isa).c_str(), measure)->UseRealTime();
    }
  }
  return bench::run(argc, argv);
}
