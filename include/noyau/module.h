#pragma once
/// \file
/// Modules: plain structs with parameters, that copy deeply and name what they hold.

#include "noyau/ops.h"

namespace noyau::inline v0 {

/// A trainable tensor of a module. Copying copies the elements; moving keeps identity, so optimizers stay valid.
class NOYAU_API Parameter {
 public:
  /// An undefined parameter (a layer without bias).
  Parameter() = default;
  /// Takes `value` off its tape and makes it require gradients.
  explicit Parameter(const Tensor& value);
  Parameter(const Parameter& other);  ///< Copies the elements.
  /// Overwrites the elements in place when shape, dtype and device match; else copies into a new tensor.
  Parameter& operator=(const Parameter& other);
  Parameter(Parameter&& other) noexcept = default;             ///< Keeps identity.
  Parameter& operator=(Parameter&& other) noexcept = default;  ///< Keeps identity.
  ~Parameter() = default;

  /// The tensor.
  operator const Tensor&() const { return tensor_; }
  /// The tensor.
  const Tensor& tensor() const { return tensor_; }
  /// True unless undefined.
  bool defined() const { return tensor_.defined(); }

 private:
  friend NOYAU_API void tie(Parameter& parameter, const Parameter& owner);
  Tensor tensor_;
};
/// Makes `parameter` share the tensor of `owner`; copies of a module that holds both are tied no longer.
NOYAU_API void tie(Parameter& parameter, const Parameter& owner);

/// A tensor of a module that is saved but not trained (moving averages). Copies like Parameter.
class NOYAU_API Buffer {
 public:
  /// An undefined buffer.
  Buffer() = default;
  /// Takes `value` off its tape.
  explicit Buffer(const Tensor& value);
  Buffer(const Buffer& other);                           ///< Copies the elements.
  Buffer& operator=(const Buffer& other);                ///< As Parameter's.
  Buffer(Buffer&& other) noexcept = default;             ///< Keeps identity.
  Buffer& operator=(Buffer&& other) noexcept = default;  ///< Keeps identity.
  ~Buffer() = default;

  /// The tensor.
  operator const Tensor&() const { return tensor_; }
  /// The tensor.
  const Tensor& tensor() const { return tensor_; }
  /// True unless undefined.
  bool defined() const { return tensor_.defined(); }

 private:
  Tensor tensor_;
};

class Module;

/// Receives what a module names in Module::visit().
class NOYAU_API Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void parameter(std::string_view name, Parameter& parameter) = 0;  ///< A trainable tensor.
  virtual void buffer(std::string_view name, Buffer& buffer) = 0;           ///< A saved tensor.
  virtual void child(std::string_view name, Module& module) = 0;            ///< A module inside.

  void operator()(std::string_view name, Parameter& p) { parameter(name, p); }  ///< parameter()
  void operator()(std::string_view name, Buffer& b) { buffer(name, b); }        ///< buffer()
  void operator()(std::string_view name, Module& m) { child(name, m); }         ///< child()
};

/// A tensor of a module with its path, such as "block1.conv2d.kernel".
struct NamedTensor {
  std::string name;  ///< Names from the outermost module inwards, joined by dots.
  Tensor tensor;     ///< Shares the module's elements.
};

/// A module inside another, with its path.
struct NamedModule {
  std::string name;  ///< Names from the outermost module inwards, joined by dots.
  Module* module;    ///< The module itself.
};

/// Base of everything with parameters: a struct with members, `operator()` and visit().
class NOYAU_API Module {
 public:
  virtual ~Module() = default;
  /// Names parameters, buffers and children, in the order of a forward pass.
  virtual void visit(Visitor& visitor) = 0;
  /// What it is, in lower case: its type's name, "batch_norm" for BatchNorm.
  virtual std::string kind() const;

  /// True while training: batch norm uses batch statistics, dropout drops. Modules begin so.
  bool training() const { return training_; }
  /// Sets training() here and in all modules inside; returns what it was here.
  bool train(bool on = true);
  /// Moves all parameters and buffers in place: optimizers stay valid.
  void to(Device device);
  /// Converts all floating parameters and buffers in place.
  void to(Dtype dtype);
  /// Defined parameters, in visit order, each once.
  std::vector<Tensor> parameters() const;
  /// Defined parameters with their paths, in visit order, tied ones under each path.
  std::vector<NamedTensor> named_parameters() const;
  /// Defined parameters and buffers with their paths: what is saved.
  std::vector<NamedTensor> state() const;
  /// Clears the gradients of all parameters.
  void zero_grad() const;

  /// All modules inside, each before those inside it, in visit order.
  std::vector<NamedModule> modules();
  /// The module at `path`; throws, with the nearest path, when there is none.
  Module& at(std::string_view path);
  /// The module at `path` as an `M`; throws when there is none or it is of another type.
  template <class M>
  M& at(std::string_view path) {
    M* const module = dynamic_cast<M*>(&at(path));
    NOYAU_CHECK(module != nullptr, "module: '", path, "' is a ", at(path).kind());
    return *module;
  }

  /// What operator() returns passes through here, so that tap() and replace() find it: `return output(relu(x));`.
  Tensor output(const Tensor& y) const;

 protected:
  Module() = default;
  Module(const Module&) = default;             ///< Copies training().
  Module& operator=(const Module&) = default;  ///< Copies training().

 private:
  bool training_ = true;
};

}  // namespace noyau::inline v0
