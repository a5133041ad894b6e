#include "catch2.h"
#include "data/files.h"
#include "noyau/image.h"

using namespace noyau;
using namespace noyau::tests;

namespace {

Tensor plain(double value) { return full({6, 5, 3}, value, {Dtype::u8}); }

}  // namespace

TEST_CASE("a folder of classes becomes a data set", "[data][fast]") {
  const TemporaryFolder folder;
  for (const char* part : {"train", "test"}) {
    save_png(folder.file(message(part, "/cat/b.PNG")), plain(20));
    save_png(folder.file(message(part, "/cat/a.png")), plain(10));
    save_png(folder.file(message(part, "/dog/c.png")), plain(30));
  }
  folder.write("train/cat/notes.txt", Bytes(3));
  folder.write("train/.hidden/x", Bytes(3));
  const Dataset data = image_folder(folder.path() + "/train", {.height = 4, .width = 4, .channels = 1});
  CHECK(data.images().shape() == Shape{3, 4, 4, 1});
  CHECK(data.info().classes == std::vector<std::string>{"cat", "dog"});
  CHECK(data.labels().to_vector<std::int32_t>() == std::vector<std::int32_t>{0, 0, 1});
  CHECK(data.images().data<std::uint8_t>()[0] == 10);
  CHECK(data.images().data<std::uint8_t>()[32] == 30);

  const Split split = load_dataset(message("folder:", folder.path()));
  CHECK(split.train.size() == 3);
  CHECK(split.test.size() == 3);
  CHECK(split.test.info().mean == split.train.info().mean);
}

TEST_CASE("a folder with bad contents is refused by file", "[data][fast]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(image_folder(folder.path() + "/x"), ContainsSubstring("/x is not a folder"));
  CHECK_THROWS_WITH(image_folder(folder.path()), ContainsSubstring("has no folders of images"));
  folder.write("dog/broken.jpg", Bytes(10, 'x'));
  CHECK_THROWS_WITH(image_folder(folder.path()), ContainsSubstring("dog/broken.jpg is no JPEG or PNG"));
  folder.write("cat/notes.txt", Bytes(3));
  CHECK_THROWS_WITH(image_folder(folder.path()), ContainsSubstring("cat has no .jpg, .jpeg or .png"));
}

TEST_CASE("images are adapted to the format of a network", "[data][fast]") {
  const Tensor images = full({4, 6, 5, 1}, 100, {Dtype::u8});
  const Dataset data(images, zeros({4}, {Dtype::i32}), {.name = "x", .classes = {"a"}});
  const Split split = adapt({data, {}, data}, {.height = 8, .width = 4, .channels = 3});
  CHECK(split.test.images().shape() == Shape{4, 8, 4, 3});
  CHECK(split.train.info().channels == 3);
  CHECK(split.test.info().mean == split.train.info().mean);
  CHECK(split.train.info().mean[2] == Approx(100 * 6 / 8.0 / 255));
  CHECK_THAT(split.train.info().note, ContainsSubstring("brought from 6 x 5 x 1 to 8 x 4 x 3"));
  const std::uint8_t* const x = split.train.images().data<std::uint8_t>();
  CHECK(x[0] == 0);
  CHECK(x[1 * 4 * 3] == 100);
  CHECK(split.validation.empty());
  CHECK(adapt({data, {}, {}}, {}).train.images().shares_storage(images));
}
