#include "noyau/names.h"

#include <algorithm>
#include <numeric>

namespace noyau::inline v0 {
namespace {

// Damerau's distance: fewest insertions, deletions, replacements of one character and swaps of two neighbours, none of
// them edited twice.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (a[i] == b[j] ? 0 : 1), row[j] + 1, last[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
    before = last;
    last = row;
  }
  return last.back();
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string nearest;
  std::size_t fewest = std::max<std::size_t>(2, name.size() / 2);
  for (const std::string& candidate : known) {
    const std::size_t distance = edits(name, candidate);
    if (distance >= fewest) continue;
    fewest = distance;
    nearest = candidate;
  }
  return nearest;
}

void fail_unknown(std::string_view where, std::string_view what, std::string_view name,
                  const std::vector<std::string>& known) {
  std::string text = message(where, ": unknown ", what, " '", name, "'");
  if (const std::string nearest = nearest_name(name, known); !nearest.empty()) {
    append(text, message("; did you mean '", nearest, "'?"));
  }
  append(text, " (known: ");
  for (std::size_t i = 0; i < known.size(); ++i) append(text, message(i == 0 ? "" : ", ", known[i]));
  append(text, known.empty() ? "none)" : ")");
  throw Error(text);
}

}  // namespace noyau::inline v0
