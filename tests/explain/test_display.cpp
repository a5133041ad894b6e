#include <cmath>

#include "catch2.h"
#include "noyau/explain.h"

namespace ny = noyau;

namespace {

// ITU-R BT.601 luma of pixel `i`.
double luma(const ny::Tensor& picture, std::int64_t i) {
  const std::uint8_t* const p = picture.data<std::uint8_t>() + 3 * i;
  return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

}  // namespace

TEST_CASE("lightness rises with the value", "[fast][explain]") {
  const ny::Tensor ramp = reshape(ny::arange(101), {1, 101}) * 0.01;
  for (const ny::MapColours colours : {ny::MapColours::viridis, ny::MapColours::cividis}) {
    const ny::Tensor picture = colour_map(ramp, colours);
    for (std::int64_t i = 1; i <= 100; ++i) CHECK(luma(picture, i) >= luma(picture, i - 1) - 0.5);
    CHECK(luma(picture, 100) > luma(picture, 0) + 100);
  }
}

TEST_CASE("diverging colours are white at 0, blue below and red above", "[fast][explain]") {
  const ny::Tensor picture =
      colour_map(reshape(ny::tensor({-1, 0, 1, NAN, 7}), {1, 5}), ny::MapColours::diverging);
  const std::uint8_t* const p = picture.data<std::uint8_t>();
  CHECK(p[2] > p[0]);
  CHECK((p[3] > 240 && p[4] > 240 && p[5] > 240));
  CHECK(p[6] > p[8]);
  CHECK((p[9] == 128 && p[10] == 128 && p[11] == 128));
  CHECK((p[12] == p[6] && p[13] == p[7]));
}

TEST_CASE("an overlay of opacity 0 is the image, of 1 the colours", "[fast][explain]") {
  const ny::Tensor image = ny::full({2, 3, 3}, 17, {ny::Dtype::u8});
  const ny::Tensor colours = colour_map(reshape(ny::arange(6), {2, 3}) * 0.2);
  CHECK(equal(overlay(image, colours, 0), image));
  CHECK(equal(overlay(image, colours, 1), colours));
  CHECK_THROWS_WITH(overlay(image, colours, 2), ContainsSubstring("opacity 2"));
  CHECK_THROWS_WITH(overlay(image, ny::ones({2, 3, 3})), ContainsSubstring("two images u8"));
}

TEST_CASE("a picture shows the native map, the overlay and a colour bar", "[fast][explain]") {
  const ny::Tensor image = ny::full({8, 8, 1}, 100, {ny::Dtype::u8});
  const ny::Tensor map = reshape(ny::tensor({0, 1, 2, 4}), {2, 2});
  const ny::Tensor picture = map_picture(image, map, {.side = 16});
  REQUIRE(picture.shape() == ny::Shape{16, 16 + 2 + 16 + 2 + 4, 3});
  const ny::Tensor colours = colour_map(map * 0.25);
  CHECK(equal(picture[0][0], colours[0][0]));    // a cell of the map is a block
  CHECK(equal(picture[15][15], colours[1][1]));  // and the largest value has the last colour
  CHECK(equal(picture[0][picture.dim(1) - 1], colours[1][1]));
  CHECK(map_picture(image, ny::zeros({2, 2}), {.has_signs = true}).dim(0) == 128);
  CHECK_THROWS_WITH(colour_map(ny::ones({1, 2, 2})), ContainsSubstring("colour_map"));
}
