#pragma once
// Applies an Augment and the normalisation to single images.
#include <array>

#include "noyau/data.h"

namespace noyau::inline v0 {

// Working memory of one thread.
struct PipelineScratch {
  std::vector<std::int32_t> plan, moved;  // where the pixels of the result come from, see GatherImagesDims
  std::vector<float> pixels, other;       // [h, w, c] in [0, 255]
  std::vector<float> partner;             // a normalised image to mix in
};

class Pipeline {
 public:
  Pipeline(const Augment& augment, const Dataset& dataset, std::uint64_t seed);

  // Writes image `index`, augmented and normalised, to `out` [h, w, c], and its target to `target` [classes] if labels mix.
  void apply(std::int64_t epoch, std::int64_t index, float* out, float* target,
             PipelineScratch& scratch) const;
  // Whether a plan says all: pixels only move, and a cutout comes last.
  bool only_moves() const;
  // Writes where the pixels of image `index` come from to `plan`; only where only_moves().
  void write_plan(std::int64_t epoch, std::int64_t index, std::int32_t* plan, PipelineScratch& scratch) const;
  // f32 [channels, 256]: normalised values of pixels.
  Tensor table() const;

 private:
  struct Canvas;
  Generator run_steps(std::int64_t epoch, std::int64_t index, Canvas& canvas) const;
  Generator transform(std::int64_t epoch, std::int64_t index, float* out, PipelineScratch& scratch) const;
  void run_step(const Augment::Step& step, Canvas& canvas, Generator& generator, std::int64_t epoch,
                std::int64_t index) const;

  Dataset dataset_;
  std::uint64_t seed_;
  std::vector<Augment::Step> steps_;   // those that change one image
  std::vector<Augment::Step> mixing_;  // one of these is drawn for each image
  std::vector<float> table_;           // [channels, 256]
  std::vector<float> scale_, shift_;   // [channels]: the same for values between
};

// Steps on [h, w, c] floats in [0, 255].
void warp_affine(const Augment::Step& step, const Pixels& pixels, std::vector<float>& scratch,
                 Generator& generator);
void jitter_color(const Augment::Step& step, const Pixels& pixels, Generator& generator);
// A number from the Beta(alpha, alpha) distribution.
double symmetric_beta(double alpha, Generator& generator);

}  // namespace noyau::inline v0
