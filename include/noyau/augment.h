#pragma once
/// \file
/// Augmentation: random changes of training images, composed with `|` and applied by a Loader.

#include <functional>
#include <span>

#include "noyau/random.h"

namespace noyau::inline v0 {

/// What stands outside the border of an image that is shifted.
enum class Border : std::uint8_t {
  zero,     ///< Black (pixel value 0 before normalisation, as torchvision pads).
  reflect,  ///< The mirrored image, without repeating the outermost pixel.
};

/// One image while it is being augmented: [height, width, channels] floats in [0, 255], not yet normalised.
struct Pixels {
  std::span<float> values;    ///< Row-major elements.
  std::int64_t height = 0;    ///< Rows.
  std::int64_t width = 0;     ///< Columns.
  std::int64_t channels = 0;  ///< 1 or 3.
};
/// Changes one image in place; draws what it needs from `generator`.
using PixelFunction = std::function<void(const Pixels& pixels, Generator& generator)>;

/// A sequence of augmentation steps: a value, empty by default.
///
/// What happens to an image depends only on (seed, epoch, index of the image in its data set), never on the batch, the
/// threads or the images before it.
class NOYAU_API Augment {
 public:
  /// Kinds of step; see the function of the same name.
  enum class Kind : std::uint8_t {
    flip,
    alternating_flip,
    pad_crop,
    translate,
    affine,
    color_jitter,
    cutout,
    mixup,
    cutmix,
    custom
  };
  /// One step.
  struct Step {
    Kind kind = Kind::flip;             ///< What it does.
    std::array<double, 4> values = {};  ///< Its parameters, in the order of the function that makes it.
    Border border = Border::zero;       ///< For pad_crop and translate.
    std::string name = {};              ///< For custom.
    PixelFunction function = {};        ///< For custom.
  };

  /// Leaves images as they are.
  Augment() = default;
  /// A sequence of one step.
  explicit Augment(Step step) { steps_.push_back(std::move(step)); }
  /// Parses `"flip|pad_crop(4)|cutout(8)"`, the form to_string() prints; throws with the nearest name on an unknown step.
  explicit Augment(std::string_view text);

  /// The steps, in order of application.
  const std::vector<Step>& steps() const { return steps_; }
  /// True when nothing is done.
  bool empty() const { return steps_.empty(); }
  /// True when labels become probabilities (mixup, cutmix).
  bool mixes_labels() const;

  /// First `a`, then `b`.
  friend Augment operator|(Augment a, const Augment& b) {
    a.steps_.insert(a.steps_.end(), b.steps_.begin(), b.steps_.end());
    return a;
  }

 private:
  std::vector<Step> steps_;
};

/// The text that Augment(text) parses, such as `flip|pad_crop(4,reflect)`; "none" when empty.
NOYAU_API std::string to_string(const Augment& augment);

/// Mirrors left to right with the given probability.
NOYAU_API Augment flip(double probability = 0.5);
/// Mirrors a random half of the images in even epochs and the other half in odd ones, so that two epochs show each
/// image both ways. Source: K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024.
NOYAU_API Augment alternating_flip();
/// Pads by `pixels` on each side and cuts a window of the original size at a random place.
NOYAU_API Augment pad_crop(int pixels, Border border = Border::zero);
/// Shifts by up to `pixels` in each direction; like pad_crop, with a name of its own for recipes that say so.
NOYAU_API Augment translate(int pixels, Border border = Border::zero);
/// Rotates by up to `degrees` either way, scales by a factor in [scale_low, scale_high], shears by up to `shear` degrees
/// along x; about the centre, bilinear, black outside.
NOYAU_API Augment affine(double degrees, double scale_low = 1, double scale_high = 1, double shear = 0);
/// Multiplies brightness, contrast and saturation by a factor in [1 - v, 1 + v] each, in this order, then turns the hue
/// by up to `hue` turns (at most 0.5).
NOYAU_API Augment color_jitter(double brightness, double contrast = 0, double saturation = 0, double hue = 0);
/// Overwrites a square of `size` pixels, centred anywhere and cut at the border, with the mean colour of the data set.
/// Source: T. DeVries and G. Taylor, arXiv 1708.04552, 2017.
NOYAU_API Augment cutout(int size);
/// Blends each image and label with another of the data set, by a share from Beta(alpha, alpha).
/// Source: H. Zhang et al., arXiv 1710.09412, 2017; here the share is drawn for each image. Where a sequence has several
/// mixing steps, one of them is drawn for each image.
NOYAU_API Augment mixup(double alpha);
/// Replaces a rectangle by that of another image of the data set; labels are mixed by area.
/// Source: S. Yun et al., arXiv 1905.04899, 2019. See mixup() for several mixing steps.
NOYAU_API Augment cutmix(double alpha);
/// A step of one's own; `name` is what to_string() prints and errors say.
NOYAU_API Augment custom(std::string name, PixelFunction function);

}  // namespace noyau::inline v0
