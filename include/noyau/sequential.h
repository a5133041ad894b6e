#pragma once
/// \file
/// Networks made of layers, and ways to look inside a forward pass.

#include <memory>
#include <span>

#include "noyau/layers.h"

namespace noyau::inline v0 {

namespace detail {

// A copyable callable that is no Module, as one; its own visit(), if it has one, is used.
template <class F>
struct FunctionLayer : Module {
  explicit FunctionLayer(F callable) : function(std::move(callable)) {}
  Tensor operator()(const Tensor& x) const { return function(x); }
  void visit(Visitor& visitor) override {
    if constexpr (requires { function.visit(visitor); }) function.visit(visitor);
  }
  std::string kind() const override { return "function"; }
  F function;
};

}  // namespace detail

/// Any layer, held by value: copies copy the layer deeply. Layers are copyable and map a tensor to a tensor, const.
class NOYAU_API AnyLayer {
 public:
  /// Holds `layer`.
  template <class L>
  requires(!std::is_same_v<L, AnyLayer> && std::is_invocable_r_v<Tensor, const L&, const Tensor&>)
      AnyLayer(L layer) {
    if constexpr (std::is_base_of_v<Module, L>) {
      held_ = std::make_unique<Holder<L>>(std::move(layer));
    } else {
      held_ = std::make_unique<Holder<detail::FunctionLayer<L>>>(detail::FunctionLayer<L>(std::move(layer)));
    }
  }
  AnyLayer(const AnyLayer& other) : held_(other.held_->clone()) {}  ///< Copies the layer.
  AnyLayer& operator=(const AnyLayer& other);                       ///< Replaces the layer by a copy.
  AnyLayer(AnyLayer&&) noexcept = default;                          ///< Keeps the layer's identity.
  AnyLayer& operator=(AnyLayer&&) noexcept = default;               ///< Keeps the layer's identity.
  ~AnyLayer() = default;

  /// The layer's output for `x`.
  Tensor operator()(const Tensor& x) const { return module().output(held_->run(x)); }
  /// The layer.
  Module& module() { return held_->module(); }
  /// The layer.
  const Module& module() const { return held_->module(); }

 private:
  struct Held {
    virtual ~Held() = default;
    virtual std::unique_ptr<Held> clone() const = 0;
    virtual Tensor run(const Tensor& x) const = 0;
    virtual Module& module() = 0;
  };
  template <class L>
  struct Holder : Held {
    explicit Holder(L held) : layer(std::move(held)) {}
    std::unique_ptr<Held> clone() const override { return std::make_unique<Holder>(layer); }
    Tensor run(const Tensor& x) const override { return layer(x); }
    Module& module() override { return layer; }
    L layer;
  };

  std::unique_ptr<Held> held_;
};

/// A layer and the name it has in a Sequential.
struct NamedLayer {
  std::string name;  ///< Its name.
  AnyLayer layer;    ///< The layer.
};
/// Gives `layer` a name in the Sequential it is put in.
inline NamedLayer named(std::string name, AnyLayer layer) { return {std::move(name), std::move(layer)}; }

/// Layers run one after another. A layer without a name has that of its kind: conv2d, conv2d_1, ...
///
/// A BatchNorm and what follows it, of an activation that norm_block_takes(), MaxPool(2) and Dropout in this order, run
/// as one op; without the BatchNorm, activation and MaxPool(2) must be there. So do the last BatchNorm of a Residual, its
/// sum and its activation; and off the tape a Conv2d and a Relu, and the last Conv2d and sum of a Residual. A layer
/// tapped or replaced ends the run; under KeepTape all run alone. In training on the CPU a Conv2d before a BatchNorm takes
/// the moments that it needs, and without a bias belongs to the run, if there are images enough.
class NOYAU_API Sequential : public Module {
 public:
  /// No layers: the identity.
  Sequential() = default;
  /// The given layers, each a layer or named(name, layer).
  template <class First, class... Rest>
  requires(!std::is_base_of_v<Sequential, std::remove_cvref_t<First>> ||
           sizeof...(Rest) > 0) explicit Sequential(First&& first, Rest&&... rest) {
    push_back(std::forward<First>(first));
    (push_back(std::forward<Rest>(rest)), ...);
  }

  /// Appends a layer under the first free name of its kind.
  void push_back(AnyLayer layer);
  /// Appends a layer; throws when its name is taken, empty or has a dot.
  void push_back(NamedLayer layer);

  /// Number of layers.
  std::int64_t size() const { return static_cast<std::int64_t>(layers_.size()); }
  /// Layer `i`; throws when out of range.
  NamedLayer& operator[](std::int64_t i);
  /// \copydoc operator[](std::int64_t)
  const NamedLayer& operator[](std::int64_t i) const;

  /// All layers, in order.
  std::span<const NamedLayer> layers() const { return layers_; }

  /// The last layer's output when the first is given `x`.
  Tensor operator()(const Tensor& x) const;
  void visit(Visitor& visitor) override;  ///< Names the layers.

 private:
  std::size_t first_needed() const;

  std::vector<NamedLayer> layers_;
};

/// Switches the fusion of layers in every Sequential on (at first) or off; returns what it was. Results are the same
/// within rounding, and random numbers exactly.
NOYAU_API bool set_fusion(bool on);

/// Options of ConvBlock.
struct ConvBlockOptions {
  Conv2dLayerOptions conv = {.bias = false};  ///< Of the convolution; batch norm makes a bias idle.
  BatchNormLayerOptions norm = {};            ///< Of the batch norm.
  bool batch_norm = true;                     ///< Has a batch norm.
  Activation activation = Activation::relu;   ///< After it; none is left out.
  bool pool = false;                          ///< Then MaxPool(2).
  double dropout = 0;                         ///< Then Dropout, unless 0.
};
/// Convolution - batch norm - activation - pool - dropout: a Sequential of those layers, which runs as two ops where
/// norm_block_takes() the activation, [n, ih, iw, in] to [n, oh, ow, out].
struct NOYAU_API ConvBlock : Sequential {
  /// Throws where the layers would.
  ConvBlock(std::int64_t in, std::int64_t out, Size2 window, const ConvBlockOptions& layer_options = {});

  ConvBlockOptions options;  ///< As constructed.
};

/// A copy of `net` for inference, in evaluation mode: each BatchNorm right after a convolution or Dense layer is folded
/// into that layer's kernel and bias, dropouts are left out, and nothing is trained. Other layers keep their names.
NOYAU_API Sequential fold(const Sequential& net);

/// Options of Residual.
struct ResidualLayerOptions {
  Activation activation = Activation::none;  ///< Applied to the sum.
};
/// activation(body(x) + shortcut(x)) (arXiv 1512.03385). The body's layers are named in it directly, those of the
/// shortcut under "shortcut".
class NOYAU_API Residual : public Module {
 public:
  /// The shortcut is the identity.
  explicit Residual(Sequential body, const ResidualLayerOptions& layer_options = {});
  /// Both paths must give the same shape.
  Residual(Sequential body, Sequential shortcut, const ResidualLayerOptions& layer_options = {});
  Tensor operator()(const Tensor& x) const;  ///< The output for `x`.
  void visit(
      Visitor& visitor) override;  ///< Names the layers of the body, then "shortcut" unless the identity.

  ResidualLayerOptions options;  ///< As constructed.
  Sequential body;               ///< The path with the work.
  Sequential shortcut;           ///< The other path; without layers, the identity.
};

/// Called with the path and the output of a module.
using OutputFunction = std::function<void(const std::string& name, const Tensor& y)>;
/// What tap() returns: `auto [y, taps] = tap(net, x, {"last"})`.
struct Tapped {
  Tensor output;             ///< Output of the network.
  std::vector<Tensor> taps;  ///< Outputs of the layers asked for, in that order, on the tape.
};

namespace detail {
using Forward = std::function<Tensor()>;
NOYAU_API Tapped tap(Module& net, const Forward& forward, const std::vector<std::string>& names);
NOYAU_API Tensor replace(Module& net, const Forward& forward, std::string_view name, const Tensor& value);
NOYAU_API Tensor observe(Module& net, const Forward& forward, const OutputFunction& function);
}  // namespace detail

/// `net(x)` with the outputs of the layers at the paths `names`; throws on one that is unknown or did not run.
template <class Net>
Tapped tap(const Net& net, const Tensor& x, const std::vector<std::string>& names) {
  return detail::tap(
      const_cast<Net&>(net), [&] { return net(x); }, names);
}
/// `net(x)` with the output of the layer at path `name` replaced by `value`; layers that only lead there do not run.
template <class Net>
Tensor replace(const Net& net, const Tensor& x, std::string_view name, const Tensor& value) {
  return detail::replace(
      const_cast<Net&>(net), [&] { return net(x); }, name, value);
}
/// `net(x)`, calling `function` with the output of every module inside as it is computed, inner ones first.
template <class Net>
Tensor observe(const Net& net, const Tensor& x, const OutputFunction& function) {
  return detail::observe(
      const_cast<Net&>(net), [&] { return net(x); }, function);
}

}  // namespace noyau::inline v0
