#pragma once
/// \file
/// Labelled images, the data sets noyau knows, and the loader that turns them into batches.

#include <iterator>

#include "noyau/augment.h"

namespace noyau::inline v0 {

/// What a network has to know of the images it was trained on; saved with its weights.
struct DataInfo {
  std::string name = {};                  ///< "cifar10", "fashion-mnist", "folder", ...
  std::vector<std::string> classes = {};  ///< Class names, by id.
  std::int64_t height = 0;                ///< Rows of an image.
  std::int64_t width = 0;                 ///< Columns of an image.
  std::int64_t channels = 0;              ///< 1 (grey) or 3 (red, green, blue).
  std::vector<double> mean = {};          ///< Mean of each channel over the training images, in [0, 1].
  std::vector<double> deviation =
      {};                 ///< Standard deviation of each channel over the training images, in [0, 1].
  std::string note = {};  ///< Where the images come from and what was done to them.
};

/// Images in memory with their class ids. Copies share the images; nothing writes them.
class NOYAU_API Dataset {
 public:
  /// No images (an absent validation split).
  Dataset() = default;
  /// Images u8 [n, h, w, c], class ids i32 [n]; size and channels of `info` are set from `images`, mean and deviation
  /// computed from them when absent. Throws on shapes that differ, no images, or an id that is no class of `info`.
  Dataset(Tensor images, Tensor labels, DataInfo info);

  /// Number of images.
  std::int64_t size() const { return images_ ? images_.dim(0) : 0; }
  /// True when there are no images.
  bool empty() const { return size() == 0; }
  /// u8 [n, h, w, c]; undefined when empty.
  const Tensor& images() const { return images_; }
  /// i32 [n]; undefined when empty.
  const Tensor& labels() const { return labels_; }
  /// What the images are, with the mean and deviation of the training split.
  const DataInfo& info() const { return info_; }
  /// Class id of image `index`; throws when out of range.
  std::int32_t label(std::int64_t index) const;
  /// Number of images of each class.
  std::vector<std::int64_t> counts() const;

  /// The images with the given indices, in that order; throws on an index out of range or none.
  Dataset select(std::span<const std::int64_t> indices) const;
  /// A random `per_class` images of each class, in their order here; throws when a class has fewer.
  Dataset subset(std::int64_t per_class, std::uint64_t seed = 0) const;
  /// The first `count` images (all, when there are fewer).
  Dataset first(std::int64_t count) const;
  /// The same images with other labels: a random `share` of them gets a class drawn from all classes alike.
  Dataset random_labels(std::uint64_t seed, double share = 1) const;
  /// The same images and labels with other information; throws where Dataset(images, labels, info) would.
  Dataset with_info(DataInfo info) const;

 private:
  Tensor images_;
  Tensor labels_;
  DataInfo info_;
};

/// The three roles of images: learn from train, choose on validation, report on test. Each may be empty.
struct Split {
  Dataset train;       ///< What weights are fitted to.
  Dataset validation;  ///< What choices are made on; empty unless with_validation() made it.
  Dataset test;        ///< What is reported, once.
};

/// Shares of split_dataset().
struct SplitOptions {
  double validation = 0;   ///< Share of each class, in [0, 1).
  double test = 0.2;       ///< Share of each class, in [0, 1).
  std::uint64_t seed = 0;  ///< Decides who goes where.
};
/// Splits at random, class by class (stratified, rounded to whole images), keeping the order within each part; mean and
/// deviation are those of the new training split. Throws when the shares leave a class without training images.
NOYAU_API Split split_dataset(const Dataset& dataset, const SplitOptions& options = {});
/// Takes a random `share` of each class of the training split as validation; mean and deviation follow.
NOYAU_API Split with_validation(const Split& split, double share, std::uint64_t seed = 0);
/// Mean and deviation of each channel, in [0, 1], written to `info`; exact whatever the number of threads.
NOYAU_API void measure(DataInfo& info, const Tensor& images);

/// Image format that adapt() makes; 0 keeps what is there.
struct AdaptOptions {
  std::int64_t height = 0;    ///< Rows.
  std::int64_t width = 0;     ///< Columns.
  std::int64_t channels = 0;  ///< 1 or 3.
};
/// Brings all images to one format, for networks that expect it (28x28 grey to 32x32 colour, say): smaller images are
/// centred on black, larger ones resized by area; grey is repeated, colour becomes luma (ITU-R BT.601).
NOYAU_API Split adapt(const Split& split, const AdaptOptions& options);

/// \name Data sets
/// An empty `directory` means $NOYAU_DATA if set, then ./data. All throw when the files are absent, naming where they
/// looked, and on damaged files, naming file, offset and what was expected.
/// \{

/// CIFAR-10, 50 000 + 10 000 images 32x32x3: the binary version, from `directory`/cifar-10-batches-bin, `directory`
/// itself or the official archive cifar-10-binary.tar.gz in it, read without unpacking.
NOYAU_API Split cifar10(const std::string& directory = {});
/// Which of the two labels of CIFAR-100 counts.
enum class Cifar100Labels : std::uint8_t { fine, coarse };
/// CIFAR-100, with its 100 fine or 20 coarse classes; cifar-100-binary or cifar-100-binary.tar.gz.
NOYAU_API Split cifar100(const std::string& directory = {}, Cifar100Labels labels = Cifar100Labels::fine);
/// MNIST, 60 000 + 10 000 digits 28x28x1, from `directory`/mnist or `directory` itself, plain or .gz.
NOYAU_API Split mnist(const std::string& directory = {});
/// Fashion-MNIST, 60 000 + 10 000 articles 28x28x1, from `directory`/fashion-mnist, `directory` itself, or where the
/// Debian package dataset-fashion-mnist puts it; plain or .gz.
NOYAU_API Split fashion_mnist(const std::string& directory = {});
/// One pair of IDX files (images u8 of 3 or 4 axes, labels u8), plain or gzip. Names its classes "0", "1", ... unless
/// given.
NOYAU_API Dataset idx_dataset(const std::string& images, const std::string& labels,
                              std::vector<std::string> classes = {});
/// How image_folder() reads images.
struct FolderOptions {
  std::int64_t height = 32;   ///< Rows; images are resized by area.
  std::int64_t width = 32;    ///< Columns.
  std::int64_t channels = 3;  ///< 1 or 3.
};
/// Images (.jpg, .jpeg, .png) of folders named after their class, in alphabetical order; EXIF orientation is applied
/// and transparency laid over white. Throws on an unreadable image or a class without images.
NOYAU_API Dataset image_folder(const std::string& directory, const FolderOptions& options = {});
/// A data set by name (see dataset_names()) or `folder:PATH`, with or without train and test folders in it.
/// Sets without an official split give a stratified fifth of each class as test. "auto" is cifar10 where it is found
/// and fashion-mnist otherwise; `info().name` tells which. Throws on an unknown name, with the nearest.
NOYAU_API Split load_dataset(std::string_view name, const std::string& directory = {});
/// Path of the files of the data set `name`, or empty when there are none; as load_dataset() would search.
NOYAU_API std::string find_dataset(std::string_view name, const std::string& directory = {});
/// The names load_dataset() knows.
NOYAU_API const std::vector<std::string>& dataset_names();
/// \}

/// What a Loader gives at a time.
struct Batch {
  Tensor images;  ///< f32 [n, h, w, c], (x / 255 - mean) / deviation of the data set.
  Tensor labels;  ///< Class ids i32 [n], or probabilities f32 [n, classes] with mixup or cutmix.
  std::vector<std::int64_t> indices;  ///< Where the images are in the data set.
  std::int64_t number = 0;            ///< Position in the epoch, from 0.
};

/// How a Loader makes batches.
struct LoaderOptions {
  std::int64_t batch = 64;  ///< Images in a batch.
  bool shuffle = false;     ///< A new order each epoch, from `seed`.
  Augment augment = {};     ///< What happens to the images.
  Device device = {};       ///< Where batches go.
  std::uint64_t seed = 0;   ///< Decides order and augmentation.
  bool drop_last = false;   ///< Leave out a last batch that is not full.
  int prefetch = 2;         ///< Batches made ahead by a thread of the loader; 0: none, made when asked for.
  /// On a CUDA device: keep the images there where they take at most a quarter of its free memory and `augment` only moves
  /// pixels (flips, shifts, a cutout at the end), so that one kernel makes a batch. The bits are the same either way.
  bool resident = true;
};

/// The batches of one epoch, to be iterated once; moving on waits for the next batch.
class NOYAU_API Epoch {
 public:
  /// An input iterator.
  class NOYAU_API Iterator {
   public:
    using iterator_category = std::input_iterator_tag;  ///< Single pass.
    using value_type = Batch;                           ///< What it points to.
    using difference_type = std::ptrdiff_t;             ///< Unused.
    using pointer = const Batch*;                       ///< Valid until the next increment.
    using reference = const Batch&;                     ///< Valid until the next increment.

    /// The present batch.
    const Batch& operator*() const;
    /// \copydoc operator*
    const Batch* operator->() const { return &**this; }
    /// Waits for the next batch; rethrows what went wrong while it was made.
    Iterator& operator++();
    /// True at the end.
    friend bool operator==(const Iterator& a, std::default_sentinel_t) { return a.at_end(); }

   private:
    friend class Epoch;
    explicit Iterator(Epoch* epoch) : epoch_(epoch) {}
    bool at_end() const;
    Epoch* epoch_;
  };

  Epoch(Epoch&&) noexcept;             ///< Takes over.
  Epoch& operator=(Epoch&&) noexcept;  ///< Takes over.
  ~Epoch();                            ///< Stops the loader's thread.
  /// The first batch.
  Iterator begin();
  /// Past the last batch.
  std::default_sentinel_t end() const { return {}; }

 private:
  friend class Loader;
  struct State;
  explicit Epoch(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Turns a data set into batches of normalised images. The batches of an epoch depend on the options alone.
class NOYAU_API Loader {
 public:
  /// Throws on an empty data set or options out of range.
  explicit Loader(Dataset dataset, LoaderOptions options = {});

  /// The batches of epoch `number`, from batch `from` on: how training goes on in the middle of an epoch.
  Epoch epoch(std::int64_t number, std::int64_t from = 0) const;
  /// Batches in an epoch.
  std::int64_t batches() const;
  /// The data set.
  const Dataset& dataset() const { return dataset_; }
  /// The options.
  const LoaderOptions& options() const { return options_; }
  /// Whether batches are made on the device, from images that stay there.
  bool resident() const { return resident_ != nullptr; }

 private:
  friend struct Epoch::State;
  struct Resident;
  Dataset dataset_;
  LoaderOptions options_;
  std::shared_ptr<const Resident> resident_;  // null where the CPU makes batches
};

/// Images u8 [n, h, w, c] as the Loader gives them: f32, (x / 255 - mean) / deviation. Throws unless they fit `info`.
NOYAU_API Tensor normalize(const Tensor& images, const DataInfo& info);

}  // namespace noyau::inline v0
