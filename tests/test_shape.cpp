#include "catch2.h"
#include "noyau/shape.h"

using namespace noyau;

TEST_CASE("shapes know their extents", "[fast]") {
  const Shape shape{8, 32, 3};
  CHECK(shape.rank() == 3);
  CHECK(shape.size() == 768);
  CHECK(shape.dim(-1) == 3);
  CHECK(shape.dim(0) == 8);
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{3, 0}.size() == 0);
  CHECK(shape == Shape{8, 32, 3});
  CHECK_FALSE(shape == Shape{8, 32});
  CHECK(message(shape, Shape{}) == "[8, 32, 3][]");
}

TEST_CASE("shapes broadcast as NumPy's do", "[fast]") {
  CHECK(broadcast_shapes("op", {2, 1, 3}, {4, 1}) == Shape{2, 4, 3});
  CHECK(broadcast_shapes("op", {}, {4, 1}) == Shape{4, 1});
  CHECK(broadcast_shapes("op", {0, 3}, {1, 1}) == Shape{0, 3});
}

TEST_CASE("shape errors say what is wrong", "[fast]") {
  CHECK_THROWS_WITH(Shape({2, -1}), ContainsSubstring("shape: negative extent in [2, -1]"));
  CHECK_THROWS_WITH(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}),
                    ContainsSubstring("shape: rank 9 is above the largest, 8"));
  CHECK_THROWS_WITH(Shape({2, 3}).dim(2), ContainsSubstring("shape: axis 2 is out of range for [2, 3]"));
  CHECK_THROWS_WITH(
      broadcast_shapes("op", {2, 3}, {2, 4}),
      ContainsSubstring("op: shapes [2, 3] and [2, 4] do not broadcast (3 against 4 at axis -1)"));
  CHECK_THROWS_WITH(normalize_axis("op", -3, 2), ContainsSubstring("op: axis -3 is out of range for rank 2"));
}
