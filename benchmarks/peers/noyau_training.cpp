#include "noyau_training.h"

#include <map>

#include "common/machine.h"
#include "common/speedrun.h"
#include "noyau_maps.h"

namespace ny = noyau;

namespace peer {
namespace {

constexpr std::size_t kBatches = 5;

ny::Batch random_batch(std::int64_t count, const ny::Shape& shape) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(ny::default_generator().next() % 10);
  ny::Batch batch;
  batch.images = ny::normal({count, shape[0], shape[1], shape[2]}, 0, 1);
  batch.labels = ny::from_vector(labels, {count});
  return batch;
}

}  // namespace

Json Training::architecture(const Json& command) {
  ny::ModelOptions options{.width_factor = command.value("width", 1.0)};
  if (!command.at("dropout").get<bool>()) options.dropout = 0;
  return {{"architecture",
           Json::parse(ny::to_json(ny::make_model(command.at("model").get<std::string>(), options)))}};
}

Json Training::start(const Json& command) {
  seed_ = command.value("seed", std::uint64_t{0});
  ny::seed(seed_);
  rate_ = command.at("rate");
  batch_ = command.value("batch", std::int64_t{64});
  shape_ = ny::Shape(command.value("shape", std::vector<std::int64_t>{32, 32, 3}));
  net_ = ny::from_json(command.at("architecture").dump());
  const double decay = command.value("weight_decay", 0.0);
  optimizer_ = std::make_unique<ny::Sgd>(
      net_.parameters(), ny::SgdOptions{.rate = rate_, .momentum = 0.9, .weight_decay = decay});
  schedule_ = {};
  label_smoothing_ = 0;
  batches_.clear();
  for (std::size_t i = 0; i < kBatches; ++i) batches_.push_back(random_batch(batch_, shape_));
  return Json::object();
}

Json Training::speedrun(const Json& command) {
  seed_ = command.value("seed", std::uint64_t{0});
  ny::seed(seed_);
  programs::Settings settings;
  programs::set_speedrun(settings);
  batch_ = settings.batch = command.at("batch");
  label_smoothing_ = settings.label_smoothing;
  net_ = ny::make_model("speedrun", {.width_factor = command.value("width", 1.0)});
  split_ = ny::cifar10(command.at("directory"));
  split_.train = split_.train.first(command.at("images"));
  ny::whiten(net_, ny::normalize(split_.train.first(5000).images(), split_.train.info()));
  if (command.value("double", false)) net_.to(ny::Dtype::f64);
  optimizer_ = programs::speedrun_optimizer(net_, settings);
  schedule_ = ny::schedule("linear", {.steps = command.at("steps")});
  loader_.emplace(split_.train, ny::LoaderOptions{.batch = batch_,
                                                  .shuffle = true,
                                                  .augment = ny::Augment(settings.augment),
                                                  .seed = seed_,
                                                  .drop_last = true});
  epoch_ = 0;
  batches_.assign(kBatches, {});
  return Json::object();
}

Json Training::load(const std::string& file) {
  std::map<std::string, ny::Tensor> tensors;
  for (const auto& [name, tensor] : ny::load_tensors(file).tensors) tensors[name] = tensor;
  const std::vector<ny::NamedTensor> state = net_.state();
  for (std::size_t i = 0; i < state.size(); ++i) {
    const std::string number = std::to_string(i);
    const ny::Tensor& value = tensors.at("weight" + std::string(3 - number.size(), '0') + number);
    state[i].tensor.copy_from(value);
  }
  for (std::size_t i = 0; i < kBatches; ++i) {
    batches_[i].images = tensors.at("images" + std::to_string(i));
    batches_[i].labels = tensors.at("labels" + std::to_string(i));
  }
  return Json::object();
}

ny::Tensor Training::step(const ny::Batch& batch) {
  if (schedule_) optimizer_->set_rate_factor(schedule_(optimizer_->steps()));
  const ny::Tensor loss =
      ny::cross_entropy(net_(batch.images), batch.labels, {.label_smoothing = label_smoothing_});
  optimizer_->minimize(loss);
  return loss;
}

Json Training::losses(std::size_t count) {
  net_.train(true);
  Json values = Json::array();
  for (std::size_t i = 0; i < count; ++i) values.push_back(step(batches_[i]).item<double>());
  return {{"losses", values}};
}

Json Training::time(std::size_t steps) {
  net_.train(true);
  return seconds_of([&](std::size_t i) { step(batches_[i % kBatches]); }, steps);
}

Json Training::memory(std::size_t steps) {
  const programs::MemoryWatch watch{ny::Device()};
  time(steps);
  return {{"growth", watch.growth()}};
}

Json Training::data(const Json& command) {
  split_ = ny::cifar10(command.at("directory"));
  split_.train = split_.train.first(command.at("images"));
  loader_.emplace(
      split_.train,
      ny::LoaderOptions{
          .batch = batch_, .shuffle = true, .augment = ny::flip() | ny::pad_crop(4), .seed = seed_});
  epoch_ = 0;
  const auto epochs = command.at("epochs").get<std::int64_t>();
  const auto warmup = command.at("warmup").get<std::int64_t>();
  schedule_ =
      ny::schedule("cosine", {.steps = epochs * loader_->batches(), .warmup = warmup * loader_->batches()});
  return Json::object();
}

Json Training::epoch(std::int64_t steps) {
  net_.train(true);
  const Clock clock;
  double loss = 0;
  for (const ny::Batch& batch : loader_->epoch(epoch_++)) {
    loss = step(batch).item<double>();
    if (batch.number + 1 == steps) break;
  }
  Json answer = clock.both();
  answer["loss"] = loss;
  return answer;
}

Json Training::loading() {
  const Clock clock;
  for (const ny::Batch& batch : loader_->epoch(epoch_)) static_cast<void>(batch);
  return clock.both();
}

Json Training::evaluate() { return {{"accuracy", ny::evaluate(net_, split_.test).accuracy}}; }

Json Training::outputs() {
  const ny::NoGrad no_grad;
  const ny::Sequential folded = ny::fold(net_);
  return {{"outputs", folded(batches_[0].images).to_vector<float>()}};
}

Json Training::predict(std::size_t runs) {
  const ny::NoGrad no_grad;
  const ny::Sequential folded = ny::fold(net_);
  return seconds_of([&](std::size_t i) { folded(batches_[i % kBatches].images); }, runs);
}

Json Training::maps(const std::string& method, std::int64_t count) const {
  ny::Batch some;
  some.images = slice(batches_[0].images, 0, 0, count);
  some.labels = slice(batches_[0].labels, 0, 0, count);
  return {{"maps", maps_of(method, net_, some).to_vector<float>()}};
}

Json Training::time_maps(const std::string& method) const {
  return seconds_of([&](std::size_t) { maps_of(method, net_, batches_[0]); }, 1);
}

}  // namespace peer
