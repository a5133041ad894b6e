#include "noyau/architecture.h"

#include <algorithm>
#include <mutex>

#include "nn/layer_json.h"
#include "nn/layer_names.h"
#include "noyau/names.h"

namespace noyau::inline v0 {
namespace {

class Registry {
 public:
  static Registry& instance() {
    static Registry registry;
    return registry;
  }

  const LayerType* find(std::string_view kind) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(types_.begin(), types_.end(), [&](const auto& type) { return type->kind == kind; });
    return found == types_.end() ? nullptr : found->get();
  }

  void add(LayerType type) {
    NOYAU_CHECK(find(type.kind) == nullptr, "architecture: layer '", type.kind, "' is registered already");
    const std::lock_guard lock(mutex_);
    types_.push_back(std::make_unique<LayerType>(std::move(type)));
  }

  std::vector<std::string> kinds() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> result;
    for (const auto& type : types_) result.push_back(type->kind);
    return result;
  }

 private:
  Registry() {
    for (LayerType& type : built_in_layers()) types_.push_back(std::make_unique<LayerType>(std::move(type)));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<LayerType>> types_;
};

std::string text_of(const Json& layer, const char* key, const std::string& where) {
  const auto found = layer.find(key);
  NOYAU_CHECK(found != layer.end() && found->is_string(), where, ": '", key, "' must be a text");
  return found->get<std::string>();
}

NamedLayer layer_from_json(const Json& layer, const std::string& where, const std::vector<std::string>& taken,
                           const JsonLimits& limits) {
  NOYAU_CHECK(layer.is_object(), where, ": a layer is an object like {\"layer\": \"relu\"}, not ",
              layer.dump());
  const std::string kind = text_of(layer, "layer", where);
  const LayerType* const type = Registry::instance().find(kind);
  if (type == nullptr) fail_unknown(where, "layer", kind, Registry::instance().kinds());
  const std::string here = message(where, " ", kind);
  OptionReader options(layer, here, limits);
  std::string name = layer.contains("name") ? text_of(layer, "name", here) : free_name(kind, taken);
  try {
    AnyLayer made = type->read(options);
    options.finish();
    return {std::move(name), std::move(made)};
  } catch (const Error& error) {
    if (std::string_view(error.what()).substr(0, where.size()) == where) throw;
    fail(here, ": ", error.what());
  }
}

}  // namespace

Sequential layers_from_json(const Json& layers, const std::string& where, const JsonLimits& limits) {
  NOYAU_CHECK(layers.is_array(), where, ": a network is a list of layers, not ", layers.type_name());
  NOYAU_CHECK(layers.size() <= limits.layers, where, ": a network has at most ", limits.layers,
              " layers, not ", layers.size());
  Sequential net;
  std::vector<std::string> names;
  JsonLimits left = limits;
  for (const Json& layer : layers) {
    NamedLayer made = layer_from_json(layer, message(where, "[", names.size(), "]"), names, left);
    for (const Tensor& each : made.layer.module().parameters())
      left.weights -= static_cast<double>(each.size());
    NOYAU_CHECK(left.weights >= 0, where, ": a network may have ", limits.weights, " weights in all");
    names.push_back(made.name);
    net.push_back(std::move(made));
  }
  return net;
}

Json layers_to_json(const Sequential& net) {
  Json layers = Json::array();
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < net.size(); ++i) {
    const Module& module = net[i].layer.module();
    const std::string kind = module.kind();
    const LayerType* const type = Registry::instance().find(kind);
    NOYAU_CHECK(type != nullptr, "architecture: layer '", net[i].name, "' is a ", kind,
                ", which is not registered; call register_layer() to save networks with it");
    Json layer{{"layer", kind}};
    if (net[i].name != free_name(kind, names)) layer["name"] = net[i].name;
    OptionWriter options(layer);
    type->write(options, module);
    layers.push_back(std::move(layer));
    names.push_back(net[i].name);
  }
  return layers;
}

Sequential from_json(std::string_view json) {
  return layers_from_json(parse_json("architecture", json), "architecture");
}

std::string to_json(const Sequential& net) { return layers_to_json(net).dump(); }

std::vector<std::string> layer_kinds() { return Registry::instance().kinds(); }

void detail::register_layer(const std::string& kind, LayerFromJson read, LayerToJson write) {
  Registry::instance().add(
      {kind, [read = std::move(read)](OptionReader& options) { return read(options.take_all()); },
       [kind, write = std::move(write)](OptionWriter& options, const Module& layer) {
         options.add_all(parse_json(message("architecture: ", kind), write(layer)));
       }});
}

}  // namespace noyau::inline v0
