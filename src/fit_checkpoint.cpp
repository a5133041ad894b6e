#include <cstdio>
#include <cstdlib>
#include <map>

#include "fit.h"
#include "noyau/serialize.h"

namespace noyau::inline v0 {
namespace {

using Metadata = std::map<std::string, std::string>;
constexpr const char* kFormat = "1";
constexpr std::int64_t kColumns = 9;  // of the tensor that holds the epochs

// Calls each(name, number) for every number of `p`, so that writing and reading cannot differ.
template <class Progress, class Each>
void for_each_number(Progress& p, Each&& each) {
  each("fit.steps", p.steps);
  each("fit.batches", p.batches);
  each("fit.images", p.images);
  each("fit.right", p.right);
  each("fit.loss_sum", p.loss_sum);
  each("fit.seconds", p.seconds);
  each("fit.best_loss", p.best_loss);
  each("fit.best_epoch", p.best_epoch);
}

std::string text_of(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

const std::string& entry(const Metadata& metadata, const std::string& name, const std::string& path) {
  const auto found = metadata.find(name);
  NOYAU_CHECK(found != metadata.end(), "fit: ", path, " is no checkpoint of fit() (", name, " is missing)");
  return found->second;
}

Tensor tensor_of(const std::vector<EpochReport>& epochs) {
  const Tensor table = empty({static_cast<std::int64_t>(epochs.size()), kColumns}, {.dtype = Dtype::f64});
  double* v = table.mutable_data<double>();
  for (const EpochReport& e : epochs) {
    for (const double value :
         {static_cast<double>(e.epoch), static_cast<double>(e.step), e.train_loss, e.train_accuracy,
          e.validation_loss, e.validation_accuracy, e.rate_factor, e.seconds, e.best ? 1.0 : 0.0})
      *v++ = value;
  }
  return table;
}

std::vector<EpochReport> epochs_of(const Tensor& table) {
  std::vector<EpochReport> epochs;
  for (std::int64_t i = 0; i < table.dim(0); ++i) {
    const double* v = table.data<double>() + i * kColumns;
    epochs.push_back({.epoch = static_cast<std::int64_t>(v[0]),
                      .step = static_cast<std::int64_t>(v[1]),
                      .train_loss = v[2],
                      .train_accuracy = v[3],
                      .validation_loss = v[4],
                      .validation_accuracy = v[5],
                      .rate_factor = v[6],
                      .seconds = v[7],
                      .best = v[8] != 0});
  }
  return epochs;
}

// Everything of tensors that a checkpoint holds, by name; the tensors are those in use.
std::vector<NamedTensor> tensors_of(const FitMemory& memory) {
  std::vector<NamedTensor> all;
  const auto add = [&](const char* prefix, const std::vector<NamedTensor>& tensors) {
    for (const NamedTensor& each : tensors) all.push_back({prefix + each.name, each.tensor});
  };
  add("model.", memory.module.state());
  if (memory.average != nullptr) add("average.", memory.average->averages());
  add("best.", memory.progress.best);
  return all;
}

std::string path_of(const std::vector<NamedTensor>& parameters, const Tensor& parameter) {
  for (const NamedTensor& each : parameters)
    if (each.tensor.impl() == parameter.impl()) return each.name;
  fail("fit: the optimizer has a parameter that is none of the network's");
}

using TensorsByName = std::map<std::string, Tensor>;

void restore_optimizer(const FitMemory& memory, const TensorsByName& tensors) {
  const std::vector<NamedTensor> parameters = memory.module.named_parameters();
  constexpr std::string_view kPrefix = "optimizer.";
  for (const auto& [name, value] : tensors) {
    if (!name.starts_with(kPrefix)) continue;
    const std::size_t end = name.find('.', kPrefix.size());
    const std::string which = name.substr(kPrefix.size(), end - kPrefix.size()), path = name.substr(end + 1);
    for (const NamedTensor& each : parameters)
      if (each.name == path) memory.optimizer.set_state({which, each.tensor, value});
  }
}

void restore_tensors(const FitMemory& memory, const TensorsByName& tensors, const std::string& path) {
  for (const NamedTensor& each : tensors_of(memory)) {
    const auto found = tensors.find(each.name);
    NOYAU_CHECK(found != tensors.end(), "fit: ", path, " has no ", each.name,
                "; it is of another network or other options");
    NOYAU_CHECK(found->second.shape() == each.tensor.shape(), "fit: ", path, " has ", each.name, " ",
                found->second.shape(), " but the network has ", each.tensor.shape());
    each.tensor.copy_from(found->second);
  }
}

}  // namespace

void save_fit(const std::string& path, const FitMemory& memory) {
  std::vector<NamedTensor> tensors = tensors_of(memory);
  const std::vector<NamedTensor> parameters = memory.module.named_parameters();
  for (const Optimizer::State& state : memory.optimizer.state())
    tensors.push_back(
        {message("optimizer.", state.name, ".", path_of(parameters, state.parameter)), state.value});
  tensors.push_back({"fit.epochs", tensor_of(memory.progress.epochs)});

  Metadata metadata{{"fit.format", kFormat},
                    {"fit.optimizer_steps", message(memory.optimizer.steps())},
                    {"fit.generator_seed", message(default_generator().seed())},
                    {"fit.generator_offset", message(default_generator().offset())}};
  for_each_number(memory.progress, [&](const char* name, const auto& value) {
    metadata[name] = text_of(static_cast<double>(value));
  });
  save_tensors(path, {tensors, metadata});
}

void load_fit(const std::string& path, const FitMemory& memory) {
  const TensorFile file = load_tensors(path);
  NOYAU_CHECK(entry(file.metadata, "fit.format", path) == kFormat, "fit: ", path,
              " is of another version of noyau");
  TensorsByName tensors;
  for (const NamedTensor& each : file.tensors) tensors[each.name] = each.tensor;
  NOYAU_CHECK(tensors.contains("fit.epochs"), "fit: ", path,
              " is no checkpoint of fit() (fit.epochs is missing)");

  FitProgress& progress = memory.progress;
  for_each_number(progress, [&](const char* name, auto& value) {
    value = static_cast<std::remove_reference_t<decltype(value)>>(
        std::strtod(entry(file.metadata, name, path).c_str(), nullptr));
  });
  progress.epochs = epochs_of(tensors["fit.epochs"]);
  if (tensors.contains("best." + memory.module.state().front().name))
    progress.best = copies(memory.module.state());
  restore_tensors(memory, tensors, path);
  restore_optimizer(memory, tensors);
  const auto whole = [&](const char* name) {
    return std::strtoull(entry(file.metadata, name, path).c_str(), nullptr, 10);
  };
  memory.optimizer.set_steps(static_cast<std::int64_t>(whole("fit.optimizer_steps")));
  default_generator() = Generator(whole("fit.generator_seed"), whole("fit.generator_offset"));
}

std::vector<NamedTensor> copies(const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> result;
  result.reserve(tensors.size());
  for (const NamedTensor& each : tensors) result.push_back({each.name, each.tensor.clone()});
  return result;
}

void assign(const std::vector<NamedTensor>& to, const std::vector<NamedTensor>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i].tensor.copy_from(from[i].tensor);
}

}  // namespace noyau::inline v0
