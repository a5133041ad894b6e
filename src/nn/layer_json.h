#pragma once
// The options of one layer, read from JSON or written to it.
#include <optional>

#include "json.h"
#include "noyau/sequential.h"

namespace noyau::inline v0 {

// What a description may ask for, so that one from a stranger cannot fill the memory or the stack.
struct JsonLimits {
  double weights = 1e8;        // in all layers together
  std::size_t layers = 10000;  // in one list
  int depth = 32;              // of lists within lists
};

// Reads options by name; finish() throws on one that was not asked for. `where` names the place in messages.
class OptionReader {
 public:
  OptionReader(const Json& object, std::string where, const JsonLimits& limits)
      : object_(object), where_(std::move(where)), limits_(limits) {}

  // The option `name`; throws when it is absent.
  template <class T>
  void operator()(const char* name, T& value) {
    known_.emplace_back(name);
    const auto found = object_.find(name);
    NOYAU_CHECK(found != object_.end(), where_, ": option '", name, "' is missing");
    read(*found, name, value);
  }
  // The option `name`, or `standard` when it is absent.
  template <class T>
  void operator()(const char* name, T& value, const T& standard) {
    known_.emplace_back(name);
    const auto found = object_.find(name);
    value = standard;
    if (found != object_.end()) read(*found, name, value);
  }

  // All options as JSON text, for a layer that reads them itself.
  std::string take_all();
  void finish() const;

 private:
  void read(const Json& json, const char* name, bool& value) const;
  void read(const Json& json, const char* name, int& value) const;
  void read(const Json& json, const char* name, std::int64_t& value) const;
  void read(const Json& json, const char* name, double& value) const;
  void read(const Json& json, const char* name, Size2& value) const;
  void read(const Json& json, const char* name, std::optional<Size2>& value) const;
  void read(const Json& json, const char* name, Padding& value) const;
  void read(const Json& json, const char* name, Shape& value) const;
  void read(const Json& json, const char* name, std::string& value) const;
  void read(const Json& json, const char* name, Initializer& value) const;
  void read(const Json& json, const char* name, Activation& value) const;
  void read(const Json& json, const char* name, GeluForm& value) const;
  void read(const Json& json, const char* name, ConvAlgorithm& value) const;
  void read(const Json& json, const char* name, ResizeMode& value) const;
  void read(const Json& json, const char* name, Sequential& value) const;
  void bound(std::string_view name, std::initializer_list<std::int64_t> sizes) const;
  [[noreturn]] void fail_type(const Json& json, const char* name, const char* expected) const;

  const Json& object_;
  std::string where_;
  JsonLimits limits_;
  mutable double weights_ = 1;  // product of the sizes read so far
  std::vector<std::string> known_{"layer", "name"};
};

// Writes options by name, those at their default left out.
class OptionWriter {
 public:
  explicit OptionWriter(Json& object) : object_(object) {}

  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = json_of(value);
  }
  template <class T>
  void operator()(const char* name, const T& value, const T& standard) {
    if (!(value == standard)) object_[name] = json_of(value);
  }
  void add_all(const Json& options) { object_.update(options); }

 private:
  static Json json_of(bool value) { return value; }
  static Json json_of(int value) { return value; }
  static Json json_of(std::int64_t value) { return value; }
  static Json json_of(double value) { return value; }
  static Json json_of(const Size2& value);
  static Json json_of(const std::optional<Size2>& value) { return json_of(*value); }
  static Json json_of(const Padding& value);
  static Json json_of(const Shape& value) { return std::vector<std::int64_t>(value.begin(), value.end()); }
  static Json json_of(const Initializer& value);
  static Json json_of(Activation value) { return message(value); }
  static Json json_of(GeluForm value);
  static Json json_of(ConvAlgorithm value);
  static Json json_of(ResizeMode value);
  static Json json_of(const Sequential& value);

  Json& object_;
};

// How layers of one kind are read and written.
struct LayerType {
  std::string kind;
  std::function<AnyLayer(OptionReader& options)> read;
  std::function<void(OptionWriter& options, const Module& layer)> write;
};
std::vector<LayerType> built_in_layers();

Sequential layers_from_json(const Json& layers, const std::string& where, const JsonLimits& limits = {});
Json layers_to_json(const Sequential& net);

}  // namespace noyau::inline v0
