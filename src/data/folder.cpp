#include <algorithm>
#include <cctype>
#include <filesystem>

#include "data/catalogue.h"
#include "noyau/image.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

namespace fs = std::filesystem;

bool is_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

// Paths below `directory` that satisfy `wanted`, in alphabetical order; hidden ones are left out.
template <class Wanted>
std::vector<fs::path> entries(const std::string& directory, Wanted&& wanted) {
  std::vector<fs::path> result;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && wanted(entry)) result.push_back(entry.path());
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

Dataset image_folder(const std::string& directory, const FolderOptions& options) {
  NOYAU_CHECK(fs::is_directory(directory), "image_folder: ", directory, " is not a folder");
  DataInfo info{.name = "folder", .note = message("from ", directory)};
  std::vector<std::string> files;
  std::vector<std::int32_t> ids;
  for (const fs::path& folder : entries(directory, [](const auto& entry) { return entry.is_directory(); })) {
    const auto images = entries(folder.string(), [](const auto& entry) {
      return entry.is_regular_file() && is_image_name(entry.path());
    });
    NOYAU_CHECK(!images.empty(), "image_folder: class ", folder.string(), " has no .jpg, .jpeg or .png");
    for (const fs::path& image : images) files.push_back(image.string());
    ids.resize(files.size(), static_cast<std::int32_t>(info.classes.size()));
    info.classes.push_back(folder.filename().string());
  }
  NOYAU_CHECK(!files.empty(), "image_folder: ", directory, " has no folders of images, one for each class");
  const auto count = static_cast<std::int64_t>(files.size());
  const std::int64_t size = options.height * options.width * options.channels;
  const Tensor images = empty({count, options.height, options.width, options.channels}, {Dtype::u8});
  std::uint8_t* const out = images.mutable_data<std::uint8_t>();
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Tensor image = load_image(files[static_cast<std::size_t>(i)], {options.channels});
      std::copy_n(resize_image(image, options.height, options.width).data<std::uint8_t>(), size,
                  out + i * size);
    }
  });
  return Dataset(images, from_vector(ids, {count}), std::move(info));
}

Split load_folder(const std::string& path) {
  if (!fs::is_directory(path + "/train") || !fs::is_directory(path + "/test")) {
    const Dataset all = image_folder(path);
    DataInfo info = all.info();
    info.note += kDrawnTest;
    return split_dataset(all.with_info(info));
  }
  Split split;
  split.train = image_folder(path + "/train");
  const Dataset test = image_folder(path + "/test");
  NOYAU_CHECK(test.info().classes == split.train.info().classes, "image_folder: ", path, "/train and ", path,
              "/test have different classes");
  split.test = test.with_info(split.train.info());
  return split;
}

}  // namespace noyau::inline v0
