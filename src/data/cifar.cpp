#include <filesystem>

#include "data/catalogue.h"
#include "data/readers.h"
#include "noyau/parallel.h"

// Source of the format and its sizes: https://www.cs.toronto.edu/~kriz/cifar.html
namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kSide = 32, kPlane = kSide * kSide, kPixels = 3 * kPlane;

void interleave(const std::uint8_t* planes, std::uint8_t* pixels) {
  for (std::int64_t i = 0; i < kPlane; ++i) {
    pixels[3 * i] = planes[i];
    pixels[3 * i + 1] = planes[kPlane + i];
    pixels[3 * i + 2] = planes[2 * kPlane + i];
  }
}

struct CifarFile {
  const char* name;
  std::int64_t records;
  bool test;
};

struct Cifar {
  const char* folder;
  const char* archive;
  CifarFormat format;
  std::vector<CifarFile> files;
};

constexpr std::int64_t kTrain = 50000, kTest = 10000;

Cifar cifar10_layout() {
  Cifar layout{"cifar-10-batches-bin", "cifar-10-binary.tar.gz", {}, {}};
  for (const char* name :
       {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}) {
    layout.files.push_back({name, kTrain / 5, false});
  }
  layout.files.push_back({"test_batch.bin", kTest, true});
  return layout;
}

Cifar cifar100_layout(Cifar100Labels labels) {
  const bool fine = labels == Cifar100Labels::fine;
  return {"cifar-100-binary",
          "cifar-100-binary.tar.gz",
          {2, fine ? 1 : 0, fine ? 100 : 20},
          {{"train.bin", kTrain, false}, {"test.bin", kTest, true}}};
}

// Receives the files of one copy of the data set, in any order.
class Collector {
 public:
  explicit Collector(const Cifar& layout)
      : layout_(layout),
        seen_(layout.files.size()),
        train_(cifar_records(kTrain)),
        test_(cifar_records(kTest)) {}

  // Reads the file when it is one of the data set's.
  template <class Read>
  void offer(const std::string& base_name, const std::string& full_name, Read&& read) {
    std::int64_t first = 0;
    for (std::size_t i = 0; i < layout_.files.size(); ++i) {
      const CifarFile& file = layout_.files[i];
      if (base_name == file.name) {
        read_cifar(read(), full_name, layout_.format, file.test ? test_ : train_, file.test ? 0 : first,
                   file.records);
        seen_[i] = true;
      }
      first += file.records;
    }
  }

  Split finish(const std::string& path, DataInfo info) const {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      NOYAU_CHECK(seen_[i], info.name, ": ", path, " lacks ", layout_.files[i].name);
    }
    Split split;
    split.train = Dataset(train_.images, train_.labels, std::move(info));
    split.test = Dataset(test_.images, test_.labels, split.train.info());
    return split;
  }

 private:
  const Cifar& layout_;
  std::vector<bool> seen_;
  Records train_;
  Records test_;
};

Split read_folder(const std::string& path, const Cifar& layout, DataInfo info) {
  Collector collector(layout);
  for (const CifarFile& file : layout.files) {
    const std::string name = path + "/" + file.name;
    if (std::filesystem::exists(name)) collector.offer(file.name, name, [&] { return read_file(name); });
  }
  return collector.finish(path, std::move(info));
}

Split read_archive(const std::string& path, const Cifar& layout, DataInfo info) {
  const Bytes archive = read_file(path);
  Source source(archive, path);
  TarReader tar(source);
  Collector collector(layout);
  for (TarEntry entry; tar.next(entry);) {
    const std::string base = std::filesystem::path(entry.name).filename().string();
    collector.offer(base, path + ":" + entry.name, [&] { return tar.read(); });
  }
  return collector.finish(path, std::move(info));
}

Split load(const Cifar& layout, const std::string& directory, DataInfo info) {
  const std::string path = find_dataset(info.name, directory);
  if (path.empty()) fail_missing(info.name, directory);
  info.note = message("from ", path);
  return std::filesystem::is_directory(path) ? read_folder(path, layout, std::move(info))
                                             : read_archive(path, layout, std::move(info));
}

// The official training images have these channel means; a copy that went through JPEG does not.
bool has_official_pixels(const DataInfo& info) {
  constexpr double kMeans[] = {0.4913997, 0.4821584, 0.4465309}, kRounding = 1e-6;
  for (std::size_t c = 0; c < 3; ++c) {
    if (info.mean[c] < kMeans[c] - kRounding || info.mean[c] > kMeans[c] + kRounding) return false;
  }
  return true;
}

}  // namespace

Records cifar_records(std::int64_t count) {
  return {empty({count, kSide, kSide, 3}, {Dtype::u8}), empty({count}, {Dtype::i32})};
}

void read_cifar(ByteView bytes, const std::string& name, const CifarFormat& format, Records& into,
                std::int64_t first, std::int64_t records) {
  const std::int64_t record = format.label_bytes + kPixels;
  NOYAU_CHECK(static_cast<std::int64_t>(bytes.size()) == records * record, "cifar: ", name, " has ",
              bytes.size(), " bytes, expected ", records * record, " (", records, " records of ", record,
              ")");
  std::uint8_t* const images = into.images.mutable_data<std::uint8_t>();
  std::int32_t* const labels = into.labels.mutable_data<std::int32_t>();
  parallel_for(records, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t at = i * record + format.label_at;
      const std::int32_t label = bytes[static_cast<std::size_t>(at)];
      NOYAU_CHECK(label < format.classes, "cifar: ", name, " has label ", label, " at byte ", at, " (record ",
                  i, "), expected 0 to ", format.classes - 1);
      labels[first + i] = label;
      interleave(bytes.data() + i * record + format.label_bytes, images + (first + i) * kPixels);
    }
  });
}

Split cifar10(const std::string& directory) {
  Split split = load(cifar10_layout(), directory, {.name = "cifar10", .classes = cifar10_classes()});
  if (has_official_pixels(split.train.info())) return split;
  DataInfo info = split.train.info();
  info.note +=
      "; its pixels are not the official ones (the channel means differ), as in copies that went through "
      "JPEG";
  return {split.train.with_info(info), {}, split.test.with_info(info)};
}

Split cifar100(const std::string& directory, Cifar100Labels labels) {
  const bool fine = labels == Cifar100Labels::fine;
  return load(cifar100_layout(labels), directory,
              {.name = "cifar100", .classes = fine ? cifar100_classes() : cifar100_coarse_classes()});
}

}  // namespace noyau::inline v0
