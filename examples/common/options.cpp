#include "common/options.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/nearest.h"
#include "common/speedrun.h"

namespace programs {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string plain(double value) { return noyau::message(value); }

void check_number(const Option& option, double value, std::string_view where) {
  if (value >= option.low && value <= option.high) return;
  stop(Exit::usage, where, ": ", option.name, " is ", plain(value), " but must be ", allowed(option));
}

void check_name(const Option& option, const std::string& value, std::string_view where) {
  if (option.choices.empty()) return;
  for (const std::string& choice : option.choices)
    if (value == choice) return;
  stop(Exit::usage, where, ": ", option.name, " is '", value, "' but must be one of ", joined(option.choices),
       did_you_mean(value, option.choices));
}

[[noreturn]] void wrong_type(const Option& option, const Json& value, const char* expected,
                             std::string_view where) {
  stop(Exit::usage, where, ": ", option.name, " is ", value.dump(), " but must be ", expected);
}

}  // namespace

const Option& option(std::string_view name, std::string_view where) {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    if (option.name == name) return option;
    names.emplace_back(option.name);
  }
  stop(Exit::usage, where, ": unknown option '", name, "'", did_you_mean(name, names));
}

std::string_view group_name(Group group) {
  constexpr std::string_view kNames[] = {"data", "augmentation", "network", "training", "evaluation", "run"};
  return kNames[static_cast<std::size_t>(group)];
}

Json value_of(const Option& option, const Settings& settings) {
  return std::visit([&](auto member) { return Json(settings.*member); }, option.member);
}

Json default_of(const Option& option) { return value_of(option, Settings()); }

std::string allowed(const Option& option) {
  if (!option.choices.empty()) return "one of " + joined(option.choices);
  if (std::holds_alternative<std::string Settings::*>(option.member)) return "any text";
  if (std::holds_alternative<bool Settings::*>(option.member)) return "true or false";
  if (option.low > 0 && option.low < 1e-300) return "above 0, at most " + plain(option.high);
  return "from " + plain(option.low) + " to " + plain(option.high);
}

void assign(Settings& settings, const Option& option, const Json& value, std::string_view where) {
  const auto set = Overloaded{
      [&](bool Settings::*member) {
        if (!value.is_boolean()) wrong_type(option, value, "true or false", where);
        settings.*member = value.get<bool>();
      },
      [&](std::int64_t Settings::*member) {
        if (!value.is_number()) wrong_type(option, value, "a whole number", where);
        check_number(option, value.get<double>(), where);
        if (value.get<double>() != std::trunc(value.get<double>()))
          wrong_type(option, value, "a whole number", where);
        settings.*member = value.get<std::int64_t>();
      },
      [&](double Settings::*member) {
        if (!value.is_number()) wrong_type(option, value, "a number", where);
        check_number(option, value.get<double>(), where);
        settings.*member = value.get<double>();
      },
      [&](std::string Settings::*member) {
        if (!value.is_string()) wrong_type(option, value, "a text in quotes", where);
        check_name(option, value.get<std::string>(), where);
        settings.*member = value.get<std::string>();
      },
  };
  std::visit(set, option.member);
}

void assign_text(Settings& settings, const Option& option, const std::string& text, std::string_view where) {
  if (std::holds_alternative<std::string Settings::*>(option.member))
    return assign(settings, option, text, where);
  if (std::holds_alternative<bool Settings::*>(option.member)) {
    if (text == "true" || text == "yes") return assign(settings, option, true, where);
    if (text == "false" || text == "no") return assign(settings, option, false, where);
    stop(Exit::usage, where, ": ", option.name, " is '", text, "' but must be true or false");
  }
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || std::isnan(value))
    stop(Exit::usage, where, ": ", option.name, " is '", text, "' but must be a number ", allowed(option));
  assign(settings, option, value, where);
}

Json to_json(const Settings& settings) {
  Json json = Json::object();
  for (const Option& option : options()) json[std::string(option.name)] = value_of(option, settings);
  return json;
}

Json identity(const Settings& settings) {
  Json json = Json::object();
  for (const Option& option : options())
    if (option.shapes_result) json[std::string(option.name)] = value_of(option, settings);
  return json;
}

void apply_recipe(Settings& settings) {
  if (settings.recipe == "speedrun") set_speedrun(settings);
}

void assign_all(Settings& settings, const Json& values, std::string_view where) {
  if (!values.is_object()) stop(Exit::usage, where, ": expected an object of options, found ", values.dump());
  if (values.contains("recipe")) {
    assign(settings, option("recipe", where), values["recipe"], where);
    apply_recipe(settings);
  }
  for (const auto& [name, value] : values.items()) assign(settings, option(name, where), value, where);
}

std::string hash8(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", hash);
  return digits;
}

}  // namespace programs
