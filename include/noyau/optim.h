#pragma once
/// \file
/// Optimizers. Their rules are PyTorch's, so that a recipe means the same here; where one departs, it says so.

#include <optional>

#include "noyau/module.h"

namespace noyau::inline v0 {

template <class Step>
class StepBatch;  // src/optim/optimizer_updates.h
struct SgdStep;
struct AdamStep;
struct RmsPropStep;

/// Parameters that share settings of their own.
struct ParameterGroup {
  std::vector<Tensor> parameters;           ///< Tensors that require gradients; others are passed over.
  std::optional<double> rate = {};          ///< Learning rate; the optimizer's when absent.
  std::optional<double> weight_decay = {};  ///< Weight decay; the optimizer's when absent.
};

/// Limits on gradients, applied together to all parameters before each step; 0 means none.
struct Clipping {
  double norm = 0;   ///< Largest 2-norm of all gradients taken as one vector.
  double value = 0;  ///< Largest size of an element.
};
/// Scales the gradients of `parameters` so that their common 2-norm is at most `largest`; returns the norm before.
NOYAU_API double clip_grad_norm(const std::vector<Tensor>& parameters, double largest);
/// Limits each element of the gradients of `parameters` to [-largest, largest].
NOYAU_API void clip_grad_value(const std::vector<Tensor>& parameters, double largest);

/// Base of all optimizers: steps that change parameters in place by their gradients.
class NOYAU_API Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// zero_grad(), backward(loss), step().
  void minimize(const Tensor& loss);
  /// Clears all gradients.
  void zero_grad() const;
  /// Changes every parameter that has a gradient.
  void step();

  /// Steps taken.
  std::int64_t steps() const { return steps_; }
  /// Factor on the learning rates of all groups, for schedules; at first 1.
  double rate_factor() const { return rate_factor_; }
  /// Sets rate_factor().
  void set_rate_factor(double factor) { rate_factor_ = factor; }
  /// Sets the limits on gradients.
  void set_clipping(const Clipping& clipping);
  /// All parameters, group after group.
  std::vector<Tensor> parameters() const;

  /// A tensor of the optimizer's memory.
  struct State {
    std::string name;  ///< Which: "velocity", "first_moment", ..., or "steps" (f64 []).
    Tensor parameter;  ///< The parameter it belongs to.
    Tensor value;      ///< Of the parameter's shape, or the number of steps it took.
  };
  /// The memory of all parameters that took a step; with steps(), what a checkpoint needs.
  std::vector<State> state() const;
  /// Restores one tensor of the memory; throws on an unknown name or parameter, or a shape that differs.
  void set_state(const State& state);
  /// Restores steps().
  void set_steps(std::int64_t count) { steps_ = count; }

 protected:
  /// A parameter with all a rule needs.
  struct Slot {
    Tensor parameter;     ///< Written in place.
    double rate;          ///< Learning rate of its group, without the factor.
    double weight_decay;  ///< Weight decay of its group.
    std::vector<Tensor> memory =
        {};                  ///< One for each name given to the constructor; zeros before the first step.
    std::int64_t steps = 0;  ///< Steps this parameter took before.
  };

  /// Takes the parameters; throws when there is none, or one is given twice.
  Optimizer(const std::vector<ParameterGroup>& groups, double rate, double weight_decay,
            std::vector<std::string> memory_names);
  /// Changes one parameter that has a gradient, at the learning rate `rate`.
  virtual void update(Slot& slot, const Tensor& grad, double rate) = 0;
  /// Runs what update() put off, after all parameters of a step.
  virtual void finish_updates() {}

 private:
  std::vector<std::string> memory_names_;
  std::vector<Slot> slots_;
  Clipping clipping_;
  double rate_factor_ = 1;
  std::int64_t steps_ = 0;
};

/// How weight decay acts.
enum class Decay : std::uint8_t {
  coupled,    ///< weight_decay * parameter is added to the gradient (L2 regularisation).
  decoupled,  ///< The parameter is first multiplied by 1 - rate * weight_decay (arXiv 1711.05101).
};

/// Options of Sgd.
struct SgdOptions {
  double rate = 0.01;            ///< Learning rate.
  double momentum = 0;           ///< Share of the old velocity that is kept.
  double dampening = 0;          ///< Share of the gradient that is not added to the velocity.
  bool nesterov = false;         ///< Looks ahead by one momentum step; needs momentum and no dampening.
  double weight_decay = 0;       ///< Weight decay.
  Decay decay = Decay::coupled;  ///< How it acts.
};
/// Stochastic gradient descent: v = momentum v + (1 - dampening) g (at first v = g); p -= rate v.
class NOYAU_API Sgd : public Optimizer {
 public:
  /// Throws on options out of range.
  explicit Sgd(const std::vector<Tensor>& parameters, const SgdOptions& options = {});
  /// \copydoc Sgd(const std::vector<Tensor>&, const SgdOptions&)
  explicit Sgd(const std::vector<ParameterGroup>& groups, const SgdOptions& options = {});

 protected:
  /// An Sgd that has a velocity also without momentum.
  Sgd(const std::vector<ParameterGroup>& groups, const SgdOptions& options, bool with_velocity);
  void update(Slot& slot, const Tensor& grad, double rate) override;
  void finish_updates() override;

 private:
  SgdOptions options_;
  std::shared_ptr<StepBatch<SgdStep>> batch_;
};

/// Options of Adam.
struct AdamOptions {
  double rate = 1e-3;            ///< Learning rate.
  double beta1 = 0.9;            ///< Share of the old first moment that is kept.
  double beta2 = 0.999;          ///< Share of the old second moment that is kept.
  double epsilon = 1e-8;         ///< Added to the root of the second moment.
  double weight_decay = 0;       ///< Weight decay.
  Decay decay = Decay::coupled;  ///< How it acts.
  bool amsgrad = false;          ///< Uses the largest second moment so far (Reddi et al., ICLR 2018).
};
/// Adam (arXiv 1412.6980): p -= rate m' / (sqrt(v') + epsilon) with bias-corrected moments m', v'.
class NOYAU_API Adam : public Optimizer {
 public:
  /// Throws on options out of range.
  explicit Adam(const std::vector<Tensor>& parameters, const AdamOptions& options = {});
  /// \copydoc Adam(const std::vector<Tensor>&, const AdamOptions&)
  explicit Adam(const std::vector<ParameterGroup>& groups, const AdamOptions& options = {});

 protected:
  void update(Slot& slot, const Tensor& grad, double rate) override;
  void finish_updates() override;

 private:
  AdamOptions options_;
  std::shared_ptr<StepBatch<AdamStep>> batch_;
};

/// Options of AdamW.
struct AdamWOptions {
  double rate = 1e-3;          ///< Learning rate.
  double beta1 = 0.9;          ///< Share of the old first moment that is kept.
  double beta2 = 0.999;        ///< Share of the old second moment that is kept.
  double epsilon = 1e-8;       ///< Added to the root of the second moment.
  double weight_decay = 0.01;  ///< Decoupled weight decay.
  bool amsgrad = false;        ///< Uses the largest second moment so far.
};
/// Adam with decoupled weight decay (arXiv 1711.05101).
class NOYAU_API AdamW : public Adam {
 public:
  /// Throws on options out of range.
  explicit AdamW(const std::vector<Tensor>& parameters, const AdamWOptions& options = {});
  /// \copydoc AdamW(const std::vector<Tensor>&, const AdamWOptions&)
  explicit AdamW(const std::vector<ParameterGroup>& groups, const AdamWOptions& options = {});
};

/// Options of RmsProp.
struct RmsPropOptions {
  double rate = 0.01;            ///< Learning rate.
  double alpha = 0.99;           ///< Share of the old mean square that is kept.
  double epsilon = 1e-8;         ///< Added to the root of the mean square.
  double momentum = 0;           ///< Share of the old velocity that is kept.
  bool centered = false;         ///< Divides by the deviation instead: the mean square less the squared mean.
  double weight_decay = 0;       ///< Weight decay.
  Decay decay = Decay::coupled;  ///< How it acts.
};
/// RMSprop (Tieleman and Hinton, 2012; centered: arXiv 1308.0850): p -= rate g / (sqrt(mean square) + epsilon).
class NOYAU_API RmsProp : public Optimizer {
 public:
  /// Throws on options out of range.
  explicit RmsProp(const std::vector<Tensor>& parameters, const RmsPropOptions& options = {});
  /// \copydoc RmsProp(const std::vector<Tensor>&, const RmsPropOptions&)
  explicit RmsProp(const std::vector<ParameterGroup>& groups, const RmsPropOptions& options = {});

 protected:
  void update(Slot& slot, const Tensor& grad, double rate) override;
  void finish_updates() override;

 private:
  RmsPropOptions options_;
  std::shared_ptr<StepBatch<RmsPropStep>> batch_;
};

/// Options of Muon.
struct MuonOptions {
  double rate = 0.02;       ///< Learning rate of matrices.
  double momentum = 0.6;    ///< Share of the old velocity that is kept.
  bool nesterov = true;     ///< Looks ahead by one momentum step.
  int iterations = 3;       ///< Newton-Schulz iterations.
  bool normalize = true;    ///< Scales each matrix to the norm sqrt(outputs) before its step.
  double weight_decay = 0;  ///< Decoupled weight decay of matrices.
  SgdOptions sgd = {};      ///< For all that is no matrix: rank below 2.
};
/// Muon (K. Jordan et al., 2024; coefficients and normalisation as in airbench94_muon): steps along the orthogonalised
/// velocity of each kernel, taken as the matrix [all but the last axis, last axis]. Other parameters follow Sgd.
class NOYAU_API Muon : public Sgd {
 public:
  /// Throws on options out of range.
  explicit Muon(const std::vector<Tensor>& parameters, const MuonOptions& options = {});
  /// \copydoc Muon(const std::vector<Tensor>&, const MuonOptions&)
  explicit Muon(const std::vector<ParameterGroup>& groups, const MuonOptions& options = {});

 protected:
  void update(Slot& slot, const Tensor& grad, double rate) override;
  void finish_updates() override;

 private:
  // A parameter whose step waits for those of the same shape; `direction` is [1, rows, outputs].
  struct Matrix {
    Tensor parameter, direction;
    double rate, keep;
  };
  void step_together(const std::vector<Matrix>& matrices);

  MuonOptions options_;
  std::vector<Matrix> matrices_;
};

/// Exponential moving averages of a module's floating parameters and buffers.
class NOYAU_API Ema {
 public:
  /// Starts from the present values; each update() keeps `decay` in [0, 1) of the average.
  Ema(const Module& module, double decay);
  /// Moves the averages towards the present values.
  void update();
  /// Exchanges averages and present values in place: once to evaluate, once more to train on.
  void swap();
  /// The averages with the paths of what they are averages of; sharing, so that a checkpoint can restore them.
  const std::vector<NamedTensor>& averages() const { return averages_; }

 private:
  std::vector<Tensor> tensors_;
  std::vector<NamedTensor> averages_;
  double decay_;
};

}  // namespace noyau::inline v0
