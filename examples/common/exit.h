#pragma once
/// \file
/// How the programs end: exit codes and one-line errors.

#include <functional>

#include "noyau/error.h"

namespace programs {

/// What a program exits with.
enum class Exit : int {
  done = 0,
  runtime = 1,        ///< Disk full, folder locked, out of memory, ...
  usage = 2,          ///< Unknown option or plan key, value out of range, folder of another run.
  data = 3,           ///< Data or weights missing, damaged or not fitting.
  device = 4,         ///< Device not there.
  diverged = 5,       ///< The loss became infinite or not a number.
  interrupted = 130,  ///< SIGINT.
  terminated = 143,   ///< SIGTERM.
};

/// An error that knows what the program exits with.
class ProgramError : public noyau::Error {
 public:
  ProgramError(Exit exit_code, const std::string& text) : Error(text), code(exit_code) {}

  Exit code;  ///< What the program exits with.
};

/// Throws ProgramError with the joined texts of `parts`.
template <class... Parts>
[[noreturn]] void stop(Exit code, const Parts&... parts) {
  throw ProgramError(code, noyau::message(parts...));
}

/// Calls `body`; a noyau::Error that does not know its exit code leaves with `code`.
template <class Body>
auto blaming(Exit code, Body&& body) {
  try {
    return body();
  } catch (const ProgramError&) {
    throw;
  } catch (const noyau::Error& error) {
    throw ProgramError(code, error.what());
  }
}

/// Calls `body` and returns what main() returns; an exception becomes the line "program: what" on stderr.
int run_program(const char* program, const std::function<Exit()>& body);

}  // namespace programs
