#pragma once
/// \file
/// The one table of options: command line, --help, plan files, configurations, result rows and the report's glossary.

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "common/exit.h"
#include "common/settings.h"

namespace programs {

/// JSON objects that keep the order of their keys.
using Json = nlohmann::ordered_json;

/// What an option belongs to.
enum class Group { data, augmentation, network, training, evaluation, run };

/// One option.
struct Option {
  /// Where the value lives; its type is the option's type.
  using Member =
      std::variant<bool Settings::*, std::int64_t Settings::*, double Settings::*, std::string Settings::*>;

  std::string_view name;        ///< --name on the command line; the key in plans, configurations and rows.
  std::string_view label;       ///< What a figure's axis and --help call it.
  Group group;                  ///< Where it is listed.
  Member member;                ///< Where the value lives; the default is that of Settings.
  std::string_view definition;  ///< What it is, in one sentence.
  std::string_view unit;        ///< Unit of a number; "name", "path" or "yes or no" of what is none.
  std::string_view typical;     ///< Range or values in common use.
  std::string_view
      times_ten;           ///< What ten times the value does; of what is no number, what changing it does.
  std::string_view tenth;  ///< What a tenth does; "-" for what is no number.
  double low = 0;          ///< Smallest number allowed.
  double high = 0;         ///< Largest number allowed.
  std::vector<std::string> choices = {};  ///< Names allowed; any text where empty.
  bool essential = false;                 ///< On the one screen of --help.
  bool shapes_result = true;              ///< Part of a run's identity, its hash.
};

/// All options, by group.
std::span<const Option> options();
/// The option called `name`; stops with Exit::usage, naming `where` and the nearest name, when there is none.
const Option& option(std::string_view name, std::string_view where);
/// "data", "augmentation", ...
std::string_view group_name(Group group);
/// The option's value.
Json value_of(const Option& option, const Settings& settings);
/// The option's default.
Json default_of(const Option& option);
/// "0 to 1", "sgd, adam, adamw", "any text": what is allowed.
std::string allowed(const Option& option);

/// Sets an option from JSON; stops with Exit::usage, naming `where`, on a wrong type or a value that is not allowed.
void assign(Settings& settings, const Option& option, const Json& value, std::string_view where);
/// Sets an option from text, as on a command line.
void assign_text(Settings& settings, const Option& option, const std::string& text, std::string_view where);

/// Every option's value by name.
Json to_json(const Settings& settings);
/// Options that shape the result, for a hash.
Json identity(const Settings& settings);
/// Gives `settings` the values of the recipe that it names.
void apply_recipe(Settings& settings);
/// Sets the options of an object of names and values; a recipe among them comes first.
void assign_all(Settings& settings, const Json& values, std::string_view where);
/// FNV-1a of `text` as eight hexadecimal digits. Source: Fowler, Noll, Vo, "The FNV non-cryptographic hash".
std::string hash8(std::string_view text);

}  // namespace programs
