#include "train/fit.h"

#include <cmath>
#include <utility>

#include "noyau/sequential.h"
#include "train/recorded_step.h"

namespace noyau::inline v0 {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

/// Restores a module's mode.
class ModeGuard {
 public:
  explicit ModeGuard(Module& module) : module_(module), before_(module.training()) {}
  ~ModeGuard() { module_.train(before_); }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  Module& module_;
  bool before_;
};

bool all_finite(const Tensor& x) {
  if (!is_floating(x.dtype())) return true;
  for (const double value : x.to(Dtype::f64).to_vector<double>())
    if (!std::isfinite(value)) return false;
  return true;
}

/// Path of the first parameter, or else of the first module whose output for `images`, that is not finite.
std::string first_not_finite(const Network& network, const Tensor& images) {
  const NoGrad no_grad;
  for (const NamedTensor& each : network.module().named_parameters())
    if (!all_finite(each.tensor)) return each.name;
  std::string first;
  const auto look = [&](const std::string& name, const Tensor& y) {
    if (first.empty() && !all_finite(y)) first = name;
  };
  detail::observe(
      network.module(), [&] { return network(images); }, look);
  return first;
}

void check_options(const FitOptions& o, const Dataset& train) {
  NOYAU_CHECK(!train.empty(), "fit: the training set is empty");
  NOYAU_CHECK(o.epochs >= 1, "fit: epochs is ", o.epochs, " but must be at least 1");
  NOYAU_CHECK(o.batch >= 1, "fit: batch is ", o.batch, " but must be at least 1");
  NOYAU_CHECK(o.label_smoothing >= 0 && o.label_smoothing < 1, "fit: label_smoothing is ", o.label_smoothing,
              " but must be in [0, 1)");
  NOYAU_CHECK(o.ema >= 0 && o.ema < 1, "fit: ema is ", o.ema, " but must be in [0, 1)");
  NOYAU_CHECK(o.precision == Precision::f32 || o.device.kind == Device::Kind::cuda, "fit: precision ",
              o.precision, " needs a CUDA device, not ", o.device, "; use precision f32");
  NOYAU_CHECK(!o.record || o.device.kind == Device::Kind::cuda, "fit: steps on ", o.device,
              " cannot be recorded; that needs a CUDA device");
  NOYAU_CHECK(!o.resume || !o.checkpoint.empty(), "fit: resume needs a checkpoint to go on from");
}

/// [1]: how many rows of `logits` are largest at their label.
Tensor count_right(const Tensor& logits, const Tensor& labels) {
  const Tensor ids = labels.dtype() == Dtype::i32 ? labels : argmax(labels, -1);
  return sum(equal_to(argmax(logits, -1), ids).to(Dtype::f64), {0}, true);
}

class Fit {
 public:
  Fit(const Network& network, const Dataset& train, const Dataset& validation, Optimizer& optimizer,
      const FitOptions& options)
      : network_(network),
        validation_(validation),
        optimizer_(optimizer),
        options_(options),
        loader_(train, {.batch = options.batch,
                        .shuffle = true,
                        .augment = options.augment,
                        .device = options.device,
                        .seed = options.seed}) {
    optimizer_.set_clipping({.norm = options_.clip});
    if (options_.ema > 0) average_.emplace(network_.module(), options_.ema);
    if (options_.resume) load_fit(options_.checkpoint, memory());
    if (options_.precision == Precision::f16)
      scaler_.emplace().restore(progress_.loss_scale, progress_.scaled_steps);
  }

  History run() {
    History history;
    history.ended = run_epochs();
    if (average_) average_->swap();
    const bool finished = history.ended == Ended::epochs || history.ended == Ended::patience;
    if (finished && !progress_.best.empty()) assign(network_.module().state(), progress_.best);
    history.epochs = progress_.epochs;
    history.best_epoch = progress_.best_epoch;
    return history;
  }

 private:
  Ended run_epochs() {
    while (static_cast<std::int64_t>(progress_.epochs.size()) < options_.epochs) {
      if (out_of_patience()) return Ended::patience;
      if (const Ended why = run_epoch(); why != Ended::epochs) return why;
    }
    return out_of_patience() ? Ended::patience : Ended::epochs;
  }

  bool out_of_patience() const {
    const auto done = static_cast<std::int64_t>(progress_.epochs.size());
    return options_.patience > 0 && progress_.best_epoch > 0 &&
           done - progress_.best_epoch >= options_.patience;
  }

  /// Ended::epochs when the epoch is complete.
  Ended run_epoch() {
    network_.module().train(true);
    const Stopwatch clock;
    const double seconds_before = progress_.seconds;
    const auto number = static_cast<std::int64_t>(progress_.epochs.size());
    for (const Batch& batch : loader_.epoch(number, progress_.batches)) {
      const Ended why = should_end();
      if (why != Ended::epochs) {
        save();
        return why;
      }
      step(batch);
      progress_.seconds = seconds_before + clock.seconds();
    }
    finish_epoch();
    return Ended::epochs;
  }

  Ended should_end() const {
    if (options_.stop && options_.stop()) return Ended::stopped;
    return options_.budget > 0 && run_clock_.seconds() >= options_.budget ? Ended::budget : Ended::epochs;
  }

  void step(const Batch& batch) {
    if (options_.schedule) optimizer_.set_rate_factor(options_.schedule(progress_.steps));
    optimizer_.zero_grad();
    const double value = learn(batch);
    const std::int64_t count = batch.images.dim(0);
    update();
    if (average_) average_->update();
    progress_.loss_sum += value * static_cast<double>(count);
    progress_.images += count;
    ++progress_.steps;
    ++progress_.batches;
    if (!options_.on_batch_end) return;
    options_.on_batch_end({.epoch = static_cast<std::int64_t>(progress_.epochs.size()) + 1,
                           .batch = progress_.batches,
                           .batches = loader_.batches(),
                           .step = progress_.steps,
                           .loss = value,
                           .rate_factor = optimizer_.rate_factor()});
  }

  // Leaves the gradients of the batch in the parameters and returns its loss. That is read last, so that a device has
  // the gradients to compute while the CPU waits for it, and before the parameters change, so that a loss that is not
  // finite can be traced to a layer.
  double learn(const Batch& batch) {
    const Tensor result = replays(batch) ? recorded_->run(batch) : pass(batch.images, batch.labels);
    const Tensor read = result.to(Device());
    const double value = read.data<double>()[0];
    if (!std::isfinite(value)) diverge(value, batch);
    progress_.right += static_cast<std::int64_t>(read.data<double>()[1]);
    return value;
  }

  // Forward and backward: [2], the loss and how many predictions are right.
  Tensor pass(const Tensor& images, const Tensor& labels) {
    const Autocast products(options_.precision);
    const Tensor logits = in_f32(network_(images));
    const Tensor loss = loss_of(logits, labels);
    const Tensor right = count_right(logits.detach(), labels);
    backward(scaler_ ? scaler_->scaled(loss) : loss);
    return concat({reshape(loss.detach(), {1}).to(Dtype::f64), right}, 0);
  }

  // Whether a recording serves the batch. One is made for whole batches, at the second: the first loads the kernels.
  bool replays(const Batch& batch) {
    if (!options_.record || batch.images.dim(0) != options_.batch) return false;
    const double scale = scaler_ ? scaler_->scale() : 1;
    if (recorded_ && recorded_->suits(batch) && scale == recorded_scale_) return true;
    if (!std::exchange(loaded_, true)) return false;
    recorded_scale_ = scale;
    recorded_.emplace(optimizer_.parameters(), batch,
                      [this](const Tensor& images, const Tensor& labels) { return pass(images, labels); });
    return true;
  }

  void update() {
    if (!scaler_) return optimizer_.step();
    scaler_->step(optimizer_);
    progress_.loss_scale = scaler_->scale();
    progress_.scaled_steps = scaler_->steps();
  }

  Tensor loss_of(const Tensor& logits, const Tensor& targets) const {
    if (options_.loss) return options_.loss(logits, targets);
    return cross_entropy(logits, targets, {.label_smoothing = options_.label_smoothing});
  }

  [[noreturn]] void diverge(double loss, const Batch& batch) {
    const std::string layer = first_not_finite(network_, batch.images);
    std::string text = message("fit: the loss is ", loss, " at step ", progress_.steps + 1);
    if (!layer.empty()) text += "; the first value that is not finite is in " + layer;
    text += "; a lower learning rate, warm-up or clipping helps";
    if (!options_.checkpoint.empty() && !progress_.epochs.empty())
      text += "; the last good checkpoint is " + options_.checkpoint;
    throw Diverged(text, progress_.steps + 1, layer);
  }

  void finish_epoch() {
    EpochReport report;
    report.epoch = static_cast<std::int64_t>(progress_.epochs.size()) + 1;
    report.step = progress_.steps;
    report.train_loss = progress_.loss_sum / static_cast<double>(progress_.images);
    report.train_accuracy = static_cast<double>(progress_.right) / static_cast<double>(progress_.images);
    report.rate_factor = optimizer_.rate_factor();
    report.seconds = progress_.seconds;

    if (average_) average_->swap();
    validate(report);
    progress_.epochs.push_back(report);
    progress_.start_epoch();
    if (options_.on_epoch_end) options_.on_epoch_end(report);
    if (average_) average_->swap();
    save();
  }

  void validate(EpochReport& report) {
    report.validation_loss = report.validation_accuracy = kNothing;
    if (validation_.empty()) return;
    const Autocast products(options_.precision);
    const Evaluation result = evaluate(network_, validation_, {.device = options_.device});
    report.validation_loss = result.loss;
    report.validation_accuracy = result.accuracy;
    if (std::isnan(result.loss) || (progress_.best_epoch > 0 && result.loss >= progress_.best_loss)) return;
    progress_.best_loss = result.loss;
    progress_.best_epoch = report.epoch;
    report.best = true;
    if (options_.restore_best) progress_.best = copies(network_.module().state());
  }

  FitMemory memory() { return {network_.module(), optimizer_, average_ ? &*average_ : nullptr, progress_}; }

  void save() {
    if (!options_.checkpoint.empty()) save_fit(options_.checkpoint, memory());
  }

  Network network_;
  const Dataset& validation_;
  Optimizer& optimizer_;
  const FitOptions& options_;
  Loader loader_;
  Stopwatch run_clock_;
  std::optional<Ema> average_;
  std::optional<LossScaler> scaler_;
  std::optional<RecordedStep> recorded_;
  double recorded_scale_ = 1;  // of the loss
  bool loaded_ = false;        // the kernels of a whole batch
  FitProgress progress_;
};

}  // namespace

History fit(const Network& network, const Dataset& train, const Dataset& validation, Optimizer& optimizer,
            const FitOptions& options) {
  check_options(options, train);
  const ModeGuard mode(network.module());
  return Fit(network, train, validation, optimizer, options).run();
}

}  // namespace noyau::inline v0
