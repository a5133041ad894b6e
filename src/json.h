#pragma once
// JSON, with one-line errors.
#include <nlohmann/json.hpp>

#include "noyau/error.h"

namespace noyau::inline v0 {

using Json = nlohmann::ordered_json;

// Parses `text`, // comments allowed; throws `where: not valid JSON (line 3, column 7: ...)`.
Json parse_json(std::string_view where, std::string_view text);

}  // namespace noyau::inline v0
