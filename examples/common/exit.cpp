#include "common/exit.h"

#include <cstdio>
#include <new>

namespace programs {
namespace {

int report(const char* program, const char* what, Exit code) {
  std::fprintf(stderr, "%s: %s\n", program, what);
  return static_cast<int>(code);
}

}  // namespace

int run_program(const char* program, const std::function<Exit()>& body) {
  try {
    const Exit code = body();
    if (std::fflush(stdout) != 0) stop(Exit::runtime, "cannot write to standard output");
    return static_cast<int>(code);
  } catch (const ProgramError& error) {
    return report(program, error.what(), error.code);
  } catch (const std::bad_alloc&) {
    return report(program, "out of memory; a smaller batch needs less", Exit::runtime);
  } catch (const std::exception& error) {
    return report(program, error.what(), Exit::runtime);
  }
}

}  // namespace programs
