/// \file
/// noyau-data: fetches data sets, verifies them and writes their cards.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "common/command_line.h"
#include "common/data_card.h"
#include "common/data_sources.h"
#include "common/download.h"
#include "common/exit.h"
#include "common/interrupt.h"
#include "common/md5.h"
#include "common/nearest.h"
#include "common/progress.h"
#include "noyau/image.h"

namespace {

namespace fs = std::filesystem;
using programs::Exit;
using Json = nlohmann::ordered_json;

struct Arguments {
  std::string name = "auto";
  std::string directory;
  std::string url;
  std::string out = "cards";
  bool json = false;
};

noyau::Split load(const Arguments& arguments) {
  return programs::blaming(Exit::data,
                           [&] { return noyau::load_dataset(arguments.name, arguments.directory); });
}

std::string megabytes(std::int64_t bytes) { return noyau::message((bytes + 500000) / 1000000, " MB"); }

Exit fetch(const Arguments& arguments, const programs::Interrupts& interrupts) {
  const programs::DataSource* const source = programs::find_source(arguments.name);
  if (source == nullptr || source->files.empty()) {
    programs::stop(Exit::usage, "fetch: ", arguments.name,
                   " cannot be fetched (can: cifar10, cifar100, mnist, fashion-mnist)");
  }
  const std::string base = arguments.url.empty() ? source->base_url : arguments.url;
  programs::Progress progress;
  for (const programs::SourceFile& file : source->files) {
    const std::string path =
        (fs::path(programs::data_directory(arguments.directory)) / source->folder / file.name).string();
    const auto show = [&](std::int64_t done, std::int64_t total) {
      progress.update(
          noyau::message(file.name, ": ", megabytes(done), total > 0 ? " of " + megabytes(total) : ""));
    };
    const std::string url = noyau::message(base, base.ends_with('/') ? "" : "/", file.name);
    try {
      programs::download({url, file.md5, file.size}, path, show, interrupts.token());
    } catch (const programs::ProgramError& error) {
      if (error.code == Exit::interrupted) programs::stop(interrupts.code(), error.what());
      throw;
    }
    std::printf("%s\n", path.c_str());
  }
  return Exit::done;
}

struct FileSum {
  std::string path, md5;
  const char* verdict;
};

void judge(FileSum& sum, const programs::DataSource& source) {
  for (const auto* files : {&source.files, &source.plain}) {
    for (const programs::SourceFile& file : *files) {
      if (fs::path(sum.path).filename() != file.name) continue;
      sum.verdict = sum.md5 == file.md5 ? "as published" : "another file than published, or compressed anew";
    }
  }
}

// Check sums of the files in the data set's folder, or of the archive, against those published.
std::vector<FileSum> check_sums(const Arguments& arguments) {
  const std::string found = noyau::find_dataset(arguments.name, arguments.directory);
  const programs::DataSource* const source = programs::find_source(arguments.name);
  std::vector<fs::path> paths;
  if (fs::is_regular_file(found)) paths.emplace_back(found);
  if (fs::is_directory(found)) {
    for (const auto& entry : fs::directory_iterator(found)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<FileSum> sums;
  for (const fs::path& path : paths) {
    FileSum sum{path.string(), programs::md5_of_file(path.string()), "no published check sum"};
    if (source != nullptr) judge(sum, *source);
    sums.push_back(sum);
  }
  return sums;
}

Json describe(const noyau::Dataset& part) {
  if (part.empty()) return nullptr;
  return {{"images", part.size()}, {"per_class", part.counts()}};
}

void print_part(const char* role, const noyau::Dataset& part) {
  if (part.empty()) return;
  const auto counts = part.counts();
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  std::printf("%-11s %lld images, %lld to %lld a class\n", role, static_cast<long long>(part.size()),
              static_cast<long long>(*least), static_cast<long long>(*most));
}

Exit verify(const Arguments& given) {
  const noyau::Split split = load(given);
  const noyau::DataInfo& info = split.train.info();
  Arguments arguments = given;
  if (given.name == "auto") arguments.name = info.name;
  const std::vector<FileSum> sums = check_sums(arguments);
  if (arguments.json) {
    Json files = Json::array();
    for (const FileSum& sum : sums)
      files.push_back({{"path", sum.path}, {"md5", sum.md5}, {"verdict", sum.verdict}});
    const Json result = {{"schema", "noyau-data-verify-1"},
                         {"name", info.name},
                         {"height", info.height},
                         {"width", info.width},
                         {"channels", info.channels},
                         {"classes", info.classes},
                         {"mean", info.mean},
                         {"deviation", info.deviation},
                         {"train", describe(split.train)},
                         {"validation", describe(split.validation)},
                         {"test", describe(split.test)},
                         {"note", info.note},
                         {"files", files}};
    std::printf("%s\n", result.dump(2).c_str());
    return Exit::done;
  }
  std::printf("%s: %zu classes, images %lld x %lld x %lld\n", info.name.c_str(), info.classes.size(),
              static_cast<long long>(info.height), static_cast<long long>(info.width),
              static_cast<long long>(info.channels));
  print_part("train", split.train);
  print_part("validation", split.validation);
  print_part("test", split.test);
  std::printf("%s\n", info.note.c_str());
  for (const FileSum& sum : sums)
    std::printf("%s  %s  (%s)\n", sum.md5.c_str(), sum.path.c_str(), sum.verdict);
  return Exit::done;
}

Exit card(const Arguments& arguments) {
  const noyau::Split split = load(arguments);
  const std::string name = split.train.info().name;
  std::error_code error;
  fs::create_directories(arguments.out, error);
  if (error) programs::stop(Exit::runtime, "cannot make ", arguments.out, " (", error.message(), ")");
  const std::string picture = name + ".png", page = (fs::path(arguments.out) / (name + ".md")).string();
  noyau::save_png((fs::path(arguments.out) / picture).string(), programs::sample_grid(split.train));
  const std::string text = programs::data_card(split, picture);
  std::ofstream file(page + ".part", std::ios::binary);
  file << text;
  file.close();
  if (!file || std::rename((page + ".part").c_str(), page.c_str()) != 0)
    programs::stop(Exit::runtime, "cannot write ", page);
  std::printf("%s\n", page.c_str());
  return Exit::done;
}

void add_data_options(CLI::App& command, Arguments& arguments) {
  command.add_option("name", arguments.name,
                     "cifar10, cifar100, mnist, fashion-mnist, kannada-mnist, notmnist, folder:PATH, auto");
  command.add_option("--data-dir", arguments.directory,
                     "where data sets lie (default: $NOYAU_DATA, else ./data)");
}

// Names the first argument that nobody asked for, and the option that it may have meant.
[[noreturn]] void refuse_extra(const CLI::App& app) {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  };
  add(app);
  for (const CLI::App* command : app.get_subcommands()) add(*command);
  const std::vector<std::string> extras = app.remaining(true);
  const std::string extra = extras.empty() ? "" : extras.front().substr(0, extras.front().find('='));
  programs::stop(Exit::usage, extra.starts_with("--") ? "unknown option " : "unexpected argument ", extra,
                 programs::did_you_mean(extra, names), " (noyau-data --help)");
}

Exit run(int argc, char** argv) {
  const programs::Interrupts interrupts;
  Arguments arguments;
  CLI::App app("Fetches data sets, verifies them and writes their cards.", "noyau-data");
  app.require_subcommand(1);
  CLI::App* const fetching =
      app.add_subcommand("fetch", "download from the publisher; goes on after a break; checked by md5");
  add_data_options(*fetching, arguments);
  fetching->get_option("name")->required();
  fetching->add_option("--url", arguments.url,
                       "another server that has the same files: the address of their folder");
  CLI::App* const verifying =
      app.add_subcommand("verify", "read everything: counts, sizes, label ranges, check sums");
  add_data_options(*verifying, arguments);
  verifying->add_flag("--json", arguments.json, "the result as JSON");
  CLI::App* const describing = app.add_subcommand("card", "write a Markdown card and a picture of samples");
  add_data_options(*describing, arguments);
  describing->add_option("--out", arguments.out, "folder for both")->capture_default_str();
  app.set_help_all_flag("--help-all", "the options of every command");
  app.set_version_flag("--version", programs::version_line("noyau-data"), "version and instruction set");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    refuse_extra(app);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return Exit::done;
    }
    programs::stop(Exit::usage, error.what(), " (noyau-data --help)");
  }
  if (fetching->parsed()) return fetch(arguments, interrupts);
  if (verifying->parsed()) return verify(arguments);
  return card(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  return programs::run_program("noyau-data", [&] { return run(argc, argv); });
}
