#include <algorithm>
#include <charconv>

#include "data/augment_steps.h"
#include "noyau/names.h"

// The grammar: step { "|" step }, step = name [ "(" argument { "," argument } ")" ]; blanks may stand anywhere between.
namespace noyau::inline v0 {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> pieces(std::string_view text, char separator) {
  std::vector<std::string_view> result;
  for (;;) {
    const auto at = text.find(separator);
    result.push_back(trimmed(text.substr(0, at)));
    if (at == std::string_view::npos) return result;
    text.remove_prefix(at + 1);
  }
}

const StepSpec& spec_named(std::string_view name) {
  std::vector<std::string> names;
  for (const StepSpec& spec : step_specs()) {
    if (name == spec.name) return spec;
    names.emplace_back(spec.name);
  }
  fail_unknown("augment", "step", name, names);
}

double parse_number(std::string_view text, const StepSpec& spec) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  NOYAU_CHECK(error == std::errc() && end == text.data() + text.size(), "augment: ", spec.name,
              " expects a number", spec.border ? ", zero or reflect" : "", ", got \"", text, "\"");
  return value;
}

Augment parse_step(std::string_view text) {
  const auto open = text.find('(');
  const StepSpec& spec = spec_named(trimmed(text.substr(0, open)));
  std::vector<double> values;
  Border border = Border::zero;
  if (open != std::string_view::npos) {
    NOYAU_CHECK(text.ends_with(')'), "augment: \"", text, "\" lacks its closing parenthesis");
    const std::string_view inside = trimmed(text.substr(open + 1, text.size() - open - 2));
    std::vector<std::string_view> arguments =
        inside.empty() ? std::vector<std::string_view>() : pieces(inside, ',');
    const bool named =
        spec.border && !arguments.empty() && (arguments.back() == "zero" || arguments.back() == "reflect");
    if (named) {
      border = arguments.back() == "reflect" ? Border::reflect : Border::zero;
      arguments.pop_back();
    }
    for (const std::string_view argument : arguments) values.push_back(parse_number(argument, spec));
  }
  return make_step(spec.kind, std::move(values), border);
}

std::string print_step(const Augment::Step& step) {
  if (step.kind == Augment::Kind::custom) return step.name;
  const StepSpec& spec = spec_of(step.kind);
  std::size_t count = spec.arguments.size();
  while (count > spec.required && step.values[count - 1] == spec.arguments[count - 1].fallback) --count;
  std::string inside;
  for (std::size_t i = 0; i < count; ++i) inside += message(i == 0 ? "" : ",", step.values[i]);
  if (step.border == Border::reflect) inside += ",reflect";
  return inside.empty() ? spec.name : message(spec.name, "(", inside, ")");
}

}  // namespace

Augment::Augment(std::string_view text) {
  if (trimmed(text).empty() || trimmed(text) == "none") return;
  for (const std::string_view piece : pieces(text, '|')) *this = *this | parse_step(piece);
}

std::string to_string(const Augment& augment) {
  if (augment.empty()) return "none";
  std::string text;
  for (const Augment::Step& step : augment.steps())
    text += message(text.empty() ? "" : "|", print_step(step));
  return text;
}

}  // namespace noyau::inline v0
