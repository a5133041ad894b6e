#include "common/nearest.h"

#include "noyau/names.h"

namespace programs {

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::string nearest = noyau::nearest_name(name, names);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace programs
