#pragma once
/// \file
/// Looking things up by name, with an error that helps.

#include <vector>

#include "noyau/error.h"

namespace noyau::inline v0 {

/// The name of `known` that takes the fewest edits to reach from `name`; empty when none is near.
NOYAU_API std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

/// Throws `where: unknown what 'name'[; did you mean 'nearest'?] (known: a, b, ...)`.
[[noreturn]] NOYAU_API void fail_unknown(std::string_view where, std::string_view what, std::string_view name,
                                         const std::vector<std::string>& known);

}  // namespace noyau::inline v0
