#include "explain/items.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "common/exit.h"
#include "noyau/image.h"

namespace explain {
namespace {

namespace fs = std::filesystem;
using noyau::Tensor;
using programs::Exit;
using programs::stop;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

bool is_image(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Tensor fitted(const Tensor& image, const noyau::DataInfo& info) {
  return noyau::convert_channels(noyau::resize_image(image, info.height, info.width), info.channels);
}

Item from_test(std::int64_t index, const noyau::Dataset& test, const noyau::DataInfo& info) {
  if (test.empty())
    stop(Exit::usage, "--images: ", index, " is an index of the test set, but there is none; give --data");
  if (index >= test.size()) {
    stop(Exit::usage, "--images: ", index, " is out of range; the test set has ", test.size(), " images");
  }
  Item item;
  item.image = fitted(test.images()[index], info);
  item.id = noyau::message("test-", index);
  item.name = noyau::message("test image ", index);
  item.truth = test.label(index);
  return item;
}

Item from_file(const fs::path& path, const noyau::DataInfo& info) {
  Item item;
  item.image = fitted(programs::blaming(Exit::data, [&] { return noyau::load_image(path.string()); }), info);
  item.id = path.stem().string();
  item.name = path.string();
  const auto named = std::ranges::find(info.classes, path.parent_path().filename().string());
  if (named != info.classes.end()) item.truth = static_cast<std::int32_t>(named - info.classes.begin());
  return item;
}

void add_folder(std::vector<Item>& items, const fs::path& folder, const noyau::DataInfo& info) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_image(entry.path())) paths.push_back(entry.path());
  }
  if (paths.empty()) stop(Exit::data, folder.string(), ": no .png, .jpg or .jpeg file in this folder");
  std::ranges::sort(paths);
  for (const fs::path& path : paths) items.push_back(from_file(path, info));
}

noyau::Device device_of(const noyau::Sequential& net) {
  const std::vector<Tensor> parameters = net.parameters();
  return parameters.empty() ? noyau::Device() : parameters.front().device();
}

// Names of files: letters, digits, '-' and '_', no two the same.
void make_ids_unique(std::vector<Item>& items) {
  std::map<std::string, int> seen;
  for (Item& item : items) {
    for (char& c : item.id) {
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
    }
    const int before = seen[item.id]++;
    if (before > 0) item.id += noyau::message("_", before);
  }
}

}  // namespace

std::string class_name(const noyau::DataInfo& info, std::int32_t id) {
  const bool named = id >= 0 && id < static_cast<std::int32_t>(info.classes.size());
  return named ? info.classes[static_cast<std::size_t>(id)] : noyau::message("class ", id);
}

std::vector<Item> items_of(const std::string& list, const noyau::Dataset& test, const noyau::DataInfo& info) {
  std::vector<Item> items;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string one = list.substr(begin, end - begin);
    begin = end + 1;
    if (is_number(one) && one.size() < 10) {
      items.push_back(from_test(std::stol(one), test, info));
    } else if (fs::is_directory(one)) {
      add_folder(items, one, info);
    } else {
      items.push_back(from_file(one, info));
    }
  }
  make_ids_unique(items);
  return items;
}

std::vector<Item> first_items(std::int64_t count, const noyau::Dataset& test, const noyau::DataInfo& info) {
  if (test.empty()) stop(Exit::usage, "there is no test set; give --data");
  std::vector<Item> items;
  for (std::int64_t i = 0; i < std::min(count, test.size()); ++i) items.push_back(from_test(i, test, info));
  return items;
}

Tensor inputs_of(const noyau::Sequential& net, const std::vector<Item>& items, const noyau::DataInfo& info) {
  std::vector<Tensor> images;
  for (const Item& item : items) {
    images.push_back(reshape(item.image, {1, info.height, info.width, info.channels}));
  }
  return inputs_of(net, images.size() == 1 ? images[0] : noyau::concat(images, 0), info);
}

Tensor inputs_of(const noyau::Sequential& net, const Tensor& images, const noyau::DataInfo& info) {
  if (images.dim(1) == info.height && images.dim(2) == info.width && images.dim(3) == info.channels) {
    return noyau::normalize(images, info).to(device_of(net));
  }
  std::vector<Tensor> fit;
  for (std::int64_t i = 0; i < images.dim(0); ++i) {
    fit.push_back(reshape(fitted(images[i], info), {1, info.height, info.width, info.channels}));
  }
  return noyau::normalize(noyau::concat(fit, 0), info).to(device_of(net));
}

void classify(std::vector<Item>& items, const noyau::Sequential& net, const noyau::DataInfo& info) {
  const noyau::NoGrad off;
  for (std::size_t begin = 0; begin < items.size(); begin += 64) {
    const std::size_t end = std::min(items.size(), begin + 64);
    const std::vector<Item> part(items.begin() + static_cast<std::ptrdiff_t>(begin),
                                 items.begin() + static_cast<std::ptrdiff_t>(end));
    const Tensor p = softmax(net(inputs_of(net, part, info)));
    for (std::size_t i = begin; i < end; ++i) {
      items[i].probabilities = p[static_cast<std::int64_t>(i - begin)].to_vector<float>();
      const auto& values = items[i].probabilities;
      items[i].predicted = static_cast<std::int32_t>(std::ranges::max_element(values) - values.begin());
    }
  }
}

std::vector<Item> default_items(const noyau::Sequential& net, const noyau::Dataset& test,
                                const noyau::DataInfo& info) {
  std::vector<Item> all = first_items(2000, test, info);
  classify(all, net, info);
  const auto confidence = [](const Item& item) { return *std::ranges::max_element(item.probabilities); };
  std::vector<Item> chosen;
  for (std::int32_t label = 0; label < static_cast<std::int32_t>(all[0].probabilities.size()); ++label) {
    for (const bool wrong : {false, true}) {
      std::vector<Item> candidates;
      std::ranges::copy_if(all, std::back_inserter(candidates),
                           [&](const Item& item) { return item.truth == label && item.wrong() == wrong; });
      if (candidates.empty()) continue;
      std::ranges::sort(candidates, std::greater<>(), confidence);
      candidates.front().why =
          wrong ? "the most confident error of its class" : "the most confident hit of its class";
      candidates.back().why =
          wrong ? "the least confident error of its class" : "the least confident hit of its class";
      chosen.push_back(candidates.front());
      if (candidates.size() > 1) chosen.push_back(candidates.back());
    }
  }
  return chosen;
}

}  // namespace explain
