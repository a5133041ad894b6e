#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <thread>

#include "data/pipeline.h"
#include "devices.h"
#include "kernel_dims.h"
#include "ops/gather_images.h"

namespace noyau::inline v0 {
namespace {

constexpr std::uint64_t kOrderStream = UINT64_MAX;

// A batch, or what went wrong while it was made. Where the device has the images, `plan` stands for them.
struct Made {
  Batch batch;
  Tensor plan;
  std::exception_ptr error;
};

// Makes any batch of one epoch.
class BatchMaker {
 public:
  BatchMaker(const Dataset& dataset, const LoaderOptions& options, std::int64_t epoch, bool plans)
      : dataset_(dataset),
        options_(options),
        epoch_(epoch),
        plans_(plans),
        pipeline_(options.augment, dataset, options.seed) {
    if (options.shuffle) {
      Generator generator = stream(options.seed, static_cast<std::uint64_t>(epoch), kOrderStream);
      order_ = permutation(dataset.size(), generator);
    } else {
      order_.resize(static_cast<std::size_t>(dataset.size()));
      std::iota(order_.begin(), order_.end(), std::int64_t{0});
    }
  }

  Made make(std::int64_t number) {
    const std::int64_t first = number * options_.batch;
    const std::int64_t count = std::min(options_.batch, dataset_.size() - first);
    Made made;
    Batch& batch = made.batch;
    batch.number = number;
    batch.indices.assign(order_.begin() + first, order_.begin() + first + count);
    if (plans_)
      plan(made);
    else
      fill(batch);
    return made;
  }

 private:
  void plan(Made& made) {
    const std::vector<std::int64_t>& indices = made.batch.indices;
    const auto count = static_cast<std::int64_t>(indices.size());
    const std::int64_t length = kPlanHead + dataset_.info().height + dataset_.info().width;
    made.plan = empty({count, length}, {Dtype::i32});
    made.batch.labels = empty({count}, {Dtype::i32});
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t index = indices[static_cast<std::size_t>(i)];
      pipeline_.write_plan(epoch_, index, made.plan.mutable_data<std::int32_t>() + i * length, scratch_);
      made.batch.labels.mutable_data<std::int32_t>()[i] = dataset_.label(index);
    }
  }

  void fill(Batch& batch) {
    const DataInfo& info = dataset_.info();
    const auto count = static_cast<std::int64_t>(batch.indices.size());
    const auto classes = static_cast<std::int64_t>(info.classes.size());
    const bool mixes = options_.augment.mixes_labels();
    batch.images = empty({count, info.height, info.width, info.channels});
    batch.labels = mixes ? empty({count, classes}) : empty({count}, {Dtype::i32});
    const std::int64_t size = info.height * info.width * info.channels;
    float* const images = batch.images.mutable_data<float>();
    float* const targets = mixes ? batch.labels.mutable_data<float>() : nullptr;
    std::int32_t* const ids = mixes ? nullptr : batch.labels.mutable_data<std::int32_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t index = batch.indices[static_cast<std::size_t>(i)];
      make_image(index, images + i * size, mixes ? targets + i * classes : nullptr);
      if (!mixes) ids[i] = dataset_.label(index);
    }
  }

  void make_image(std::int64_t index, float* image, float* target) try {
    pipeline_.apply(epoch_, index, image, target, scratch_);
  } catch (const std::exception& error) {
    fail("loader: image ", index, " of ", dataset_.info().name, " in epoch ", epoch_, ": ", error.what());
  }

  Dataset dataset_;
  LoaderOptions options_;
  std::int64_t epoch_;
  bool plans_;
  Pipeline pipeline_;
  PipelineScratch scratch_;
  std::vector<std::int64_t> order_;
};

}  // namespace

// What a device keeps of a data set.
struct Loader::Resident {
  Tensor images;
  Tensor table;
};

struct Epoch::State {
  State(const Loader& loader, std::int64_t epoch, std::int64_t from)
      : maker(loader.dataset_, loader.options_, epoch, loader.resident()),
        resident(loader.resident_),
        device(loader.options_.device),
        next(from),
        end(loader.batches()),
        ahead(loader.options_.prefetch) {
    if (ahead > 0 && next < end) thread = std::thread([this, from] { produce(from); });
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    changed.notify_all();
    if (thread.joinable()) thread.join();
  }

  void produce(std::int64_t from) {
    for (std::int64_t number = from; number < end; ++number) {
      Made made;
      try {
        made = maker.make(number);
      } catch (...) {
        made.error = std::current_exception();
      }
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return stopped || static_cast<int>(ready.size()) < ahead; });
      if (stopped) return;
      const bool failed = made.error != nullptr;
      ready.push_back(std::move(made));
      lock.unlock();
      changed.notify_all();
      if (failed) return;
    }
  }

  Made take() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !ready.empty(); });
    Made made = std::move(ready.front());
    ready.pop_front();
    lock.unlock();
    changed.notify_all();
    if (made.error) std::rethrow_exception(made.error);
    return made;
  }

  void advance() {
    at_end = next >= end;
    if (at_end) return;
    at_end = true;  // should taking throw
    Made made = ahead > 0 ? take() : maker.make(next);
    batch = std::move(made.batch);
    batch.images = resident ? gather_images(resident->images, made.plan.to(device), resident->table)
                            : batch.images.to(device);
    batch.labels = batch.labels.to(device);
    ++next;
    at_end = false;
  }

  BatchMaker maker;
  std::shared_ptr<const Loader::Resident> resident;
  Device device;
  std::int64_t next;  // the next batch to hand out
  std::int64_t end;
  int ahead;
  Batch batch;
  bool at_end = false;
  bool begun = false;
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::deque<Made> ready;
  bool stopped = false;
  std::thread thread;
};

Epoch::Epoch(std::unique_ptr<State> state) : state_(std::move(state)) {}
Epoch::Epoch(Epoch&&) noexcept = default;
Epoch& Epoch::operator=(Epoch&&) noexcept = default;
Epoch::~Epoch() = default;

Epoch::Iterator Epoch::begin() {
  NOYAU_CHECK(!state_->begun, "loader: an epoch is iterated a second time; ask the loader for it again");
  state_->begun = true;
  state_->advance();
  return Iterator(this);
}

const Batch& Epoch::Iterator::operator*() const { return epoch_->state_->batch; }

Epoch::Iterator& Epoch::Iterator::operator++() {
  epoch_->state_->advance();
  return *this;
}

bool Epoch::Iterator::at_end() const { return epoch_->state_->at_end; }

Loader::Loader(Dataset dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)) {
  NOYAU_CHECK(!dataset_.empty(), "loader: the data set has no images");
  NOYAU_CHECK(options_.batch > 0, "loader: batches of ", options_.batch, " images");
  NOYAU_CHECK(options_.prefetch >= 0, "loader: ", options_.prefetch, " batches ahead");
  NOYAU_CHECK(batches() > 0, "loader: ", dataset_.info().name, " has ", dataset_.size(),
              " images, less than one batch of ", options_.batch, "; do not drop the last");
  if (!options_.resident || options_.device.kind != Device::Kind::cuda) return;
  const Pipeline pipeline(options_.augment, dataset_, options_.seed);
  const bool fits = dataset_.images().size() <= cuda::free_memory(options_.device.index) / 4;
  if (!fits || !pipeline.only_moves()) return;
  resident_ = std::make_shared<Resident>(
      Resident{dataset_.images().to(options_.device), pipeline.table().to(options_.device)});
}

std::int64_t Loader::batches() const {
  return (dataset_.size() + (options_.drop_last ? 0 : options_.batch - 1)) / options_.batch;
}

Epoch Loader::epoch(std::int64_t number, std::int64_t from) const {
  NOYAU_CHECK(number >= 0 && from >= 0 && from <= batches(), "loader: epoch ", number, " from batch ", from,
              " of ", batches());
  return Epoch(std::make_unique<Epoch::State>(*this, number, from));
}

Tensor normalize(const Tensor& images, const DataInfo& info) {
  NOYAU_CHECK(images.dtype() == Dtype::u8 && images.rank() == 4 && images.dim(3) == info.channels &&
                  static_cast<std::int64_t>(info.mean.size()) == info.channels,
              "normalize: ", images, " for images of ", info.channels, " channels");
  const std::int64_t channels = info.channels;
  const Tensor result = empty(images.shape());
  float* out = result.mutable_data<float>();
  const std::uint8_t* const x = images.data<std::uint8_t>();
  for (std::int64_t i = 0; i < images.size(); ++i) {
    const auto c = static_cast<std::size_t>(i % channels);
    *out++ = static_cast<float>((x[i] / 255.0 - info.mean[c]) / info.deviation[c]);
  }
  return result;
}

}  // namespace noyau::inline v0
