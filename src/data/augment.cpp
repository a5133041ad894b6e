#include "noyau/augment.h"

#include <algorithm>
#include <cmath>

#include "data/augment_steps.h"

namespace noyau::inline v0 {

using Kind = Augment::Kind;

const std::vector<StepSpec>& step_specs() {
  static const std::vector<StepSpec> kSpecs = {
      {Kind::flip, "flip", 0, {{"probability", 0, 1, 0.5}}},
      {Kind::alternating_flip, "alternating_flip", 0, {}},
      {Kind::pad_crop, "pad_crop", 1, {{"pixels", 0, 1024, 0, true}}, true},
      {Kind::translate, "translate", 1, {{"pixels", 0, 1024, 0, true}}, true},
      {Kind::affine,
       "affine",
       1,
       {{"degrees", 0, 180, 0},
        {"scale_low", 0.01, 100, 1},
        {"scale_high", 0.01, 100, 1},
        {"shear", 0, 80, 0}}},
      {Kind::color_jitter,
       "color_jitter",
       1,
       {{"brightness", 0, 1, 0}, {"contrast", 0, 1, 0}, {"saturation", 0, 1, 0}, {"hue", 0, 0.5, 0}}},
      {Kind::cutout, "cutout", 1, {{"size", 1, 1024, 0, true}}},
      {Kind::mixup, "mixup", 1, {{"alpha", 0.001, 1000, 0}}},
      {Kind::cutmix, "cutmix", 1, {{"alpha", 0.001, 1000, 0}}},
  };
  return kSpecs;
}

const StepSpec& spec_of(Kind kind) {
  const auto& specs = step_specs();
  const auto found =
      std::find_if(specs.begin(), specs.end(), [&](const StepSpec& spec) { return spec.kind == kind; });
  NOYAU_CHECK(found != specs.end(), "augment: not a step with arguments");
  return *found;
}

Augment make_step(Kind kind, std::vector<double> values, Border border) {
  const StepSpec& spec = spec_of(kind);
  NOYAU_CHECK(values.size() >= spec.required && values.size() <= spec.arguments.size(),
              "augment: ", spec.name, " takes ", spec.required, " to ", spec.arguments.size(),
              " numbers, got ", values.size());
  Augment::Step step{.kind = kind, .border = border};
  for (std::size_t i = 0; i < spec.arguments.size(); ++i) {
    const Argument& argument = spec.arguments[i];
    const double value = i < values.size() ? values[i] : argument.fallback;
    const bool allowed =
        value >= argument.low && value <= argument.high && (!argument.whole || value == std::floor(value));
    NOYAU_CHECK(allowed, "augment: ", spec.name, " with ", argument.name, " ", value, ", expected ",
                argument.whole ? "an integer from " : "", argument.low, " to ", argument.high);
    step.values[i] = value;
  }
  if (kind == Kind::affine) {
    NOYAU_CHECK(step.values[1] <= step.values[2], "augment: affine with scale_low ", step.values[1],
                " above scale_high ", step.values[2]);
  }
  return Augment(std::move(step));
}

bool Augment::mixes_labels() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.kind == Kind::mixup || step.kind == Kind::cutmix; });
}

Augment flip(double probability) { return make_step(Kind::flip, {probability}); }
Augment alternating_flip() { return make_step(Kind::alternating_flip, {}); }
Augment pad_crop(int pixels, Border border) { return make_step(Kind::pad_crop, {double(pixels)}, border); }
Augment translate(int pixels, Border border) { return make_step(Kind::translate, {double(pixels)}, border); }
Augment affine(double degrees, double scale_low, double scale_high, double shear) {
  return make_step(Kind::affine, {degrees, scale_low, scale_high, shear});
}
Augment color_jitter(double brightness, double contrast, double saturation, double hue) {
  return make_step(Kind::color_jitter, {brightness, contrast, saturation, hue});
}
Augment cutout(int size) { return make_step(Kind::cutout, {double(size)}); }
Augment mixup(double alpha) { return make_step(Kind::mixup, {alpha}); }
Augment cutmix(double alpha) { return make_step(Kind::cutmix, {alpha}); }

Augment custom(std::string name, PixelFunction function) {
  NOYAU_CHECK(function, "augment: custom step ", name, " has no function");
  return Augment({.kind = Kind::custom, .name = std::move(name), .function = std::move(function)});
}

}  // namespace noyau::inline v0
