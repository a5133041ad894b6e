#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <numeric>

#include "noyau/data.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

constexpr std::uint64_t kSubsetStream = 1, kLabelStream = 2;

void check_labels(const DataInfo& info, const Tensor& labels) {
  const auto classes = static_cast<std::int32_t>(info.classes.size());
  const std::int32_t* const ids = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    NOYAU_CHECK(ids[i] >= 0 && ids[i] < classes, "dataset: ", info.name, " image ", i, " has label ", ids[i],
                ", expected 0 to ", classes - 1);
  }
}

// Sums of one channel; integers, so that any order gives the same.
struct Sums {
  std::uint64_t values = 0;
  std::uint64_t squares = 0;
};

std::vector<Sums> channel_sums(const Tensor& images) {
  const std::int64_t channels = images.dim(-1);
  const std::uint8_t* const x = images.data<std::uint8_t>();
  std::vector<Sums> total(static_cast<std::size_t>(channels));
  std::mutex mutex;
  parallel_for(images.size() / channels, std::int64_t{1} << 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = 0; c < channels; ++c) {
      Sums sums;
      for (std::int64_t i = begin; i < end; ++i) {
        const std::uint64_t value = x[i * channels + c];
        sums.values += value;
        sums.squares += value * value;
      }
      const std::lock_guard lock(mutex);
      total[static_cast<std::size_t>(c)].values += sums.values;
      total[static_cast<std::size_t>(c)].squares += sums.squares;
    }
  });
  return total;
}

// Indices of each class, in order.
std::vector<std::vector<std::int64_t>> by_class(const Dataset& dataset) {
  std::vector<std::vector<std::int64_t>> members(dataset.info().classes.size());
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    members[static_cast<std::size_t>(dataset.label(i))].push_back(i);
  return members;
}

// The members of a class in the random order of (seed, class).
std::vector<std::int64_t> shuffled(const std::vector<std::int64_t>& members, std::uint64_t seed,
                                   std::size_t id) {
  Generator generator = stream(seed, kSubsetStream, id);
  std::vector<std::int64_t> result;
  result.reserve(members.size());
  for (const std::int64_t place : permutation(static_cast<std::int64_t>(members.size()), generator)) {
    result.push_back(members[static_cast<std::size_t>(place)]);
  }
  return result;
}

Dataset part(const Dataset& dataset, std::vector<std::int64_t>& indices, const DataInfo& info) {
  if (indices.empty()) return {};
  std::sort(indices.begin(), indices.end());
  return dataset.select(indices).with_info(info);
}

}  // namespace

void measure(DataInfo& info, const Tensor& images) {
  const std::vector<Sums> sums = channel_sums(images);
  const auto count = static_cast<double>(images.size()) / static_cast<double>(sums.size());
  info.mean.clear();
  info.deviation.clear();
  for (const Sums& channel : sums) {
    const double mean = static_cast<double>(channel.values) / count;
    const double variance = std::max(0.0, static_cast<double>(channel.squares) / count - mean * mean);
    info.mean.push_back(mean / 255);
    info.deviation.push_back(variance > 0 ? std::sqrt(variance) / 255 : 1.0);
  }
}

Dataset::Dataset(Tensor images, Tensor labels, DataInfo info)
    : images_(std::move(images)), labels_(std::move(labels)), info_(std::move(info)) {
  NOYAU_CHECK(images_ && images_.dtype() == Dtype::u8 && images_.rank() == 4, "dataset: ", info_.name,
              " needs u8 images [n, h, w, c], got ", images_);
  NOYAU_CHECK(labels_ && labels_.dtype() == Dtype::i32 && labels_.shape() == Shape({images_.dim(0)}),
              "dataset: ", info_.name, " needs i32 labels [", images_.dim(0), "], got ", labels_);
  NOYAU_CHECK(images_.size() > 0, "dataset: ", info_.name, " has no images (", images_, ")");
  NOYAU_CHECK(images_.dim(3) == 1 || images_.dim(3) == 3, "dataset: ", info_.name, " has ", images_.dim(3),
              " channels, expected 1 or 3");
  check_labels(info_, labels_);
  info_.height = images_.dim(1);
  info_.width = images_.dim(2);
  info_.channels = images_.dim(3);
  if (info_.mean.empty() && info_.deviation.empty()) measure(info_, images_);
  const auto channels = static_cast<std::size_t>(info_.channels);
  NOYAU_CHECK(info_.mean.size() == channels && info_.deviation.size() == channels, "dataset: ", info_.name,
              " has ", info_.mean.size(), " means and ", info_.deviation.size(), " deviations for ", channels,
              " channels");
}

std::int32_t Dataset::label(std::int64_t index) const {
  NOYAU_CHECK(index >= 0 && index < size(), "dataset: image ", index, " of ", info_.name, ", which has ",
              size());
  return labels_.data<std::int32_t>()[index];
}

std::vector<std::int64_t> Dataset::counts() const {
  std::vector<std::int64_t> result(info_.classes.size());
  for (std::int64_t i = 0; i < size(); ++i) ++result[static_cast<std::size_t>(label(i))];
  return result;
}

Dataset Dataset::select(std::span<const std::int64_t> indices) const {
  NOYAU_CHECK(!indices.empty(), "dataset: no images of ", info_.name, " selected");
  const auto count = static_cast<std::int64_t>(indices.size());
  Dataset result;
  result.info_ = info_;
  result.images_ = noyau::empty({count, info_.height, info_.width, info_.channels}, {Dtype::u8});
  result.labels_ = noyau::empty({count}, {Dtype::i32});
  const auto bytes = static_cast<std::size_t>(info_.height * info_.width * info_.channels);
  std::uint8_t* image = result.images_.mutable_data<std::uint8_t>();
  std::int32_t* id = result.labels_.mutable_data<std::int32_t>();
  for (const std::int64_t index : indices) {
    *id++ = label(index);
    std::memcpy(image, images_.data<std::uint8_t>() + static_cast<std::size_t>(index) * bytes, bytes);
    image += bytes;
  }
  return result;
}

Dataset Dataset::subset(std::int64_t per_class, std::uint64_t seed) const {
  NOYAU_CHECK(per_class > 0, "dataset: a subset of ", per_class, " images a class");
  std::vector<std::int64_t> chosen;
  const auto members = by_class(*this);
  for (std::size_t id = 0; id < members.size(); ++id) {
    NOYAU_CHECK(static_cast<std::int64_t>(members[id].size()) >= per_class, "dataset: ", info_.name, " has ",
                members[id].size(), " images of class ", info_.classes[id], ", fewer than ", per_class);
    const std::vector<std::int64_t> order = shuffled(members[id], seed, id);
    chosen.insert(chosen.end(), order.begin(), order.begin() + per_class);
  }
  std::sort(chosen.begin(), chosen.end());
  return select(chosen);
}

Dataset Dataset::first(std::int64_t count) const {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::clamp(count, std::int64_t{0}, size())));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return select(indices);
}

Dataset Dataset::random_labels(std::uint64_t seed, double share) const {
  NOYAU_CHECK(share >= 0 && share <= 1, "dataset: random labels for a share of ", share, ", expected 0 to 1");
  Dataset result = *this;
  result.labels_ = labels_.clone();
  std::int32_t* const ids = result.labels_.mutable_data<std::int32_t>();
  for (std::int64_t i = 0; i < size(); ++i) {
    Generator generator = stream(seed, kLabelStream, static_cast<std::uint64_t>(i));
    if (generator.uniform() >= share) continue;
    ids[i] = static_cast<std::int32_t>(generator.below(static_cast<std::uint32_t>(info_.classes.size())));
  }
  result.info_.note += message(info_.note.empty() ? "" : "; ", "labels of a share of ", share,
                               " drawn at random (seed ", seed, ")");
  return result;
}

Dataset Dataset::with_info(DataInfo info) const { return Dataset(images_, labels_, std::move(info)); }

Split split_dataset(const Dataset& dataset, const SplitOptions& options) {
  NOYAU_CHECK(options.validation >= 0 && options.test >= 0 && options.validation + options.test < 1,
              "split_dataset: shares of ", options.validation, " for validation and ", options.test,
              " for test leave nothing to train on");
  std::vector<std::int64_t> train, validation, test;
  const auto members = by_class(dataset);
  for (std::size_t id = 0; id < members.size(); ++id) {
    const std::vector<std::int64_t> order = shuffled(members[id], options.seed, id);
    const auto count = static_cast<double>(order.size());
    const auto tests = std::lround(count * options.test);
    const auto others = tests + std::lround(count * options.validation);
    NOYAU_CHECK(others < std::lround(count), "split_dataset: class ", dataset.info().classes[id], " of ",
                dataset.info().name, " has ", order.size(), " images, too few for these shares");
    test.insert(test.end(), order.begin(), order.begin() + tests);
    validation.insert(validation.end(), order.begin() + tests, order.begin() + others);
    train.insert(train.end(), order.begin() + others, order.end());
  }
  DataInfo info = dataset.info();
  info.mean.clear();
  info.deviation.clear();
  Split split;
  split.train = part(dataset, train, info);
  split.validation = part(dataset, validation, split.train.info());
  split.test = part(dataset, test, split.train.info());
  return split;
}

Split with_validation(const Split& split, double share, std::uint64_t seed) {
  NOYAU_CHECK(split.validation.empty(), "with_validation: ", split.train.info().name,
              " has a validation split already");
  Split result = split_dataset(split.train, {.validation = share, .test = 0, .seed = seed});
  if (!split.test.empty()) result.test = split.test.with_info(result.train.info());
  return result;
}

}  // namespace noyau::inline v0
