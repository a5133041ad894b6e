#pragma once
// "Did you mean": the name of a list that looks most like a mistyped one.
#include <span>
#include <string>

#include "noyau/error.h"

namespace noyau::inline v0 {

// The member of `names` with the fewest letters to insert, remove or replace; empty when all are quite different.
NOYAU_API std::string nearest(std::string_view name, std::span<const std::string> names);
// "; did you mean X?" with the nearest of `names`, or nothing; for error messages.
NOYAU_API std::string suggestion(std::string_view name, std::span<const std::string> names);

}  // namespace noyau::inline v0
