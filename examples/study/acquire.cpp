#include "study/acquire.h"

#include "common/download.h"
#include "noyau/data.h"

namespace study {
namespace {

using programs::Exit;

/// Why it could not be downloaded; empty when it was.
std::string download_cifar10(const programs::DataSource& source, const std::string& directory,
                             programs::Progress& progress, const programs::Interrupts& interrupts) {
  const programs::SourceFile& file = source.files.front();
  const auto show = [&](std::int64_t done, std::int64_t total) {
    progress.update(noyau::message("downloading CIFAR-10: ", done / 1000000, " of ", total / 1000000, " MB"));
  };
  try {
    progress.line("CIFAR-10 is not here; downloading it from " + source.base_url);
    programs::download({source.base_url + file.name, file.md5, file.size},
                       programs::data_directory(directory) + "/" + file.name, show, interrupts.token());
    return "";
  } catch (const programs::ProgramError& error) {
    if (error.code == Exit::interrupted) programs::stop(interrupts.code(), error.what());
    return error.what();
  }
}

}  // namespace

std::string acquire_data(const programs::Settings& settings, programs::Progress& progress,
                         const programs::Interrupts& interrupts, const programs::DataSource& source) {
  if (settings.data != "auto") return settings.data;
  if (!noyau::find_dataset("cifar10", settings.data_dir).empty()) return "cifar10";
  const std::string why = download_cifar10(source, settings.data_dir, progress, interrupts);
  if (why.empty()) return "cifar10";
  if (noyau::find_dataset("fashion-mnist", settings.data_dir).empty())
    programs::stop(Exit::data, why, "; Fashion-MNIST is not here either (package dataset-fashion-mnist)");
  progress.banner(
      "CIFAR-10 is not here and could not be downloaded: this study runs on Fashion-MNIST instead (" + why +
      ")");
  return "fashion-mnist";
}

}  // namespace study
