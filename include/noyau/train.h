#pragma once
/// \file
/// Training loops: fit() learns from a data set, evaluate() measures on one, predict() gives the outputs.

#include <limits>
#include <map>

#include "noyau/data.h"
#include "noyau/loss.h"
#include "noyau/metrics.h"
#include "noyau/module.h"
#include "noyau/optim.h"
#include "noyau/precision.h"
#include "noyau/schedule.h"

namespace noyau::inline v0 {

/// A module and how to call it; made from anything with visit() and operator()(Tensor), which must outlive it.
class Network {
 public:
  /// Refers to `model`.
  template <class M>
  requires(!std::is_same_v<std::remove_cv_t<M>, Network>) Network(M& model)
      : module_(&model), call_([&model](const Tensor& x) -> Tensor { return model(x); }) {}

  /// The model's output for `x`.
  Tensor operator()(const Tensor& x) const { return call_(x); }
  /// The model as a module.
  Module& module() const { return *module_; }

 private:
  Module* module_;
  std::function<Tensor(const Tensor& x)> call_;
};

/// Views of an image whose class probabilities are averaged (test-time augmentation).
enum class Views : std::uint8_t {
  one,         ///< The image.
  flip,        ///< It and its mirror image.
  flip_shift,  ///< These two at weight 1/4, and both shifted one pixel up-left and down-right at weight 1/8 each.
};
/// Names of all views.
NOYAU_API const std::vector<std::string>& view_names();
/// The views of that name; throws, with the nearest, on an unknown one.
NOYAU_API Views views_named(std::string_view name);

/// Asked after every step or batch: true ends the work. From a std::stop_token: `[t] { return t.stop_requested(); }`.
using StopRequested = std::function<bool()>;

/// How predict() and evaluate() go about it.
struct PredictOptions {
  std::int64_t batch = 250;  ///< Images at a time; no result depends on it.
  Views views = Views::one;  ///< Averaged views of each image.
  Device device = {};        ///< Where the model is.
  StopRequested stop = {};   ///< Throws Stopped when true.
};

/// Thrown by what is asked to stop before it has a result.
class NOYAU_API Stopped : public Error {
 public:
  Stopped() : Error("stopped on request") {}  ///< Says so.
};

/// Outputs f32 [n, classes] of `network` in evaluation mode for all images, in order, off the tape, on the CPU; its mode is
/// restored after. With several views they are logarithms of averaged probabilities, which are logits as well.
NOYAU_API Tensor predict(const Network& network, const Dataset& dataset, const PredictOptions& options = {});

/// How good a network is on a data set.
struct Evaluation {
  double loss = std::numeric_limits<double>::quiet_NaN();  ///< Cross-entropy with the labels, mean, in nats.
  double accuracy =
      std::numeric_limits<double>::quiet_NaN();  ///< Share of images whose class has the largest output.
  double top5 =
      std::numeric_limits<double>::quiet_NaN();  ///< Share of images whose class is among the largest five.
  std::int64_t count = 0;                        ///< Number of images.
  Tensor logits = {};                            ///< What predict() returned, [n, classes].
};
/// Measures predict() against the labels; all NaN when an output is not finite.
NOYAU_API Evaluation evaluate(const Network& network, const Dataset& dataset,
                              const PredictOptions& options = {});
/// Measures logits [n, classes] against class ids i32 [n].
NOYAU_API Evaluation evaluate(const Tensor& logits, const Tensor& labels);

/// A step of fit(), for FitOptions::on_batch_end.
struct BatchReport {
  std::int64_t epoch = 0;    ///< From 1.
  std::int64_t batch = 0;    ///< Batches of this epoch done, from 1.
  std::int64_t batches = 0;  ///< Batches in an epoch.
  std::int64_t step = 0;     ///< Steps done since training began, from 1.
  double loss = 0;           ///< Loss of this batch.
  double rate_factor = 1;    ///< Factor of the schedule on the learning rate of this step.
};

/// An epoch of fit().
struct EpochReport {
  std::int64_t epoch = 0;  ///< From 1.
  std::int64_t step = 0;   ///< Steps done since training began.
  double train_loss =
      0;  ///< Mean of what was minimised, measured on the augmented batches as they were learnt.
  double train_accuracy = 0;       ///< Share of those images predicted right before they were learnt.
  double validation_loss = 0;      ///< Evaluation::loss on the validation set; NaN without one.
  double validation_accuracy = 0;  ///< Evaluation::accuracy on the validation set; NaN without one.
  double rate_factor = 1;          ///< Factor of the schedule on the learning rate of the last step.
  double seconds = 0;              ///< Wall time of training, without validation.
  bool best = false;               ///< Has the lowest validation loss so far.
};

/// Why fit() returned.
enum class Ended : std::uint8_t {
  epochs,    ///< All epochs are done.
  patience,  ///< The validation loss did not improve any more.
  budget,    ///< The time is up.
  stopped,   ///< The stop token asked for it.
};

/// What fit() did.
struct History {
  std::vector<EpochReport> epochs = {};  ///< One per finished epoch, also those before a resumed one.
  std::int64_t best_epoch = 0;           ///< Of the lowest validation loss, from 1; 0 without one.
  Ended ended = Ended::epochs;           ///< Why it returned.
};

/// Thrown by fit() when the loss becomes infinite or NaN.
class NOYAU_API Diverged : public Error {
 public:
  /// "fit: the loss is nan at step 12; conv2d_1 was the first layer ..."
  Diverged(const std::string& text, std::int64_t at_step, std::string in_layer)
      : Error(text), step(at_step), layer(std::move(in_layer)) {}

  std::int64_t step;  ///< The step, from 1.
  std::string
      layer;  ///< Path of the first module or parameter with a value that is not finite; "" if there is none.
};

/// Options of fit().
struct FitOptions {
  std::int64_t epochs = 10;    ///< Passes over the training set.
  std::int64_t batch = 64;     ///< Images in a step.
  Augment augment = {};        ///< What happens to training images.
  std::uint64_t seed = 0;      ///< Decides order and augmentation.
  Device device = {};          ///< Where the model is.
  Schedule schedule = {};      ///< Learning rate by step; the optimizer's own rate where empty.
  double label_smoothing = 0;  ///< Of the cross-entropy, in [0, 1).
  double clip = 0;             ///< Largest norm of all gradients together; 0: no limit.
  double ema = 0;  ///< Decay per step of averaged weights, which are validated and left in the model; 0: off.
  std::int64_t patience = 0;  ///< Epochs without a lower validation loss after which to end; 0: never.
  bool restore_best = false;  ///< Leave the weights of the lowest validation loss in the model, not the last.
  double budget = 0;          ///< Seconds of training after which to end, checkpoint written; 0: no limit.
  StopRequested stop = {};    ///< Ends training after the step under way, checkpoint written, when true.
  std::string checkpoint = {};  ///< File written after each epoch and on stopping; none where empty.
  bool resume = false;          ///< Go on from `checkpoint`, bit for bit as if training had never stopped.
  /// What products compute in, in training and validation (see Autocast); f16 has its loss scaled by a LossScaler. All but
  /// f32 need a CUDA device.
  Precision precision = Precision::f32;
  /// Record the forward and backward pass of whole batches as a CUDA graph and replay it (see Recording): the same bits, with
  /// less for the CPU to ask for. Needs a CUDA device, and a loss and layers that read no values on the CPU.
  bool record = false;
  /// Scalar to minimise from logits and targets; the cross-entropy where empty.
  std::function<Tensor(const Tensor& logits, const Tensor& targets)> loss = {};
  std::function<void(const BatchReport& report)> on_batch_end = {};  ///< Called after each step.
  /// Called after each epoch, the validated weights in the model, before its checkpoint is written.
  std::function<void(const EpochReport& report)> on_epoch_end = {};
};

/// What save_checkpoint() keeps besides network, optimizer and generator.
struct CheckpointExtras {
  Ema* average = nullptr;                      ///< Averaged weights, where there are some.
  std::map<std::string, double> numbers = {};  ///< Numbers of the loop: step, epoch, best loss.
};
/// For training loops of one's own: writes the parameters and buffers of `module`, the state of `optimizer` and this
/// thread's generator to a file, whole or not at all, so that a loop that loads it goes on bit for bit as if it had never
/// stopped. A schedule needs no more than its step, one of `extras.numbers`. fit() writes its own.
NOYAU_API void save_checkpoint(const std::string& path, Module& module, Optimizer& optimizer,
                               const CheckpointExtras& extras = {});
/// Restores what save_checkpoint() wrote into a network, an optimizer and, where one was saved, an average that were made
/// the same way, and returns the numbers. Throws, changing nothing of `module`, when file and network do not fit.
NOYAU_API std::map<std::string, double> load_checkpoint(const std::string& path, Module& module,
                                                        Optimizer& optimizer, Ema* average = nullptr);

/// Trains `network` and returns what happened; it is in training mode meanwhile and in its own mode after.
///
/// The result depends on the options, the weights and noyau::seed() alone, not on threads or on being stopped and
/// resumed. Throws Diverged, naming step, layer and checkpoint, when the loss is not finite.
NOYAU_API History fit(const Network& network, const Dataset& train, const Dataset& validation,
                      Optimizer& optimizer, const FitOptions& options = {});

}  // namespace noyau::inline v0
