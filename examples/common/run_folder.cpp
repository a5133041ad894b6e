#include "common/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/files.h"

namespace programs {
namespace {

constexpr int kSchema = 1;

std::string last_part(const std::string& path) {
  std::string name = std::filesystem::path(path.substr(path.find(':') + 1)).stem().string();
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '-'; }, '_');
  return name;
}

std::string folder_name(const Settings& settings) {
  return noyau::message("runs/", last_part(settings.data), "-", last_part(settings.model), "-s",
                        settings.seed, "-", hash8(identity(settings).dump()));
}

void write_config(const std::string& folder, const Settings& settings, const Json& data) {
  const Json config{
      {"schema", kSchema}, {"version", NOYAU_VERSION}, {"data", data}, {"options", to_json(settings)}};
  write_file(folder + "/config.json", config.dump(2) + "\n");
}

Json read_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  if (!std::filesystem::exists(path))
    stop(Exit::usage, "cannot resume: ", folder, " holds no run (there is no config.json)");
  const Json config = read_json(path, Exit::data);
  if (!config.is_object() || !config.contains("options") || !config.contains("data"))
    stop(Exit::data, path, ": expected an object with options and data");
  return config;
}

}  // namespace

std::string make_run_folder(const Settings& settings, const std::string& resume) {
  if (!resume.empty()) return resume;
  const std::string folder = settings.out.empty() ? folder_name(settings) : settings.out;
  make_folder(folder);
  return folder;
}

void begin_run(const std::string& folder, const Settings& settings, bool resumed, const Json& data) {
  if (!resumed && std::filesystem::exists(folder + "/config.json"))
    stop(Exit::usage, folder, " holds a run already; go on with --resume ", folder,
         " or choose another --out");
  if (resumed) {
    const Json before = read_config(folder)["data"];
    if (before != data)
      stop(Exit::data, "cannot resume ", folder, ": it was trained on ", before.dump(),
           " but the data are now ", data.dump());
  }
  write_config(folder, settings, data);
}

Settings resumed_settings(const std::string& folder, const Settings& asked,
                          const std::set<std::string, std::less<>>& given) {
  Settings settings;
  assign_all(settings, read_config(folder)["options"], folder + "/config.json");
  for (const Option& option : options()) {
    if (!given.contains(option.name)) continue;
    const Json before = value_of(option, settings), wanted = value_of(option, asked);
    if (option.shapes_result && option.name != "epochs" && before != wanted)
      stop(Exit::usage, "cannot resume with another ", option.name, ": ", folder, " has ", before.dump(),
           ", not ", wanted.dump(), "; only epochs may change");
    assign(settings, option, wanted, "command line");
  }
  return settings;
}

void write_history(const std::string& path, const Json& epoch) {
  std::string text;
  read_journal(path, [&](const Json& row) {
    if (row.value("epoch", 0) < epoch.value("epoch", 0)) text += row.dump() + "\n";
  });
  write_file(path, text + epoch.dump() + "\n");
}

}  // namespace programs
