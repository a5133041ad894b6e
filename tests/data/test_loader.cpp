#include <algorithm>
#include <set>

#include "catch2.h"
#include "noyau/data.h"

using namespace noyau;

namespace {

Dataset counted(std::int64_t count) {
  const Tensor images = empty({count, 5, 6, 3}, {Dtype::u8}), labels = empty({count}, {Dtype::i32});
  std::uint8_t* const x = images.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < images.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 31 % 256);
  for (std::int64_t i = 0; i < count; ++i)
    labels.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(i % 4);
  return Dataset(images, labels, {.name = "counted", .classes = {"a", "b", "c", "d"}});
}

std::vector<Batch> all(Epoch epoch) {
  std::vector<Batch> batches;
  for (const Batch& batch : epoch) batches.push_back(batch);
  return batches;
}

bool same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Batch& p, const Batch& q) {
    return p.number == q.number && p.indices == q.indices && equal(p.images, q.images) &&
           equal(p.labels, q.labels);
  });
}

Augment everything() {
  return Augment(
      "alternating_flip|pad_crop(2,reflect)|affine(20,0.8,1.2,5)|color_jitter(0.3,0.3,0.3,0.1)|cutout(2)|"
      "mixup(0.4)|cutmix(1)");
}

}  // namespace

TEST_CASE("a loader gives every image once, normalised", "[data][fast]") {
  const Dataset data = counted(23);
  const std::vector<Batch> batches = all(Loader(data, {.batch = 8, .shuffle = true, .seed = 3}).epoch(0));
  REQUIRE(batches.size() == 3);
  CHECK(batches[2].images.shape() == Shape{7, 5, 6, 3});
  const Tensor expected = normalize(data.images(), data.info());
  std::set<std::int64_t> seen;
  for (const Batch& batch : batches) {
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      seen.insert(batch.indices[i]);
      CHECK(equal(batch.images[static_cast<std::int64_t>(i)], expected[batch.indices[i]]));
      CHECK(batch.labels.data<std::int32_t>()[i] == data.label(batch.indices[i]));
    }
  }
  CHECK(seen.size() == 23);
  CHECK(all(Loader(data, {.batch = 8, .drop_last = true}).epoch(0)).size() == 2);
  CHECK(all(Loader(data, {.batch = 8}).epoch(0))[1].indices.front() == 8);
}

TEST_CASE("batches depend on options, epoch and index alone", "[data][fast]") {
  const Loader loader(counted(23), {.batch = 5, .shuffle = true, .augment = everything(), .seed = 9});
  const std::vector<Batch> batches = all(loader.epoch(2));
  CHECK(same(batches, all(loader.epoch(2))));
  CHECK_FALSE(same(batches, all(loader.epoch(3))));

  LoaderOptions options = loader.options();
  for (const int prefetch : {0, 1, 7}) {
    options.prefetch = prefetch;
    CHECK(same(batches, all(Loader(loader.dataset(), options).epoch(2))));
  }
  CHECK(same({batches.begin() + 3, batches.end()}, all(loader.epoch(2, 3))));
  CHECK(all(loader.epoch(2, 5)).empty());

  options.batch = 1;  // the same image whatever the batch it comes in
  const std::vector<Batch> single = all(Loader(loader.dataset(), options).epoch(2));
  CHECK(equal(single[11].images[0], batches[2].images[1]));
  CHECK(equal(single[11].labels[0], batches[2].labels[1]));
}

TEST_CASE("images that stay on a device give the same batches", "[data][cuda][fast]") {
  if (device_count(Device::Kind::cuda) == 0) return;
  for (const char* steps :
       {"none", "flip", "alternating_flip|pad_crop(2)|cutout(3)", "translate(7,reflect)|flip"}) {
    CAPTURE(steps);
    LoaderOptions options{.batch = 8, .shuffle = true, .augment = Augment(steps), .seed = 4};
    const std::vector<Batch> expected = all(Loader(counted(23), options).epoch(1));
    options.device = Device("cuda");
    const Loader loader(counted(23), options);
    CHECK(loader.resident());
    std::vector<Batch> batches = all(loader.epoch(1));
    for (Batch& batch : batches) {
      CHECK(batch.images.device() == options.device);
      batch.images = batch.images.to(Device());
      batch.labels = batch.labels.to(Device());
    }
    CHECK(same(batches, expected));
  }
  for (const char* steps : {"cutout(3)|flip", "color_jitter(0.1)", "mixup(1)"})
    CHECK_FALSE(Loader(counted(23), {.augment = Augment(steps), .device = Device("cuda")}).resident());
  CHECK_FALSE(Loader(counted(23), {.device = Device("cuda"), .resident = false}).resident());
}

TEST_CASE("a cutout becomes the mean, and moves with what follows it", "[data][fast]") {
  const Dataset data = counted(16);
  const auto zeros = [](const Tensor& image) {
    std::vector<std::array<std::int64_t, 2>> found;
    const float* x = image.data<float>();
    for (std::int64_t y = 0; y < 5; ++y)
      for (std::int64_t q = 0; q < 6; ++q, x += 3)
        if (std::abs(x[0]) + std::abs(x[1]) + std::abs(x[2]) < 1e-5F) found.push_back({y, q});
    return found;
  };
  const auto first = [&](const char* steps) {
    return all(Loader(data, {.batch = 16, .augment = Augment(steps)}).epoch(0))[0];
  };
  const Batch cut = first("cutout(2)"), mirrored = first("cutout(2)|flip(1)"),
              twice = first("cutout(2)|cutout(3)");
  for (std::int64_t i = 0; i < 16; ++i) {
    CAPTURE(i);
    std::vector<std::array<std::int64_t, 2>> expected = zeros(cut.images[i]);
    REQUIRE(!expected.empty());
    CHECK(expected.size() <= 4);
    CHECK(zeros(twice.images[i]).size() >= expected.size());
    for (auto& place : expected) place[1] = 5 - place[1];
    std::sort(expected.begin(), expected.end());
    CHECK(zeros(mirrored.images[i]) == expected);
  }
}

TEST_CASE("labels become probabilities when images are mixed", "[data][fast]") {
  for (const Augment& mixing : {mixup(0.5), cutmix(1), mixup(1) | cutmix(1)}) {
    const std::vector<Batch> batches = all(Loader(counted(20), {.batch = 20, .augment = mixing}).epoch(0));
    REQUIRE(batches[0].labels.shape() == Shape{20, 4});
    const float* const target = batches[0].labels.data<float>();
    bool mixed = false;
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(target[4 * i] + target[4 * i + 1] + target[4 * i + 2] + target[4 * i + 3] == Approx(1));
      mixed = mixed || *std::max_element(target + 4 * i, target + 4 * i + 4) < 0.99F;
    }
    CHECK(mixed);
  }
}

TEST_CASE("an error in the loader's thread reaches the loop with the image's index", "[data][fast]") {
  for (const int prefetch : {0, 2}) {
    int calls = 0;
    const Augment broken = custom("broken", [&calls](const Pixels&, Generator&) {
      if (++calls > 6) throw std::runtime_error("no more");
    });
    const Loader loader(counted(12), {.batch = 4, .augment = broken, .prefetch = prefetch});
    std::size_t batches = 0;
    const auto run = [&] {
      for (const Batch& batch : loader.epoch(1)) batches += batch.indices.empty() ? 0 : 1;
    };
    CHECK_THROWS_WITH(run(), ContainsSubstring("loader: image 6 of counted in epoch 1: no more"));
    CHECK(batches == 1);
  }
}

TEST_CASE("a loop may be left early, and an epoch runs once", "[data][fast]") {
  const Loader loader(counted(64), {.batch = 1});
  for (const Batch& batch : loader.epoch(0)) {
    if (batch.number == 1) break;
  }
  Epoch epoch = loader.epoch(0);
  CHECK((*epoch.begin()).number == 0);
  CHECK_THROWS_WITH(epoch.begin(), ContainsSubstring("iterated a second time"));
}

TEST_CASE("a loader refuses options out of range", "[data][fast]") {
  CHECK_THROWS_WITH(Loader(Dataset()), ContainsSubstring("the data set has no images"));
  CHECK_THROWS_WITH(Loader(counted(3), {.batch = 0}), ContainsSubstring("batches of 0 images"));
  CHECK_THROWS_WITH(Loader(counted(3), {.prefetch = -1}), ContainsSubstring("-1 batches ahead"));
  CHECK_THROWS_WITH(Loader(counted(3), {.batch = 4, .drop_last = true}),
                    ContainsSubstring("less than one batch of 4"));
  CHECK_THROWS_WITH(Loader(counted(3)).epoch(0, 2), ContainsSubstring("from batch 2 of 1"));
}
