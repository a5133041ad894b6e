#pragma once
// Checks that the statistics share.
#include <vector>

#include "noyau/stats.h"

namespace noyau::inline v0::stats {

inline void check_level(const char* what, double level) {
  NOYAU_CHECK(level > 0 && level < 1, what, ": the level must lie inside (0, 1) (", level, ")");
}

inline void check_pairs(const char* what, std::span<const double> a, std::span<const double> b,
                        std::size_t least) {
  NOYAU_CHECK(a.size() == b.size(), what, ": ", a.size(), " values do not pair with ", b.size());
  NOYAU_CHECK(a.size() >= least, what, ": ", a.size(), " pairs are too few; at least ", least, " are needed");
}

inline std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  std::vector<double> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

}  // namespace noyau::inline v0::stats
