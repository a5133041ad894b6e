#pragma once
/// \file
/// Where the time goes: kernel calls while a Profile lives, as rows, as a table, and as a trace for chrome://tracing.

#include <memory>
#include <string>
#include <vector>

#include "noyau/error.h"

namespace noyau::inline v0 {

/// What part of training a kernel was called from.
enum class ProfilePhase : std::uint8_t {
  forward,   ///< Outside of the others: computing outputs.
  backward,  ///< In backward() or grad().
  update,    ///< In Optimizer::step().
};
/// Appends "forward", "backward" or "update".
NOYAU_API void append(std::string& text, ProfilePhase phase);

/// Calls of a kernel, added up.
struct ProfileRow {
  std::string name;                            ///< Op that called the kernel.
  ProfilePhase phase = ProfilePhase::forward;  ///< Where from.
  std::string operands =
      {};  ///< Shapes of inputs and outputs, "[3, 3, 3, 16] [64, 8, 8, 3] ..."; empty if added up.
  std::int64_t calls = 0;  ///< Number of calls.
  double seconds = 0;      ///< Wall time of all calls.
  double flops = 0;        ///< Multiplications and additions of all calls; 0 where the op does not say.
  double bytes = 0;  ///< Size of the operands of all calls, each read or written once: the least traffic.
};

/// What rows of a Profile stand for.
enum class ProfileBy : std::uint8_t {
  op,        ///< An op in a phase.
  operands,  ///< An op in a phase on operands of certain shapes.
};

/// Collects all kernel calls of the process from its construction until stop() or its end; one at a time.
///
///     Profile profile;
///     for (int i = 0; i < 20; ++i) sgd.minimize(cross_entropy(net(images), labels));
///     std::cout << profile.table();
///
/// When none lives, a kernel call costs the load of a flag. Calls on a GPU count only until they are launched.
class NOYAU_API Profile {
 public:
  Profile();   ///< Begins to collect; throws when another Profile does.
  ~Profile();  ///< Ends.
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Ends collecting; the calls so far stay. What follows does so by itself.
  void stop();
  /// Wall time collected.
  double seconds();
  /// Rows, longest first.
  std::vector<ProfileRow> rows(ProfileBy by = ProfileBy::op);
  /// The rows as aligned columns: calls, ms, share of the wall time, GFLOP/s and GB/s; then what no kernel accounts for.
  std::string table(ProfileBy by = ProfileBy::op);
  /// The calls in Chrome's trace event format (JSON), for chrome://tracing or ui.perfetto.dev.
  std::string chrome_trace();

 private:
  struct Calls;
  std::unique_ptr<Calls> calls_;
};

}  // namespace noyau::inline v0
