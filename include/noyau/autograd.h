#pragma once
/// \file
/// Reverse-mode differentiation on a tape of closures.

#include <any>
#include <functional>
#include <map>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

/// One gradient for each input of an op, in order; undefined where none flows.
using Grads = std::vector<Tensor>;
/// Gradients of an op's inputs from the gradient `dy` of its output `y`.
using Backward = std::function<Grads(const Tensor& dy, const Tensor& y)>;

/// What an op tells the tape about its backward; the defaults are always safe.
struct RecordOptions {
  /// The backward is made of noyau ops, so gradients of gradients flow through it; otherwise asking for them throws.
  bool differentiable = false;
  /// The backward reads `y`; when false, the tape does not keep the output's storage.
  bool reads_output = true;
  /// The backward reads inputs; when false, inputs may be overwritten before it runs.
  bool reads_inputs = true;
  /// The op's own options (Conv2dOptions, ...), for those who read the tape.
  std::any options = {};
};

/// Puts `y`, computed from `inputs`, on the tape under the op's `name` and returns it.
///
/// `backward(dy, y)` returns as many gradients as there are inputs; the tape checks count, shape, dtype and device.
/// Do not capture `y` in it: the tape hands it over. Nothing is recorded when no input requires a gradient or under
/// NoGrad. `name` must outlive the tape: use a string literal.
NOYAU_API Tensor record(const char* name, const Tensor& y, const std::vector<Tensor>& inputs,
                        Backward backward, RecordOptions options = {});

/// True when any of `inputs` requires a gradient and recording is on: an op saves for its backward only then.
NOYAU_API bool records(std::initializer_list<Tensor> inputs);

/// True when a running backward has to return the gradient of its input `x`; others it may leave undefined.
NOYAU_API bool wants_grad(const Tensor& x);

/// One op of the tape, as shown to a BackwardRule.
struct TapeEntry {
  std::string_view name;       ///< Op name.
  const std::any& options;     ///< RecordOptions::options.
  std::vector<Tensor> inputs;  ///< Inputs; undefined ones unless recorded under KeepTape.
  Tensor output;               ///< Output; undefined unless the backward reads it or recorded under KeepTape.
  const Backward& backward;    ///< The op's own backward.
};
/// Replaces the backward of an op.
using BackwardRule = std::function<Grads(const TapeEntry& entry, const Tensor& dy)>;
/// Rules by op name.
using BackwardRules = std::map<std::string, BackwardRule, std::less<>>;

/// What grad() may be told.
struct GradOptions {
  /// Gradient of the output; ones when undefined (then `out` must be a scalar).
  Tensor seed = {};
  bool create_graph = false;  ///< Put the backward pass itself on the tape, for gradients of gradients.
  const BackwardRules* rules = nullptr;  ///< Backwards to replace by op name.
};

/// d(sum(seed * out)) / d(each of `wrt`), leaves and intermediates alike; undefined where `out` does not depend on it.
///
/// Keeps the graph and touches no accumulated gradient. Throws when `out` has no tape, or it was freed by backward().
NOYAU_API std::vector<Tensor> grad(const Tensor& out, const std::vector<Tensor>& wrt,
                                   const GradOptions& options = {});

/// Adds d(loss)/d(leaf) to the gradient of every leaf, then frees the tape.
///
/// `seed` is the gradient of `loss`: ones when undefined (then `loss` must be a scalar). Throws when a tensor that a
/// backward reads was written since it was recorded, and on a tape that was freed already.
NOYAU_API void backward(const Tensor& loss, const Tensor& seed = {});

/// True unless a NoGrad is alive on this thread.
NOYAU_API bool grad_enabled();

/// Switches recording off on this thread while it lives.
class NOYAU_API NoGrad {
 public:
  NoGrad();   ///< Switches recording off.
  ~NoGrad();  ///< Restores what was before.
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// True while a KeepTape is alive on this thread.
NOYAU_API bool keeps_tape();

/// Makes ops recorded on this thread while it lives keep their inputs and output, for a BackwardRule to read.
class NOYAU_API KeepTape {
 public:
  KeepTape();   ///< Switches keeping on.
  ~KeepTape();  ///< Restores what was before.
  KeepTape(const KeepTape&) = delete;
  KeepTape& operator=(const KeepTape&) = delete;

 private:
  bool before_;
};

}  // namespace noyau::inline v0
