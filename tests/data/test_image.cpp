#include <algorithm>
#include <cstdlib>

#include "catch2.h"
#include "data/bytes.h"
#include "noyau/image.h"

using namespace noyau;

namespace {

std::string file(const char* name) { return message(NOYAU_TEST_SOURCES "/data/images/", name); }

int value(const Tensor& image, std::int64_t y, std::int64_t x, std::int64_t c) {
  return image.data<std::uint8_t>()[(y * image.dim(1) + x) * image.dim(2) + c];
}

// The corner pixels, clockwise from the top left: which of red, green, blue, or nothing (-) stands out.
std::string corners(const Tensor& image) {
  std::string result;
  const std::int64_t bottom = image.dim(0) - 1, right = image.dim(1) - 1;
  for (const auto& [y, x] :
       {std::pair{std::int64_t{0}, std::int64_t{0}}, {0, right}, {bottom, right}, {bottom, 0}}) {
    const int r = value(image, y, x, 0), g = value(image, y, x, 1), b = value(image, y, x, 2);
    result += r > g + 50 && r > b + 50   ? 'r'
              : g > r + 50 && g > b + 50 ? 'g'
              : b > r + 50 && b > g + 50 ? 'b'
                                         : '-';
  }
  return result;
}

// A JPEG with an EXIF header that has nothing but an orientation, in either byte order.
Bytes oriented(const Bytes& jpeg, std::uint8_t orientation, bool big_endian) {
  const Bytes big = {0xff, 0xe1, 0,    34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M',         0, 42, 0, 0, 0, 8,
                     0,    1,    0x01, 0x12, 0,   3,   0,   0,   0, 1, 0,   orientation, 0, 0,  0, 0, 0, 0};
  const Bytes little = {0xff, 0xe1, 0, 34, 'E',         'x', 'i', 'f', 0,    0,    'I', 'I',
                        42,   0,    8, 0,  0,           0,   1,   0,   0x12, 0x01, 3,   0,
                        1,    0,    0, 0,  orientation, 0,   0,   0,   0,    0,    0,   0};
  const Bytes& segment = big_endian ? big : little;
  Bytes result = jpeg;
  result.insert(result.begin() + 2, segment.begin(), segment.end());
  return result;
}

Tensor noise(const Shape& shape) {
  const Tensor image = empty(shape, {Dtype::u8});
  Generator generator(5);
  for (std::int64_t i = 0; i < image.size(); ++i)
    image.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(generator.below(256));
  return image;
}

}  // namespace

TEST_CASE("JPEG and PNG files of every kind are read", "[image][fast]") {
  for (const char* name : {"baseline.jpg", "progressive.jpg"}) {
    const Tensor image = load_image(file(name));
    REQUIRE(image.shape() == Shape{16, 24, 3});
    CHECK(corners(image) == "rg-b");
    CHECK(std::abs(value(image, 2, 2, 0) - 230) <= 4);
  }
  CHECK(load_image(file("grey.jpg")).shape() == Shape{16, 24, 1});
  CHECK(load_image(file("grey.jpg"), {.channels = 3}).shape() == Shape{16, 24, 3});
  CHECK(load_image(file("baseline.jpg"), {.channels = 1}).shape() == Shape{16, 24, 1});
  CHECK(value(load_image(file("grey16.png")), 15, 23, 0) == 383 * 170 / 256);
}

TEST_CASE("transparency is laid over white", "[image][fast]") {
  const Tensor image = load_image(file("alpha.png"));
  REQUIRE(image.shape() == Shape{16, 24, 3});
  CHECK(value(image, 0, 0, 1) == 255);
  CHECK(value(image, 0, 23, 0) == (20 * 128 + 255 * 127 + 127) / 255);
  CHECK(value(image, 15, 0, 2) == 220);
  CHECK(value(load_image(file("palette.png")), 0, 0, 1) == 255);
}

TEST_CASE("EXIF orientation is applied", "[image][fast]") {
  const Bytes jpeg = read_file(file("baseline.jpg"));
  // From the definition of each value: where row 0 and column 0 of the stored picture are seen.
  const char* const expected[] = {"rg-b",
                                  "gr"
                                  "b-",
                                  "-brg",
                                  "b-gr",
                                  "rb-g",
                                  "brg-",
                                  "-gr"
                                  "b",
                                  "g-br"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const Bytes bytes = oriented(jpeg, static_cast<std::uint8_t>(orientation), big_endian);
      CHECK(exif_orientation(bytes) == orientation);
      const Tensor image = decode_image(bytes);
      CHECK(image.shape() == (orientation < 5 ? Shape{16, 24, 3} : Shape{24, 16, 3}));
      CHECK(corners(image) == expected[orientation - 1]);
    }
  }
  CHECK(exif_orientation(oriented(jpeg, 9, true)) == 1);
  CHECK(exif_orientation(jpeg) == 1);
}

TEST_CASE("an unreadable image is named, with what is wrong", "[image][fast]") {
  CHECK_THROWS_WITH(decode_image(Bytes{}, "x"), ContainsSubstring("image: x is empty"));
  CHECK_THROWS_WITH(decode_image(Bytes(100, 'a'), "x"), ContainsSubstring("image: x is no JPEG or PNG"));
  CHECK_THROWS_WITH(load_image("nowhere.png"), ContainsSubstring("cannot read nowhere.png (No such file"));
  Bytes jpeg = read_file(file("baseline.jpg"));
  for (const std::uint8_t codes :
       {std::uint8_t{60}, std::uint8_t{255}}) {  // beyond the segment; more than 256
    Bytes bad = jpeg;
    const Bytes marker = {0xff, 0xc4};
    const auto table = std::search(bad.begin(), bad.end(), marker.begin(), marker.end());
    std::fill_n(table + 5, 16, codes);
    CHECK_THROWS_WITH(decode_image(bad, "x"),
                      ContainsSubstring("damaged (Huffman table in the JPEG segment at byte"));
  }
  jpeg.resize(jpeg.size() - 20);
  CHECK_THROWS_WITH(decode_image(jpeg, "x"), ContainsSubstring("expected the end mark of a JPEG"));
  jpeg.resize(30);
  CHECK_THROWS_WITH(decode_image(jpeg, "x"), ContainsSubstring("image: x is cut or damaged at byte"));
  Bytes png = read_file(file("alpha.png"));
  png[45] ^= 1;
  CHECK_THROWS_WITH(decode_image(png, "x"), ContainsSubstring("check sum of the PNG chunk at byte 33"));
  png[45] ^= 1;
  png.resize(png.size() - 5);
  CHECK_THROWS_WITH(decode_image(png, "x"), ContainsSubstring("image: x is cut at byte"));
}

TEST_CASE("a PNG is read back as it was", "[image][fast]") {
  for (const Shape& shape : {Shape{7, 5, 3}, Shape{1, 9, 1}, Shape{33, 1, 3}}) {
    const Tensor image = noise(shape);
    CHECK(equal(decode_image(encode_png(image)), image));
  }
  CHECK_THROWS_WITH(encode_png(zeros({4, 4, 2}, {Dtype::u8})),
                    ContainsSubstring("expected u8 [h, w, 1 or 3], got u8 [4, 4, 2]"));
  CHECK_THROWS_WITH(save_png("nowhere/x.png", noise({2, 2, 1})),
                    ContainsSubstring("cannot write nowhere/x.png (No such file"));
}

TEST_CASE("resizing by area takes the mean of what is covered", "[image][fast]") {
  const Tensor image = noise({6, 9, 3});
  const Tensor half = resize_image(image, 3, 3);
  for (std::int64_t c = 0; c < 3; ++c) {
    int sum = 0;
    for (std::int64_t y = 2; y < 4; ++y) {
      for (std::int64_t x = 3; x < 6; ++x) sum += value(image, y, x, c);
    }
    CHECK(std::abs(value(half, 1, 1, c) - sum / 6.0) <= 0.501);
  }
  const Tensor row = noise({1, 5, 1});  // 5 to 2: pixel 2 is halved
  const Tensor two = resize_image(row, 1, 2);
  CHECK(std::abs(value(two, 0, 0, 0) -
                 (value(row, 0, 0, 0) + value(row, 0, 1, 0) + 0.5 * value(row, 0, 2, 0)) / 2.5) <= 0.501);
  CHECK(equal(resize_image(image, 6, 9), image));
}

TEST_CASE("resizing to nearest and bilinear follows half-pixel centres", "[image][fast]") {
  const Tensor row = noise({1, 4, 1});
  const Tensor near = resize_image(row, 1, 8, Resample::nearest),
               linear = resize_image(row, 1, 8, Resample::bilinear);
  for (std::int64_t x = 0; x < 8; ++x) CHECK(value(near, 0, x, 0) == value(row, 0, x / 2, 0));
  CHECK(value(linear, 0, 0, 0) == value(row, 0, 0, 0));
  CHECK(std::abs(value(linear, 0, 1, 0) - (0.75 * value(row, 0, 0, 0) + 0.25 * value(row, 0, 1, 0))) <=
        0.501);
  CHECK_THROWS_WITH(resize_image(row, 0, 3), ContainsSubstring("to 0 x 3 pixels"));
  const Tensor several = noise({2, 4, 4, 3});
  CHECK(equal(resize_image(several, 2, 3)[1], resize_image(several[1].clone(), 2, 3)));
}

TEST_CASE("an image becomes an input and back", "[image][fast]") {
  const DataInfo info{.name = "x",
                      .height = 8,
                      .width = 8,
                      .channels = 3,
                      .mean = {0.5, 0.4, 0.3},
                      .deviation = {0.2, 0.3, 0.1}};
  const Tensor image = noise({8, 8, 3});
  const Tensor input = preprocess(image, info);
  CHECK(input.shape() == Shape{1, 8, 8, 3});
  CHECK(input.data<float>()[1] == Approx((value(image, 0, 0, 1) / 255.0 - 0.4) / 0.3));
  CHECK(equal(to_image(input[0], info), image));
  CHECK(preprocess(noise({20, 10, 1}), info).shape() == Shape{1, 8, 8, 3});
  CHECK_THROWS_WITH(to_image(zeros({2, 2, 1}), info), ContainsSubstring("for images of 3 channels"));
}

TEST_CASE("a grid shows images on white", "[image][fast]") {
  const Tensor grid = image_grid(zeros({5, 4, 4, 1}, {Dtype::u8}), {.columns = 3, .gap = 1, .scale = 2});
  CHECK(grid.shape() == Shape{19, 28, 1});
  CHECK(value(grid, 0, 0, 0) == 255);
  CHECK(value(grid, 1, 1, 0) == 0);
  CHECK(value(grid, 9, 9, 0) == 255);
  CHECK(value(grid, 18, 27, 0) == 255);
  CHECK(value(grid, 12, 22, 0) == 255);  // no sixth image
  CHECK_THROWS_WITH(image_grid(zeros({4, 4, 1}, {Dtype::u8})),
                    ContainsSubstring("expected images u8 [n, h, w, c]"));
}
