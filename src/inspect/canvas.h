#pragma once
// Images that are optimised: what they are made of, and how they are shaken between steps.
#include "noyau/inspect.h"

namespace noyau::inline v0::inspect {

// Numbers, one set a unit, and the images [n, h, w, c] in [0, 1] that they stand for.
class Easel {
 public:
  Easel(Canvas canvas, const DataInfo& info, const Tensor& colours, Device device);

  // First numbers [units, ..] for the units with these ids; `contrast` multiplies them.
  Tensor begin(std::span<const std::int64_t> ids, double contrast, std::uint64_t seed) const;
  // The images, differentiable.
  Tensor paint(const Tensor& numbers) const;

 private:
  Canvas canvas_;
  std::int64_t h_, w_, c_;
  Device device_;
  Tensor rows_, columns_, scale_, colours_;
};

// Ranges of a random affine change.
struct Shake {
  double jitter, scale, rotate;
};
// x [n, h, w, c] moved, scaled and turned about its centre, all images alike: bilinear, reflected at the border.
Tensor shaken(const Tensor& x, const Shake& shake, Generator& generator);

}  // namespace noyau::inline v0::inspect
