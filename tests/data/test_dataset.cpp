#include <cmath>
#include <numeric>

#include "catch2.h"
#include "noyau/data.h"

using namespace noyau;

namespace {

// `count` images of 4 x 4 x 3 in `classes` classes in turn; pixel values tell image and place.
Dataset small(std::int64_t count, int classes = 3) {
  const Tensor images = empty({count, 4, 4, 3}, {Dtype::u8});
  std::uint8_t* const x = images.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < images.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 7 % 251);
  const Tensor labels = empty({count}, {Dtype::i32});
  for (std::int64_t i = 0; i < count; ++i)
    labels.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(i % classes);
  DataInfo info{.name = "small"};
  for (int id = 0; id < classes; ++id) info.classes.push_back(message("c", id));
  return Dataset(images, labels, info);
}

}  // namespace

TEST_CASE("a data set knows its images", "[data][fast]") {
  const Dataset data = small(9);
  CHECK(data.size() == 9);
  CHECK(data.info().height == 4);
  CHECK(data.info().channels == 3);
  CHECK(data.counts() == std::vector<std::int64_t>{3, 3, 3});
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < data.images().size(); i += 3) {
    const double value = data.images().data<std::uint8_t>()[i] / 255.0;
    sum += value;
    squares += value * value;
  }
  const double mean = sum / (9 * 16);
  CHECK(data.info().mean[0] == Approx(mean));
  CHECK(data.info().deviation[0] == Approx(std::sqrt(squares / (9 * 16) - mean * mean)));
  CHECK_THROWS_WITH(data.label(9), ContainsSubstring("image 9 of small, which has 9"));
}

TEST_CASE("a data set refuses what does not fit together", "[data][fast]") {
  const Tensor images = zeros({2, 4, 4, 3}, {Dtype::u8}), labels = zeros({2}, {Dtype::i32});
  const DataInfo info{.name = "x", .classes = {"a"}};
  CHECK_THROWS_WITH(Dataset(zeros({2, 4, 4, 3}), labels, info),
                    ContainsSubstring("needs u8 images [n, h, w, c], got f32"));
  CHECK_THROWS_WITH(Dataset(images, zeros({3}, {Dtype::i32}), info),
                    ContainsSubstring("needs i32 labels [2], got i32 [3]"));
  CHECK_THROWS_WITH(Dataset(zeros({0, 4, 4, 3}, {Dtype::u8}), zeros({0}, {Dtype::i32}), info),
                    ContainsSubstring("has no images"));
  CHECK_THROWS_WITH(Dataset(zeros({2, 4, 4, 2}, {Dtype::u8}), labels, info),
                    ContainsSubstring("has 2 channels, expected 1 or 3"));
  CHECK_THROWS_WITH(Dataset(images, ones({2}, {Dtype::i32}), info),
                    ContainsSubstring("image 0 has label 1, expected 0 to 0"));
  CHECK_THROWS_WITH(Dataset(images, labels, {.name = "x", .classes = {"a"}, .mean = {0.5}, .deviation = {1}}),
                    ContainsSubstring("1 means and 1 deviations for 3 channels"));
}

TEST_CASE("splits are stratified, disjoint and repeatable", "[data][fast]") {
  const Dataset data = small(90);
  const Split split = split_dataset(data, {.validation = 0.1, .test = 0.2, .seed = 5});
  CHECK(split.train.counts() == std::vector<std::int64_t>{21, 21, 21});
  CHECK(split.validation.counts() == std::vector<std::int64_t>{3, 3, 3});
  CHECK(split.test.counts() == std::vector<std::int64_t>{6, 6, 6});
  CHECK(split.test.info().mean == split.train.info().mean);
  CHECK(equal(split.train.images(),
              split_dataset(data, {.validation = 0.1, .test = 0.2, .seed = 5}).train.images()));
  CHECK_FALSE(equal(split.train.images(),
                    split_dataset(data, {.validation = 0.1, .test = 0.2, .seed = 6}).train.images()));

  const Split more = with_validation({.train = data, .validation = {}, .test = split.test}, 0.2, 3);
  CHECK(more.train.size() == 72);
  CHECK(more.validation.size() == 18);
  CHECK(more.test.info().mean == more.train.info().mean);
  CHECK_THROWS_WITH(with_validation(more, 0.1), ContainsSubstring("has a validation split already"));
  CHECK_THROWS_WITH(split_dataset(data, {.validation = 0.5, .test = 0.5}),
                    ContainsSubstring("leave nothing to train on"));
  CHECK_THROWS_WITH(split_dataset(small(3), {.validation = 0, .test = 0.9}),
                    ContainsSubstring("too few for these shares"));
}

TEST_CASE("subsets and random labels depend on the seed alone", "[data][fast]") {
  const Dataset data = small(90);
  CHECK(data.subset(5, 1).counts() == std::vector<std::int64_t>{5, 5, 5});
  CHECK(equal(data.subset(5, 1).images(), data.subset(5, 1).images()));
  CHECK_FALSE(equal(data.subset(5, 1).images(), data.subset(5, 2).images()));
  CHECK_THROWS_WITH(data.subset(31), ContainsSubstring("has 30 images of class c0, fewer than 31"));
  CHECK(data.first(7).size() == 7);
  CHECK(data.first(700).size() == 90);

  const Dataset shuffled = data.random_labels(4);
  CHECK(equal(shuffled.labels(), data.random_labels(4).labels()));
  CHECK_FALSE(equal(shuffled.labels(), data.labels()));
  CHECK(equal(data.random_labels(4, 0).labels(), data.labels()));
  CHECK_THAT(shuffled.info().note, ContainsSubstring("drawn at random (seed 4)"));
  CHECK_THROWS_WITH(data.random_labels(1, 1.5), ContainsSubstring("share of 1.5, expected 0 to 1"));
}

TEST_CASE("an unknown or absent data set is named", "[data][fast]") {
  CHECK_THROWS_WITH(
      load_dataset("cifar1"),
      ContainsSubstring("data: unknown data set 'cifar1'; did you mean 'cifar10'? (known: cifar10, "));
  CHECK_THROWS_WITH(cifar10("nowhere"),
                    ContainsSubstring("cifar10 is not in nowhere; run noyau-data fetch cifar10"));
  CHECK(find_dataset("mnist", "nowhere").empty());
}
