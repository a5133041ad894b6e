#include "noyau/sequential.h"

#include <algorithm>

#include "nn/fusion.h"
#include "nn/layer_names.h"
#include "nn/observer.h"

namespace noyau::inline v0 {

AnyLayer& AnyLayer::operator=(const AnyLayer& other) {
  if (this != &other) held_ = other.held_->clone();
  return *this;
}

std::string free_name(const std::string& kind, const std::vector<std::string>& taken) {
  std::string name = kind;
  for (int number = 1; std::find(taken.begin(), taken.end(), name) != taken.end(); ++number) {
    name = message(kind, "_", number);
  }
  return name;
}

void Sequential::push_back(AnyLayer layer) {
  std::vector<std::string> taken;
  for (const NamedLayer& other : layers_) taken.push_back(other.name);
  std::string name = free_name(layer.module().kind(), taken);
  layers_.push_back({std::move(name), std::move(layer)});
}

void Sequential::push_back(NamedLayer layer) {
  NOYAU_CHECK(!layer.name.empty() && layer.name.find('.') == std::string::npos,
              "sequential: bad layer name '", layer.name, "'; give one without dots");
  for (const NamedLayer& other : layers_) {
    NOYAU_CHECK(other.name != layer.name, "sequential: two layers are named '", layer.name, "'");
  }
  layers_.push_back(std::move(layer));
}

NamedLayer& Sequential::operator[](std::int64_t i) {
  NOYAU_CHECK(i >= 0 && i < size(), "sequential: layer ", i, " is out of range for ", size(), " layers");
  return layers_[static_cast<std::size_t>(i)];
}

const NamedLayer& Sequential::operator[](std::int64_t i) const { return const_cast<Sequential&>(*this)[i]; }

// Layers before one whose output is given are not needed.
std::size_t Sequential::first_needed() const {
  if (observer() == nullptr) return 0;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    if (observer()->resumes_in(layers_[i].layer.module())) return i;
  }
  return 0;
}

Tensor Sequential::operator()(const Tensor& x) const {
  return output(run_layers(layers().subspan(first_needed()), x));
}

void Sequential::visit(Visitor& visitor) {
  for (NamedLayer& layer : layers_) visitor(layer.name, layer.layer.module());
}

ConvBlock::ConvBlock(std::int64_t in, std::int64_t out, Size2 window, const ConvBlockOptions& layer_options)
    : options(layer_options) {
  push_back(Conv2d(in, out, window, options.conv));
  if (options.batch_norm) push_back(BatchNorm(out, options.norm));
  if (options.activation == Activation::relu) {
    push_back(Relu());
  } else if (options.activation != Activation::none) {
    push_back(Activate(options.activation));
  }
  if (options.pool) push_back(MaxPool(2));
  if (options.dropout != 0) push_back(Dropout(options.dropout));
}

Residual::Residual(Sequential body_path, const ResidualLayerOptions& layer_options)
    : Residual(std::move(body_path), Sequential(), layer_options) {}

Residual::Residual(Sequential body_path, Sequential shortcut_path, const ResidualLayerOptions& layer_options)
    : options(layer_options), body(std::move(body_path)), shortcut(std::move(shortcut_path)) {
  for (std::int64_t i = 0; i < body.size(); ++i) {
    NOYAU_CHECK(body[i].name != "shortcut", "residual: a layer of the body is named 'shortcut'");
  }
}

Tensor Residual::operator()(const Tensor& x) const {
  if (const Tensor y = run_residual(*this, x); y.defined()) return output(y);
  return output(activate(add(body(x), shortcut.size() == 0 ? x : shortcut(x)), options.activation));
}

void Residual::visit(Visitor& visitor) {
  body.visit(visitor);
  if (shortcut.size() > 0) visitor("shortcut", shortcut);
}

}  // namespace noyau::inline v0
