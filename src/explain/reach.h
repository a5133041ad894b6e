#pragma once
// Runs a network for versions of one image that differ in small windows, computing only what the windows reach.
#include "noyau/explain.h"

namespace noyau::inline v0 {

// A rectangle in each version of a map, all of one size.
struct Rectangles {
  Size2 size;
  std::vector<std::int64_t> top, left;
};

// A map of the image as it is, and in each version of it the rectangle that may differ.
struct Versions {
  Tensor whole;    // [1, h, w, c]
  Tensor changed;  // [versions, size.h, size.w, c]
  Rectangles at;
};

// The network cut in two: layers whose outputs see a part of their input, and the rest, which runs as it is.
class Reach {
 public:
  // Takes a copy of `net` with batch norm folded.
  explicit Reach(const NetworkView& net);
  Reach(const Reach&) = delete;
  Reach& operator=(const Reach&) = delete;
  // Why nothing is gained by it for images like `x`; empty when it is.
  std::string objection(const Tensor& x) const;
  // Outputs [versions, classes]. The same as of whole images, within rounding.
  Tensor operator()(Versions x) const;

 private:
  Sequential net_;
  std::vector<const AnyLayer*> layers_;  // of net_ and those nested in it
};

// The rectangles `wanted` of all versions, zeros beyond the map: [versions, size.h, size.w, c].
Tensor cut(const Versions& x, const Rectangles& wanted);

}  // namespace noyau::inline v0
