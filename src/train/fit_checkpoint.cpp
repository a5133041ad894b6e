#include "train/checkpoint.h"
#include "train/fit.h"

namespace noyau::inline v0 {
namespace {

constexpr const char* kFormat = "3";
constexpr const char* kEpochs = "fit.epochs";
constexpr const char* kBest = "best.";
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
  each("fit.loss_scale", p.loss_scale);
  each("fit.scaled_steps", p.scaled_steps);
  each("fit.best_epoch", p.best_epoch);
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

}  // namespace

void save_fit(const std::string& path, const FitMemory& memory) {
  TensorFile file = checkpoint_of({memory.module, memory.optimizer, memory.average});
  for (const NamedTensor& each : memory.progress.best)
    file.tensors.push_back({message(kBest, each.name), each.tensor});
  file.tensors.push_back({kEpochs, tensor_of(memory.progress.epochs)});
  file.metadata.emplace("fit.format", kFormat);
  for_each_number(memory.progress, [&](const char* name, const auto& value) {
    file.metadata[name] = text_of(static_cast<double>(value));
  });
  save_tensors(path, file);
}

void load_fit(const std::string& path, const FitMemory& memory) {
  const TensorFile file = load_tensors(path);
  const CheckpointReader reader(file, message("fit: ", path));
  NOYAU_CHECK(reader.text("fit.format") == kFormat, "fit: ", path, " is of another version of noyau");
  FitProgress& progress = memory.progress;
  for_each_number(progress, [&](const char* name, auto& value) {
    value = static_cast<std::remove_reference_t<decltype(value)>>(reader.number(name));
  });
  progress.epochs = epochs_of(reader.tensor(kEpochs));
  std::vector<NamedTensor> best;
  if (reader.has(message(kBest, memory.module.state().front().name))) {
    best = copies(memory.module.state());
    reader.check(best, kBest);
  }
  reader.restore({memory.module, memory.optimizer, memory.average});
  reader.copy_to(best, kBest);
  progress.best = std::move(best);
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
