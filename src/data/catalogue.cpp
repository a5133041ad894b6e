#include "data/catalogue.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "noyau/names.h"

namespace noyau::inline v0 {
namespace {

namespace fs = std::filesystem;

// Where a data set may lie below a data directory, and the file that shows it does.
struct Place {
  const char* folder;
  std::vector<const char*> files;
};

struct Entry {
  std::string name;
  std::vector<Place> places;
};

const std::vector<Entry>& catalogue() {
  static const std::vector<const char*> kIdxFiles = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                                                     "images-idx3-ubyte", "images-idx3-ubyte.gz"};
  static const std::vector<Entry> kEntries = {
      {"cifar10",
       {{"cifar-10-batches-bin", {"data_batch_1.bin"}},
        {".", {"data_batch_1.bin", "cifar-10-binary.tar.gz"}}}},
      {"cifar100", {{"cifar-100-binary", {"train.bin"}}, {".", {"train.bin", "cifar-100-binary.tar.gz"}}}},
      {"mnist", {{"mnist", kIdxFiles}}},
      {"fashion-mnist", {{"fashion-mnist", kIdxFiles}}},
      {"kannada-mnist", {{"kannada-mnist", kIdxFiles}}},
      {"notmnist", {{"notmnist", kIdxFiles}}},
  };
  return kEntries;
}

// The Debian package dataset-fashion-mnist.
constexpr const char* kSystemDirectory = "/usr/share/datasets";

std::vector<std::string> search_path(const std::string& directory) {
  if (!directory.empty()) return {directory};
  const char* const variable = std::getenv("NOYAU_DATA");
  std::vector<std::string> path;
  if (variable != nullptr && *variable != '\0') path.emplace_back(variable);
  path.emplace_back("data");
  return path;
}

std::string join(const std::string& directory, const char* name) {
  return (fs::path(directory) / name).string();
}

std::string find_in(const Entry& entry, const std::string& directory) {
  std::error_code ignored;
  for (const Place& place : entry.places) {
    const std::string folder =
        place.folder == std::string_view(".") ? directory : join(directory, place.folder);
    for (const char* file : place.files) {
      if (!fs::exists(join(folder, file), ignored)) continue;
      return std::string_view(file).ends_with(".tar.gz") ? join(folder, file) : folder;
    }
  }
  return {};
}

// An IDX folder itself given as the data directory.
std::string find_directly(const Entry& entry, const std::string& directory) {
  if (entry.name.find("mnist") == std::string::npos) return {};
  Entry here{entry.name, entry.places};
  here.places[0].folder = ".";
  return find_in(here, directory);
}

}  // namespace

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Entry& entry : catalogue()) names.push_back(entry.name);
    return names;
  }();
  return kNames;
}

std::string find_dataset(std::string_view name, const std::string& directory) {
  for (const Entry& entry : catalogue()) {
    if (entry.name != name) continue;
    for (const std::string& place : search_path(directory)) {
      const std::string path = find_in(entry, place);
      if (!path.empty()) return path;
    }
    const std::string direct = directory.empty() ? std::string() : find_directly(entry, directory);
    if (!direct.empty()) return direct;
    return name == "fashion-mnist" ? find_in(entry, kSystemDirectory) : std::string();
  }
  return {};
}

void fail_missing(const std::string& name, const std::string& directory) {
  std::string places;
  for (const std::string& place : search_path(directory))
    places += message(places.empty() ? "" : ", ", place);
  const char* const how = name == "fashion-mnist"
                              ? "; install the package dataset-fashion-mnist or run noyau-data fetch "
                              : "; run noyau-data fetch ";
  fail("data: ", name, " is not in ", places, how, name, ", or set NOYAU_DATA");
}

Split load_dataset(std::string_view name, const std::string& directory) {
  constexpr std::string_view kFolder = "folder:";
  if (name == "auto")
    return load_dataset(find_dataset("cifar10", directory).empty() ? "fashion-mnist" : "cifar10", directory);
  if (name == "cifar10") return cifar10(directory);
  if (name == "cifar100") return cifar100(directory);
  if (name.starts_with(kFolder)) return load_folder(std::string(name.substr(kFolder.size())));

  const std::vector<std::string>& names = dataset_names();
  if (std::find(names.begin(), names.end(), name) != names.end())
    return load_idx(std::string(name), directory);
  std::vector<std::string> known = names;
  known.insert(known.end(), {"auto", "folder:PATH"});
  fail_unknown("data", "data set", name, known);
}

}  // namespace noyau::inline v0
