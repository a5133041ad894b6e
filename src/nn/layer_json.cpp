#include "nn/layer_json.h"

#include <algorithm>

#include "name_table.h"
#include "ops/conv_algorithms.h"

namespace noyau::inline v0 {
namespace {

constexpr NameTable<GeluForm, 2> kGeluForms{{{"exact", GeluForm::exact}, {"tanh", GeluForm::tanh}}};
constexpr NameTable<ResizeMode, 4> kResizeModes{{
    {"nearest", ResizeMode::nearest},
    {"bilinear", ResizeMode::bilinear},
    {"bilinear_align_corners", ResizeMode::bilinear_align_corners},
    {"area", ResizeMode::area},
}};

bool is_integers(const Json& json, std::size_t count) {
  return json.is_array() && json.size() == count &&
         std::all_of(json.begin(), json.end(), [](const Json& j) { return j.is_number_integer(); });
}

}  // namespace

std::string OptionReader::take_all() {
  Json options = object_;
  options.erase("layer");
  options.erase("name");
  for (const auto& [name, value] : options.items()) known_.push_back(name);
  return options.dump();
}

void OptionReader::finish() const {
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      fail_unknown(where_, "option", name, known_);
  }
}

// Checked while sizes are read, because a layer has its weights as soon as it is made.
void OptionReader::bound(std::string_view name, std::initializer_list<std::int64_t> sizes) const {
  constexpr std::string_view kSizes[] = {"in", "out", "window", "channels", "multiplier"};
  if (std::find(std::begin(kSizes), std::end(kSizes), name) == std::end(kSizes)) return;
  for (const std::int64_t size : sizes) weights_ *= std::max(1.0, static_cast<double>(size));
  const auto groups = object_.find("groups");
  const bool grouped = groups != object_.end() && groups->is_number_integer();
  const double weights = weights_ / (grouped ? std::max(1.0, groups->get<double>()) : 1.0);
  NOYAU_CHECK(weights <= limits_.weights, where_, ": asks for ", weights, " weights, but at most ",
              limits_.weights, " are allowed here");
}

void OptionReader::fail_type(const Json& json, const char* name, const char* expected) const {
  fail(where_, ": option '", name, "' must be ", expected, ", not ", json.dump());
}

void OptionReader::read(const Json& json, const char* name, bool& value) const {
  if (!json.is_boolean()) fail_type(json, name, "true or false");
  value = json.get<bool>();
}
void OptionReader::read(const Json& json, const char* name, std::int64_t& value) const {
  if (!json.is_number_integer()) fail_type(json, name, "a whole number");
  value = json.get<std::int64_t>();
  bound(name, {value});
}
void OptionReader::read(const Json& json, const char* name, int& value) const {
  std::int64_t wide = 0;
  read(json, name, wide);
  if (wide != static_cast<int>(wide)) fail_type(json, name, "a smaller number");
  value = static_cast<int>(wide);
}
void OptionReader::read(const Json& json, const char* name, double& value) const {
  if (!json.is_number()) fail_type(json, name, "a number");
  value = json.get<double>();
}
void OptionReader::read(const Json& json, const char* name, Size2& value) const {
  if (json.is_number_integer()) {
    value = json.get<std::int64_t>();
  } else if (is_integers(json, 2)) {
    value = {json[0].get<std::int64_t>(), json[1].get<std::int64_t>()};
  } else {
    fail_type(json, name, "a whole number or [height, width]");
  }
  bound(name, {value.h, value.w});
}
void OptionReader::read(const Json& json, const char* name, std::optional<Size2>& value) const {
  Size2 size;
  read(json, name, size);
  value = size;
}
void OptionReader::read(const Json& json, const char* name, Padding& value) const {
  if (json == "same") {
    value = Padding::same();
  } else if (json == "valid") {
    value = Padding::valid();
  } else if (json.is_number_integer()) {
    value = Padding(json.get<std::int64_t>());
  } else if (is_integers(json, 4)) {
    const auto sides = json.get<std::vector<std::int64_t>>();
    value = Padding(sides[0], sides[1], sides[2], sides[3]);
  } else {
    fail_type(json, name, "\"same\", \"valid\", a whole number or [top, bottom, left, right]");
  }
}
void OptionReader::read(const Json& json, const char* name, Shape& value) const {
  if (!is_integers(json, json.size())) fail_type(json, name, "a list of whole numbers");
  value = Shape(json.get<std::vector<std::int64_t>>());
  double count = 1;
  for (const std::int64_t size : value) count *= std::max(1.0, static_cast<double>(size));
  NOYAU_CHECK(count <= limits_.weights, where_, ": option '", name, "' has ", count,
              " elements, but at most ", limits_.weights, " are allowed");
}
void OptionReader::read(const Json& json, const char* name, Initializer& value) const {
  if (json.is_string()) {
    value = Initializer(json.get<std::string>());
    return;
  }
  if (!json.is_object()) fail_type(json, name, "a name or {\"rule\": name, \"scale\": number}");
  std::string rule;
  OptionReader inner(json, message(where_, ": ", name), limits_);
  inner.known_.clear();
  inner("rule", rule);
  value = Initializer(rule);
  inner("scale", value.scale, 1.0);
  inner.finish();
}
void OptionReader::read(const Json& json, const char* name, std::string& value) const {
  if (!json.is_string()) fail_type(json, name, "a text");
  value = json.get<std::string>();
}
void OptionReader::read(const Json& json, const char* name, Activation& value) const {
  std::string function;
  read(json, name, function);
  value = activation_of(function);
}
void OptionReader::read(const Json& json, const char* name, GeluForm& value) const {
  std::string form;
  read(json, name, form);
  value = value_of(kGeluForms, where_, name, form);
}
void OptionReader::read(const Json& json, const char* name, ConvAlgorithm& value) const {
  std::string algorithm;
  read(json, name, algorithm);
  value = value_of(kConvAlgorithms, where_, name, algorithm);
}
void OptionReader::read(const Json& json, const char* name, ResizeMode& value) const {
  std::string mode;
  read(json, name, mode);
  value = value_of(kResizeModes, where_, name, mode);
}
void OptionReader::read(const Json& json, const char* name, Sequential& value) const {
  NOYAU_CHECK(limits_.depth > 0, where_, ": lists of layers within lists go too deep");
  JsonLimits inner = limits_;
  --inner.depth;
  value = layers_from_json(json, message(where_, ".", name), inner);
}

Json OptionWriter::json_of(const Size2& value) {
  return value.h == value.w ? Json(value.h) : Json::array({value.h, value.w});
}
Json OptionWriter::json_of(const Padding& value) {
  if (value.kind == Padding::Kind::same) return "same";
  if (value.kind == Padding::Kind::valid) return "valid";
  if (value == Padding(value.top)) return value.top;
  return Json::array({value.top, value.bottom, value.left, value.right});
}
Json OptionWriter::json_of(const Initializer& value) {
  if (value.scale == 1) return message(value.init);
  return {{"rule", message(value.init)}, {"scale", value.scale}};
}
Json OptionWriter::json_of(GeluForm value) { return std::string(name_of(kGeluForms, value)); }
Json OptionWriter::json_of(ConvAlgorithm value) { return std::string(name_of(kConvAlgorithms, value)); }
Json OptionWriter::json_of(ResizeMode value) { return std::string(name_of(kResizeModes, value)); }
Json OptionWriter::json_of(const Sequential& value) { return layers_to_json(value); }

}  // namespace noyau::inline v0
