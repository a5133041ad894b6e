#include "study/samples.h"

#include <algorithm>
#include <filesystem>

#include "common/files.h"
#include "noyau/image.h"

namespace study {
namespace {

constexpr std::int64_t kImages = 8;  // of each class

std::string path_of(const std::string& folder, const std::string& data, std::size_t id) {
  return noyau::message(folder, "/samples/", data, "/", id, ".png");
}

}  // namespace

void write_samples(const noyau::Dataset& images, const std::string& folder) {
  const std::string data = images.info().name;
  if (std::filesystem::exists(path_of(folder, data, 0))) return;
  programs::make_folder(noyau::message(folder, "/samples/", data));
  const auto counts = images.counts();
  const std::int64_t each = std::min(kImages, *std::min_element(counts.begin(), counts.end()));
  if (each == 0) return;
  const noyau::Dataset chosen = images.subset(each, 0);
  for (std::size_t id = counts.size(); id-- > 0;) {  // the first is written last: it stands for all
    std::vector<std::int64_t> mine;
    for (std::int64_t i = 0; i < chosen.size(); ++i)
      if (chosen.label(i) == static_cast<std::int32_t>(id)) mine.push_back(i);
    const auto png =
        noyau::encode_png(noyau::image_grid(chosen.select(mine).images(), {.columns = each, .gap = 1}));
    programs::write_file(path_of(folder, data, id), {png.begin(), png.end()});
  }
}

std::vector<std::string> read_samples(const std::string& folder, const std::string& data) {
  std::vector<std::string> strips;
  while (std::filesystem::exists(path_of(folder, data, strips.size())))
    strips.push_back(programs::read_file(path_of(folder, data, strips.size()), programs::Exit::data));
  return strips;
}

}  // namespace study
