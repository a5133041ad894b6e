#include "noyau/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <functional>
#include <unordered_set>

#include "nn/observer.h"
#include "noyau/names.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {
namespace {

Tensor copied(const Tensor& source) {
  if (!source.defined()) return {};
  const Tensor copy = source.clone();
  if (source.requires_grad()) copy.set_requires_grad(true);
  return copy;
}

void assign(Tensor& to, const Tensor& from) {
  const bool in_place = to.defined() && from.defined() && to.shape() == from.shape() &&
                        to.dtype() == from.dtype() && to.device() == from.device();
  if (!in_place) {
    to = copied(from);
  } else if (to.impl() != from.impl()) {
    to.copy_from(from);
    if (to.requires_grad() != from.requires_grad()) to.set_requires_grad(from.requires_grad());
  }
}

// Gives `tensor` the elements of `converted` without changing its identity.
void adopt(const Tensor& tensor, const Tensor& converted) {
  if (tensor.shares_storage(converted)) return;
  tensor.set_grad({});
  TensorImpl& impl = *tensor.impl();
  impl.storage = converted.impl()->storage;
  impl.offset = converted.impl()->offset;
  impl.dtype = converted.dtype();
}

// Calls the functions given for everything inside a module, with full paths.
class Walk : public Visitor {
 public:
  std::function<void(std::string, const Tensor&)> on_parameter;
  std::function<void(std::string, const Tensor&)> on_buffer;
  std::function<void(std::string, Module&)> on_module;

  void run(const Module& root) { const_cast<Module&>(root).visit(*this); }  // visit only names what is inside

  void parameter(std::string_view name, Parameter& p) override {
    if (on_parameter && p.defined()) on_parameter(path(name), p);
  }
  void buffer(std::string_view name, Buffer& b) override {
    if (on_buffer && b.defined()) on_buffer(path(name), b);
  }
  void child(std::string_view name, Module& module) override {
    if (on_module) on_module(path(name), module);
    const std::size_t length = prefix_.size();
    append(prefix_, message(name, "."));
    module.visit(*this);
    prefix_.resize(length);
  }

 private:
  std::string path(std::string_view name) const { return message(prefix_, name); }

  std::string prefix_;
};

void for_each_tensor(const Module& module, const std::function<void(std::string, const Tensor&)>& function) {
  Walk walk;
  walk.on_parameter = walk.on_buffer = function;
  walk.run(module);
}

// "noyau::v0::BatchNorm" to "batch_norm".
std::string snake_case(std::string_view type) {
  type = type.substr(0, type.find('<'));
  if (const std::size_t colon = type.rfind(':'); colon != std::string_view::npos)
    type.remove_prefix(colon + 1);
  std::string result;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const bool upper = std::isupper(static_cast<unsigned char>(type[i])) != 0;
    if (upper && i > 0 && std::isupper(static_cast<unsigned char>(type[i - 1])) == 0) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(type[i])));
  }
  return result;
}

}  // namespace

Parameter::Parameter(const Tensor& value) {
  if (value.defined()) tensor_ = value.detach().set_requires_grad(true);
}
Parameter::Parameter(const Parameter& other) : tensor_(copied(other.tensor_)) {}
Parameter& Parameter::operator=(const Parameter& other) {
  assign(tensor_, other.tensor_);
  return *this;
}
void tie(Parameter& parameter, const Parameter& owner) { parameter.tensor_ = owner.tensor_; }

Buffer::Buffer(const Tensor& value) {
  if (value.defined()) tensor_ = value.detach();
}
Buffer::Buffer(const Buffer& other) : tensor_(copied(other.tensor_)) {}
Buffer& Buffer::operator=(const Buffer& other) {
  assign(tensor_, other.tensor_);
  return *this;
}

std::string Module::kind() const {
  const char* const mangled = typeid(*this).name();
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  return snake_case(status == 0 ? readable.get() : mangled);
}

bool Module::train(bool on) {
  const bool before = training_;
  training_ = on;
  for (const NamedModule& inside : modules()) inside.module->training_ = on;
  return before;
}

void Module::to(Device device) {
  for_each_tensor(
      *this, [=](const std::string&, const Tensor& tensor) { adopt(tensor, tensor.detach().to(device)); });
}

void Module::to(Dtype dtype) {
  NOYAU_CHECK(is_floating(dtype), "module: parameters are floating numbers, not ", dtype);
  for_each_tensor(*this, [=](const std::string&, const Tensor& tensor) {
    if (is_floating(tensor.dtype())) adopt(tensor, tensor.detach().to(dtype));
  });
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  std::unordered_set<const TensorImpl*> seen;
  for (const NamedTensor& named : named_parameters()) {
    if (seen.insert(named.tensor.impl().get()).second) result.push_back(named.tensor);
  }
  return result;
}

std::vector<NamedTensor> Module::named_parameters() const {
  std::vector<NamedTensor> result;
  Walk walk;
  walk.on_parameter = [&](std::string name, const Tensor& tensor) {
    result.push_back({std::move(name), tensor});
  };
  walk.run(*this);
  return result;
}

std::vector<NamedTensor> Module::state() const {
  std::vector<NamedTensor> result;
  for_each_tensor(*this, [&](std::string name, const Tensor& tensor) {
    result.push_back({std::move(name), tensor});
  });
  return result;
}

void Module::zero_grad() const {
  for (const Tensor& parameter : parameters()) parameter.set_grad({});
}

std::vector<NamedModule> Module::modules() {
  std::vector<NamedModule> result;
  Walk walk;
  walk.on_module = [&](std::string name, Module& module) { result.push_back({std::move(name), &module}); };
  walk.run(*this);
  return result;
}

Module& Module::at(std::string_view path) {
  std::vector<std::string> known;
  for (NamedModule& inside : modules()) {
    if (inside.name == path) return *inside.module;
    known.push_back(std::move(inside.name));
  }
  fail_unknown("module", "layer", path, known);
}

Tensor Module::output(const Tensor& y) const {
  return observer() == nullptr ? y : observer()->output(*this, y);
}

Observer*& observer() {
  thread_local Observer* current = nullptr;
  return current;
}

}  // namespace noyau::inline v0
