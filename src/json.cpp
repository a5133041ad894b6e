#include "json.h"

namespace noyau::inline v0 {

Json parse_json(std::string_view where, std::string_view text) {
  try {
    return Json::parse(text, nullptr, true, true);
  } catch (const nlohmann::json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: what": the part in brackets helps nobody
    std::string_view what = error.what();
    what.remove_prefix(std::min(what.size(), what.find("] ") + 2));
    fail(where, ": not valid JSON (", what, ")");
  }
}

}  // namespace noyau::inline v0
