#include "train/checkpoint.h"

#include <cstdio>
#include <cstdlib>

namespace noyau::inline v0 {
namespace {

const std::string kModel = "model.", kAverage = "average.", kOptimizer = "optimizer.", kNumber = "number.";

std::string path_of(const std::vector<NamedTensor>& parameters, const Tensor& parameter) {
  for (const NamedTensor& each : parameters)
    if (each.tensor.impl() == parameter.impl()) return each.name;
  fail("checkpoint: the optimizer has a parameter that is none of the network's");
}

void add(TensorFile& file, const std::string& prefix, const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& each : tensors) file.tensors.push_back({prefix + each.name, each.tensor});
}

}  // namespace

std::string text_of(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

TensorFile checkpoint_of(const TrainingState& state) {
  TensorFile file;
  add(file, kModel, state.module.state());
  if (state.average != nullptr) add(file, kAverage, state.average->averages());
  const std::vector<NamedTensor> parameters = state.module.named_parameters();
  for (const Optimizer::State& each : state.optimizer.state())
    file.tensors.push_back(
        {message(kOptimizer, each.name, ".", path_of(parameters, each.parameter)), each.value});
  file.metadata = {{"optimizer_steps", message(state.optimizer.steps())},
                   {"generator_seed", message(default_generator().seed())},
                   {"generator_offset", message(default_generator().offset())}};
  return file;
}

CheckpointReader::CheckpointReader(const TensorFile& file, std::string where)
    : file_(file), where_(std::move(where)) {
  for (const NamedTensor& each : file.tensors) tensors_[each.name] = each.tensor;
}

const Tensor& CheckpointReader::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  NOYAU_CHECK(found != tensors_.end(), where_, " is no checkpoint (", name, " is missing)");
  return found->second;
}

const std::string& CheckpointReader::text(const std::string& name) const {
  const auto found = file_.metadata.find(name);
  NOYAU_CHECK(found != file_.metadata.end(), where_, " is no checkpoint (", name, " is missing)");
  return found->second;
}

double CheckpointReader::number(const std::string& name) const {
  return std::strtod(text(name).c_str(), nullptr);
}

std::uint64_t CheckpointReader::whole(const std::string& name) const {
  return std::strtoull(text(name).c_str(), nullptr, 10);
}

void CheckpointReader::check(const std::vector<NamedTensor>& wanted, const std::string& prefix) const {
  for (const NamedTensor& each : wanted) {
    const auto found = tensors_.find(prefix + each.name);
    NOYAU_CHECK(found != tensors_.end(), where_, " has no ", prefix, each.name,
                "; it is of another network or other options");
    NOYAU_CHECK(found->second.shape() == each.tensor.shape(), where_, " has ", prefix, each.name, " ",
                found->second.shape(), " but the network has ", each.tensor.shape());
  }
}

void CheckpointReader::copy_to(const std::vector<NamedTensor>& tensors, const std::string& prefix) const {
  for (const NamedTensor& each : tensors) each.tensor.copy_from(tensors_.at(prefix + each.name));
}

void CheckpointReader::restore_optimizer(const TrainingState& state) const {
  const std::vector<NamedTensor> parameters = state.module.named_parameters();
  for (const auto& [name, value] : tensors_) {
    if (!name.starts_with(kOptimizer)) continue;
    const std::size_t end = std::min(name.find('.', kOptimizer.size()), name.size() - 1);
    const std::string which = name.substr(kOptimizer.size(), end - kOptimizer.size());
    for (const NamedTensor& each : parameters)
      if (each.name == name.substr(end + 1)) state.optimizer.set_state({which, each.tensor, value});
  }
}

void CheckpointReader::restore(const TrainingState& state) const {
  const std::vector<NamedTensor> model = state.module.state();
  const auto average = state.average == nullptr ? std::vector<NamedTensor>() : state.average->averages();
  check(model, kModel);
  check(average, kAverage);
  const auto steps = static_cast<std::int64_t>(whole("optimizer_steps"));
  const Generator generator(whole("generator_seed"), whole("generator_offset"));
  restore_optimizer(state);
  copy_to(model, kModel);
  copy_to(average, kAverage);
  state.optimizer.set_steps(steps);
  default_generator() = generator;
}

void save_checkpoint(const std::string& path, Module& module, Optimizer& optimizer,
                     const CheckpointExtras& extras) {
  TensorFile file = checkpoint_of({module, optimizer, extras.average});
  for (const auto& [name, value] : extras.numbers) file.metadata[kNumber + name] = text_of(value);
  save_tensors(path, file);
}

std::map<std::string, double> load_checkpoint(const std::string& path, Module& module, Optimizer& optimizer,
                                              Ema* average) {
  const TensorFile file = load_tensors(path);
  CheckpointReader(file, message("load_checkpoint: ", path)).restore({module, optimizer, average});
  std::map<std::string, double> numbers;
  for (const auto& [name, text] : file.metadata)
    if (name.starts_with(kNumber)) numbers[name.substr(kNumber.size())] = std::strtod(text.c_str(), nullptr);
  return numbers;
}

}  // namespace noyau::inline v0
