#pragma once
/// \file
/// Mixed precision on CUDA devices: products on tensor cores, weights, statistics and losses in f32.
///
/// \code
/// LossScaler scaler;
/// for (const Batch& batch : loader.epoch(epoch)) {
///   sgd.zero_grad();
///   {
///     const Autocast products(Precision::f16);
///     backward(scaler.scaled(cross_entropy(net(batch.images), batch.labels)));
///   }
///   scaler.step(sgd);
/// }
/// \endcode

#include "noyau/tensor.h"

namespace noyau::inline v0 {

class Optimizer;

/// What convolutions and matrix products of f32 tensors compute in; sums are f32.
enum class Precision : std::uint8_t {
  f32,   ///< f32 (24 significant bits).
  tf32,  ///< Operands are rounded to 11 significant bits inside the product; tensors stay f32.
  f16,   ///< Operands, and so activations and their gradients, are f16: 11 significant bits, at most 65504.
  bf16,  ///< Operands, and so activations and their gradients, are bf16: 8 significant bits, the range of f32.
};
/// "f32", "tf32", "f16", "bf16".
NOYAU_API const std::vector<std::string>& precision_names();
/// The precision of that name; throws, with the nearest, on an unknown one.
NOYAU_API Precision precision_named(std::string_view name);
/// Appends the precision's name.
NOYAU_API void append(std::string& text, Precision precision);

/// While it lives, conv2d(), conv2d_transpose(), matmul() and dense() on this thread convert f32 operands to its precision.
///
/// Everything else keeps to the dtype of its operands: batch norm of f16 has f32 parameters and statistics, softmax and
/// cross-entropy convert f16 and bf16 to f32. Keep it until backward() has returned. Optimizers step in f32.
/// Products on the CPU throw under any precision but f32. Guards nest; the innermost counts.
class NOYAU_API Autocast {
 public:
  /// Sets the precision of this thread.
  explicit Autocast(Precision precision);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

  /// The precision of this thread; f32 without a guard.
  static Precision precision();

 private:
  Precision before_;
};

/// Options of LossScaler; the defaults are those of PyTorch's GradScaler.
struct LossScalerOptions {
  double scale = 65536;          ///< Factor of the loss at first.
  double growth = 2;             ///< Factor of the scale after `interval` steps in a row; above 1.
  double backoff = 0.5;          ///< Factor of the scale after a step that was left out; in (0, 1).
  std::int64_t interval = 2000;  ///< Steps in a row after which the scale grows.
};
/// Keeps gradients in the range of f16: the loss is multiplied by a scale as large as overflow allows (arXiv 1710.03740).
class NOYAU_API LossScaler {
 public:
  /// Throws on options out of range.
  explicit LossScaler(const LossScalerOptions& options = {});

  /// loss * scale(), for backward().
  Tensor scaled(const Tensor& loss) const;
  /// Divides the gradients by scale() and lets `optimizer` step. Where a gradient is infinite or NaN it does neither, and
  /// lowers the scale. Returns whether the step was taken; waits for the device.
  bool step(Optimizer& optimizer);

  /// The factor of the loss.
  double scale() const { return scale_; }
  /// Steps taken since the scale last changed.
  std::int64_t steps() const { return steps_; }
  /// Restores scale() and steps(), from a checkpoint.
  void restore(double scale, std::int64_t steps);

 private:
  LossScalerOptions options_;
  double scale_;
  std::int64_t steps_ = 0;
};

}  // namespace noyau::inline v0
