#pragma once
/// \file
/// Ctrl-C and SIGTERM as a stop token.

#include <functional>
#include <memory>
#include <stop_token>

#include "common/exit.h"

namespace programs {

/// Whether stop was requested from `token`, as a question to ask repeatedly.
inline std::function<bool()> asked(std::stop_token token) {
  return [token = std::move(token)] { return token.stop_requested(); };
}

/// Turns SIGINT and SIGTERM into a request to stop; a second one ends the process at once.
///
/// Make one at the start of main(), before any thread: every thread must inherit the blocked signals.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Stop is requested once a signal came.
  std::stop_token token() const { return source_.get_token(); }
  /// Exit::interrupted or Exit::terminated once a signal came.
  Exit code() const;

 private:
  void watch();

  std::stop_source source_;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace programs
