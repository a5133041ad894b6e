#include <algorithm>
#include <filesystem>

#include "data/catalogue.h"
#include "data/readers.h"

namespace noyau::inline v0 {
namespace {

constexpr std::uint32_t kUnsignedBytes = 0x08;

std::uint32_t big_endian(const Bytes& bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

std::string hex(std::uint32_t value) {
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
  return text;
}

std::string expected_magic(const std::vector<int>& ranks) {
  std::string text;
  for (const int rank : ranks) {
    if (!text.empty()) text += " or ";
    text += hex(kUnsignedBytes << 8 | static_cast<std::uint32_t>(rank));
  }
  return text;
}

// `base` or `base`.gz, whichever exists; empty when neither does.
std::string existing(const std::string& base) {
  if (std::filesystem::exists(base)) return base;
  return std::filesystem::exists(base + ".gz") ? base + ".gz" : std::string();
}

Dataset read_pair(const std::string& folder, const std::string& prefix, const std::string& name) {
  const std::string images = existing(folder + "/" + prefix + "images-idx3-ubyte");
  const std::string labels = existing(folder + "/" + prefix + "labels-idx1-ubyte");
  NOYAU_CHECK(!images.empty() && !labels.empty(), name, ": ", folder, " lacks ", prefix,
              images.empty() ? "images-idx3-ubyte" : "labels-idx1-ubyte", " (plain or .gz)");
  DataInfo info = idx_info(name);
  const Dataset pair = idx_dataset(images, labels, info.classes);
  info.note = message("from ", folder);
  return pair.with_info(info);
}

}  // namespace

Tensor read_idx(ByteView bytes, const std::string& name, std::vector<int> ranks) {
  Source source(bytes, name);
  const std::uint32_t magic = big_endian(source.take(4, "an IDX magic number"));
  const int rank = static_cast<int>(magic & 255);
  const bool known =
      magic >> 8 == kUnsignedBytes && std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
  NOYAU_CHECK(known, "idx: ", name, " begins with ", hex(magic), ", expected ", expected_magic(ranks));
  std::vector<std::int64_t> extents;
  std::int64_t count = 1;
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  for (int axis = 0; axis < rank; ++axis) {
    extents.push_back(big_endian(source.take(4, "an IDX extent")));
    count *= extents.back();
    NOYAU_CHECK(count <= kMost, "idx: ", name, " claims ", count, " elements or more at byte ", 4 + 4 * axis,
                ", which no such file has");
  }
  const Bytes elements = source.take(static_cast<std::size_t>(count), "IDX elements");
  source.expect_end();
  if (rank == 3) extents.push_back(1);
  const Tensor tensor = empty(Shape(extents), {Dtype::u8});
  std::copy(elements.begin(), elements.end(), tensor.mutable_data<std::uint8_t>());
  return tensor;
}

Tensor idx_labels(const Tensor& labels, const std::string& name, std::int64_t classes) {
  constexpr std::int64_t kHeader = 8;
  const std::uint8_t* const bytes = labels.data<std::uint8_t>();
  const Tensor ids = empty(labels.shape(), {Dtype::i32});
  std::int32_t* const out = ids.mutable_data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    NOYAU_CHECK(bytes[i] < classes, "idx: ", name, " has label ", int{bytes[i]}, " at byte ", kHeader + i,
                ", expected 0 to ", classes - 1);
    out[i] = bytes[i];
  }
  return ids;
}

Dataset idx_dataset(const std::string& images, const std::string& labels, std::vector<std::string> classes) {
  const Tensor pixels = read_idx(read_file(images), images, {3, 4});
  const Tensor ids = read_idx(read_file(labels), labels, {1});
  NOYAU_CHECK(pixels.dim(0) == ids.dim(0), "idx: ", images, " has ", pixels.dim(0), " images but ", labels,
              " has ", ids.dim(0), " labels");
  if (classes.empty()) {
    const std::uint8_t* const bytes = ids.data<std::uint8_t>();
    const int count = ids.size() == 0 ? 1 : *std::max_element(bytes, bytes + ids.size()) + 1;
    for (int id = 0; id < count; ++id) classes.push_back(message(id));
  }
  const Tensor checked = idx_labels(ids, labels, static_cast<std::int64_t>(classes.size()));
  return Dataset(pixels, checked,
                 {.name = "idx", .classes = std::move(classes), .note = message("from ", images)});
}

Split load_idx(const std::string& name, const std::string& directory) {
  const std::string path = find_dataset(name, directory);
  if (path.empty()) fail_missing(name, directory);
  const bool split = !existing(path + "/t10k-images-idx3-ubyte").empty() ||
                     !existing(path + "/train-images-idx3-ubyte").empty();
  if (!split) {
    Dataset all = read_pair(path, "", name);
    DataInfo info = all.info();
    info.note += kDrawnTest;
    return split_dataset(all.with_info(info));
  }
  Split result;
  result.train = read_pair(path, "train-", name);
  result.test = read_pair(path, "t10k-", name).with_info(result.train.info());
  return result;
}

Split mnist(const std::string& directory) { return load_idx("mnist", directory); }
Split fashion_mnist(const std::string& directory) { return load_idx("fashion-mnist", directory); }

}  // namespace noyau::inline v0
