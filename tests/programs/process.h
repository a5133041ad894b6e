#pragma once
// Runs the project's programs as their users do.
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

struct ProcessResult {
  int code = 0;     // exit code, or 128 + signal
  std::string out;  // standard output
  std::string err;  // standard error
};

struct ProcessOptions {
  std::string directory = {};               // working directory
  std::vector<std::string> variables = {};  // NAME=value, on top of the environment
  std::int64_t largest_file = 0;            // RLIMIT_FSIZE in bytes; 0: none
  bool as_nobody = false;                   // as a user without rights, where the tests are run by root
  // Called again and again while the program runs, with its process id.
  std::function<void(pid_t process, const std::string& err)> meanwhile = {};
};

// Runs the program `name` of the build with `arguments`, standard error and output captured.
ProcessResult run_program(const std::string& name, const std::vector<std::string>& arguments,
                          const ProcessOptions& options = {});
