#pragma once
/// \file
/// Command lines made from the table of options.

#include <memory>
#include <set>

#include "common/options.h"

namespace programs {

/// A program's command line: options of the table, and a few of its own.
class CommandLine {
 public:
  /// `usage` is what stands after the name, `about` one sentence.
  CommandLine(std::string program, std::string usage, std::string about);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Takes all options of the table, or those named.
  void take(Settings& settings, const std::vector<std::string_view>& names = {});
  /// A switch that is off unless given.
  void flag(const std::string& name, bool& value, const std::string& help);
  /// An option of the program itself, shown as `--name WHAT`.
  void text(const std::string& name, std::string& value, const std::string& what, const std::string& help);
  /// An argument without a name.
  void positional(const std::string& name, std::string& value);

  /// Parses; false when --help, --help-all or --version was asked for and printed.
  /// Stops with Exit::usage on a mistake, naming the nearest option.
  bool parse(int argc, char** argv);
  /// Names of the table's options that were given.
  const std::set<std::string, std::less<>>& given() const { return given_; }

 private:
  struct Own {
    std::string left, help;
  };
  void print_help(bool all) const;
  void print_option(const Option& option, bool all) const;
  std::vector<std::string> names() const;

  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string program_, usage_, about_;
  std::vector<const Option*> taken_;
  std::vector<Own> own_;
  std::set<std::string, std::less<>> given_;
};

/// "noyau-train 0.1.0 (cpu: avx512, 2 threads)".
std::string version_line(const std::string& program);

}  // namespace programs
