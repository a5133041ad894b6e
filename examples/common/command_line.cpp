#include "common/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/nearest.h"
#include "noyau/cpu.h"
#include "noyau/parallel.h"

namespace programs {
using noyau::message;

namespace {

constexpr int kLeftColumn = 25;

std::string placeholder(const Option& option) {
  if (std::holds_alternative<bool Settings::*>(option.member)) return "";
  if (std::holds_alternative<std::string Settings::*>(option.member))
    return option.unit == "path" ? " PATH" : " NAME";
  return option.unit == "s" ? " SECONDS" : " N";
}

std::string default_text(const Option& option) {
  const Json value = default_of(option);
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

void print_line(const std::string& left, const std::string& right) {
  std::printf("  %-*s %s\n", kLeftColumn, left.c_str(), right.c_str());
}

void print_wrapped(const std::string& text) {
  constexpr std::size_t kWidth = 72;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.size();
    if (end - begin > kWidth) end = text.rfind(' ', begin + kWidth);
    std::printf("      %s\n", text.substr(begin, end - begin).c_str());
    begin = end + 1;
  }
}

}  // namespace

struct CommandLine::Parser {
  CLI::App app;
  bool help = false, help_all = false, version = false;
};

CommandLine::CommandLine(std::string program, std::string usage, std::string about)
    : parser_(std::make_unique<Parser>()),
      program_(std::move(program)),
      usage_(std::move(usage)),
      about_(std::move(about)) {
  parser_->app.set_help_flag();
  parser_->app.allow_extras();
  flag("help", parser_->help, "this screen");
  flag("help-all", parser_->help_all, "every option, with range and effect");
  flag("version", parser_->version, "version and instruction set");
}

CommandLine::~CommandLine() = default;

void CommandLine::take(Settings& settings, const std::vector<std::string_view>& wanted) {
  for (const Option& option : options()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), option.name) == wanted.end()) continue;
    taken_.push_back(&option);
    const bool is_switch = std::holds_alternative<bool Settings::*>(option.member);
    const auto set = [this, &settings, &option](const std::string& value) {
      assign_text(settings, option, value, "command line");
      given_.emplace(option.name);
    };
    const std::string name = message("--", option.name);
    if (is_switch) {
      parser_->app.add_flag_function(name, [set](std::int64_t) { set("true"); });
      continue;
    }
    parser_->app.add_option_function<std::string>(name, set)->type_size(1);
  }
}

void CommandLine::flag(const std::string& name, bool& value, const std::string& help) {
  parser_->app.add_flag("--" + name + (name == "help" ? ",-h" : ""), value);
  own_.push_back({"--" + name, help});
}

void CommandLine::text(const std::string& name, std::string& value, const std::string& what,
                       const std::string& help) {
  parser_->app.add_option("--" + name, value);
  own_.push_back({"--" + name + " " + what, help});
}

void CommandLine::positional(const std::string& name, std::string& value) {
  parser_->app.add_option(name, value);
}

std::vector<std::string> CommandLine::names() const {
  std::vector<std::string> all;
  for (const Own& own : own_) all.push_back(own.left.substr(0, own.left.find(' ')));
  for (const Option* option : taken_) all.push_back(message("--", option->name));
  return all;
}

bool CommandLine::parse(int argc, char** argv) {
  try {
    parser_->app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    stop(Exit::usage, error.what());
  }
  for (const std::string& extra : parser_->app.remaining()) {
    if (extra.rfind("--", 0) != 0) stop(Exit::usage, "unexpected argument '", extra, "'");
    const std::string name = extra.substr(0, extra.find('='));
    stop(Exit::usage, "unknown option ", name, did_you_mean(name, names()));
  }
  if (parser_->version) std::printf("%s\n", version_line(program_).c_str());
  if (parser_->help || parser_->help_all) print_help(parser_->help_all);
  return !(parser_->version || parser_->help || parser_->help_all);
}

void CommandLine::print_option(const Option& option, bool all) const {
  if (!all && !option.essential) return;
  const std::string left = message("--", option.name, placeholder(option));
  const std::string unit =
      option.unit == "none" || option.unit == option.label ? "" : message(" ", option.unit);
  const std::string fallback = default_text(option);
  const bool number = default_of(option).is_number();
  print_line(left,
             message(option.label, fallback.empty() ? "" : " [" + fallback + (number ? unit : "") + "]"));
  if (!all) return;
  print_wrapped(std::string(option.definition));
  print_wrapped(message("Allowed: ", allowed(option), ". Typical: ", option.typical, "."));
  const bool scalable = option.tenth != "-";
  print_wrapped(message(scalable ? "Ten times: " : "Effect: ", option.times_ten));
  if (scalable) print_wrapped(message("A tenth: ", option.tenth));
}

void CommandLine::print_help(bool all) const {
  std::printf("usage: %s %s\n%s\n", program_.c_str(), usage_.c_str(), about_.c_str());
  for (const Option* option : taken_) print_option(*option, all);
  for (const Own& own : own_) print_line(own.left, own.help);
}

std::string version_line(const std::string& program) {
  return message(program, " " NOYAU_VERSION " (cpu: ", noyau::cpu_isa(), ", ", noyau::num_threads(),
                 " threads)");
}

}  // namespace programs
