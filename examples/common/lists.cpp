#include "common/lists.h"

#include <cstdio>

#include "common/nearest.h"
#include "common/options.h"
#include "noyau/data.h"
#include "noyau/models.h"

namespace programs {
namespace {

void list_models() {
  for (const noyau::ModelInfo& model : noyau::models())
    std::printf("%-20s %s (%s)\n", model.name.c_str(), model.description.c_str(), model.source.c_str());
}

void list_data(const std::string& directory) {
  for (const std::string& name : noyau::dataset_names()) {
    const std::string path = noyau::find_dataset(name, directory);
    std::printf("%-20s %s\n", name.c_str(), path.empty() ? "not found" : path.c_str());
  }
  std::printf("%-20s images in folders named after their classes\n", "folder:PATH");
}

/// Every option that is one of several names.
void list_methods() {
  for (const Option& option : options())
    if (!option.choices.empty())
      std::printf("%-20s %s\n", std::string(option.name).c_str(), joined(option.choices).c_str());
}

}  // namespace

Exit print_list(const std::string& what, const std::string& directory) {
  const std::vector<std::string> known{"models", "data", "methods"};
  if (what == "models") {
    list_models();
  } else if (what == "data") {
    list_data(directory);
  } else if (what == "methods") {
    list_methods();
  } else {
    stop(Exit::usage, "unknown list '", what, "'", did_you_mean(what, known), " (known: ", joined(known),
         ")");
  }
  return Exit::done;
}

}  // namespace programs
