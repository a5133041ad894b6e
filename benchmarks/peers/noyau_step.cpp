// noyau's side of compare.py: one JSON command a line on stdin, one JSON answer a line on stdout. Twin of torch_step.py.
#include <noyau/noyau.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

namespace ny = noyau;
using Json = nlohmann::json;

namespace {

constexpr std::int64_t kBatch = 64;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Six 3x3 convolutions with batch norm and ReLU, pooled and dropped out in pairs, then two dense layers.
ny::Sequential reference_network(bool dropout) {
  ny::Sequential net;
  std::int64_t channels = 3;
  for (const std::int64_t width : {32, 64, 128}) {
    for (int i = 0; i < 2; ++i) {
      net.push_back(ny::Conv2d(channels, width, 3, {.bias = false, .initializer = "he_normal"}));
      net.push_back(ny::BatchNorm(width, {.epsilon = 1e-5, .momentum = 0.9}));
      net.push_back(ny::Relu());
      channels = width;
    }
    net.push_back(ny::MaxPool(2));
    if (dropout) net.push_back(ny::Dropout(0.2));
  }
  net.push_back(ny::Flatten());
  net.push_back(ny::Dense(2048, 128, {.initializer = "he_normal"}));
  net.push_back(ny::Relu());
  if (dropout) net.push_back(ny::Dropout(0.5));
  net.push_back(ny::Dense(128, 10, {.initializer = "he_normal"}));
  return net;
}

// A value of /proc/self/status, in bytes.
std::int64_t resident(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kib = 0;
    if (word == field + ":" && status >> kib) return kib * 1024;
  }
  ny::fail("noyau-bench-step: /proc/self/status has no ", field);
}

ny::Batch random_batch() {
  std::vector<std::int32_t> labels(kBatch);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(ny::default_generator().next() % 10);
  ny::Batch batch;
  batch.images = ny::normal({kBatch, 32, 32, 3}, 0, 1);
  batch.labels = ny::from_vector(labels, {kBatch});
  return batch;
}

class Peer {
 public:
  Json answer(const Json& command) {
    const std::string what = command.at("do");
    if (what == "settings") return settings(command.at("threads"));
    if (what == "new") return start(command);
    if (what == "load") return load(command.at("file"));
    if (what == "losses") return losses();
    if (what == "time") return time(command.at("steps"));
    if (what == "memory") return memory(command.at("steps"));
    if (what == "data") return data(command);
    if (what == "epoch") return epoch();
    if (what == "loading") return loading();
    if (what == "evaluate") return evaluate();
    ny::fail("noyau-bench-step: unknown command '", what, "'");
  }

 private:
  Json settings(int threads) {
    ny::set_num_threads(threads);
    return {{"settings", ny::message("noyau, ", threads, " threads, ", ny::cpu_isa())}};
  }

  Json start(const Json& command) {
    ny::seed(command.value("seed", std::uint64_t{0}));
    rate_ = command.at("rate");
    net_ = reference_network(command.at("dropout"));
    sgd_.emplace(
        net_.parameters(),
        ny::SgdOptions{.rate = rate_, .momentum = 0.9, .weight_decay = command.value("weight_decay", 0.0)});
    batches_.clear();
    for (int i = 0; i < 5; ++i) batches_.push_back(random_batch());
    seed_ = command.value("seed", std::uint64_t{0});
    return Json::object();
  }

  Json load(const std::string& file) {
    std::map<std::string, ny::Tensor> tensors;
    for (const auto& [name, tensor] : ny::load_tensors(file).tensors) tensors[name] = tensor;
    const std::vector<ny::Tensor> parameters = net_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].copy_from(tensors.at((i < 10 ? "weight0" : "weight") + std::to_string(i)));
    }
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      batches_[i].images = tensors.at("images" + std::to_string(i));
      batches_[i].labels = tensors.at("labels" + std::to_string(i));
    }
    return Json::object();
  }

  ny::Tensor step(const ny::Batch& batch) {
    const ny::Tensor loss = ny::cross_entropy(net_(batch.images), batch.labels);
    sgd_->minimize(loss);
    return loss;
  }

  Json losses() {
    Json values = Json::array();
    for (const ny::Batch& batch : batches_) values.push_back(step(batch).item<double>());
    return {{"losses", values}};
  }

  Json time(std::size_t steps) {
    Json seconds = Json::array();
    for (std::size_t i = 0; i < steps; ++i) {
      const double begin = now();
      step(batches_[i % batches_.size()]);
      seconds.push_back(now() - begin);
    }
    return {{"seconds", seconds}};
  }

  Json memory(std::size_t steps) {
    std::ofstream("/proc/self/clear_refs") << 5;  // restarts VmHWM from here
    const std::int64_t before = resident("VmRSS");
    time(steps);
    return {{"growth", resident("VmHWM") - before}};
  }

  Json data(const Json& command) {
    split_ = ny::cifar10(command.at("directory"));
    split_.train = split_.train.first(command.at("images"));
    loader_.emplace(
        split_.train,
        ny::LoaderOptions{
            .batch = kBatch, .shuffle = true, .augment = ny::flip() | ny::pad_crop(4), .seed = seed_});
    epoch_ = 0;
    total_ = command.at("epochs").get<std::int64_t>() * loader_->batches();
    return Json::object();
  }

  Json epoch() {
    net_.train(true);
    const double begin = now();
    for (const ny::Batch& batch : loader_->epoch(epoch_++)) {
      const double done = static_cast<double>(sgd_->steps()) / static_cast<double>(total_);
      sgd_->set_rate_factor((1 + std::cos(std::numbers::pi * done)) / 2);
      step(batch);
    }
    return {{"seconds", now() - begin}};
  }

  Json loading() {
    const double begin = now();
    std::int64_t images = 0;
    for (const ny::Batch& batch : loader_->epoch(epoch_)) images += batch.images.dim(0);
    return {{"seconds", now() - begin}, {"images", images}};
  }

  Json evaluate() {
    const ny::NoGrad no_grad;
    net_.train(false);
    double right = 0;
    for (const ny::Batch& batch : ny::Loader(split_.test, {.batch = 250}).epoch(0)) {
      const ny::Tensor hits = ny::equal_to(ny::argmax(net_(batch.images)), batch.labels);
      right += ny::sum(hits.to(ny::Dtype::f64)).item<double>();
    }
    return {{"accuracy", right / static_cast<double>(split_.test.size())}};
  }

  double rate_ = 0;
  std::uint64_t seed_ = 0;
  ny::Sequential net_;
  std::optional<ny::Sgd> sgd_;
  std::vector<ny::Batch> batches_;
  ny::Split split_;
  std::optional<ny::Loader> loader_;
  std::int64_t epoch_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace

int main() {
  try {
    Peer peer;
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << peer.answer(Json::parse(line)).dump() << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
