#pragma once
/// \file
/// Measures of explanations: whether what a map points at is what the network uses.
///
/// Every measure is one number an image, so that intervals over images can be given, and means little without the same
/// measure of random_map() and edge_map().

#include "noyau/explain.h"

namespace noyau::inline v0 {

/// Options of deletion_curve() and insertion_curve().
struct CurveOptions {
  Target target = {};                ///< The class; the predicted one is that of the whole image.
  Score score = Score::probability;  ///< Which number of it.
  int steps = 16;                    ///< Shares of pixels 0, 1/steps, ..., 1.
  Tensor baseline = {};              ///< What removed pixels become; see each function.
  std::uint64_t seed = 0;            ///< Decides the order of pixels that are equal.
};
/// Scores [n, steps + 1] while pixels are removed, the highest of the map [n, h, w] first (arXiv 1806.07421): a good map
/// falls fast. Removed pixels become zeros, the mean colour, unless a baseline is given.
NOYAU_API Tensor deletion_curve(const NetworkView& net, const Tensor& x, const Tensor& map,
                                const CurveOptions& options = {});
/// Scores [n, steps + 1] while pixels are put back into a blurred image (sigma 1.5 pixels a 32 of its width), the highest
/// first: a good map rises fast.
NOYAU_API Tensor insertion_curve(const NetworkView& net, const Tensor& x, const Tensor& map,
                                 const CurveOptions& options = {});
/// Area under curves [n, points] over [0, 1], by trapezoids: [n].
NOYAU_API Tensor curve_area(const Tensor& curve);
/// `x` with a Gaussian blur of `sigma` pixels, edges repeated by reflection.
NOYAU_API Tensor gaussian_blur(const Tensor& x, double sigma);

/// Options of road().
struct RoadOptions {
  Target target = {};                ///< The class.
  Score score = Score::probability;  ///< Which number of it.
  /// Shares of pixels that are removed.
  std::vector<double> shares = {0.2, 0.4, 0.6, 0.8};
  double noise = 0.01;     ///< Deviation of the noise on removed pixels.
  std::uint64_t seed = 0;  ///< Of noise and of the order of equal pixels.
};
/// ROAD (arXiv 2202.00449), [n]: half the difference of the scores when the lowest and when the highest pixels are
/// removed, averaged over the shares. Removed pixels are interpolated from their neighbours, so that they betray no
/// shape. 0 for a random map, higher is better.
NOYAU_API Tensor road(const NetworkView& net, const Tensor& x, const Tensor& map,
                      const RoadOptions& options = {});
/// Image [1, h, w, c] whose cells with `removed` [h, w] > 0 are weighted means of their eight neighbours (weights 1/6
/// along rows and columns, 1/12 across), found from all of them together.
NOYAU_API Tensor interpolate_removed(const Tensor& image, const Tensor& removed);

/// What is left of the score when only what a map marks is seen.
struct Drop {
  Tensor drop;      ///< [n]: max(0, p - p') / p; its mean is the average drop.
  Tensor increase;  ///< [n]: 1 where p' > p; its mean is the increase in confidence.
};
/// Average drop and increase (arXiv 1710.11063): the image seen through the map scaled to [0, 1].
NOYAU_API Drop confidence_drop(const NetworkView& net, const Tensor& x, const Tensor& map,
                               const CurveOptions& options = {});

/// Options of infidelity().
struct InfidelityOptions {
  Target target = {};          ///< The class.
  Score score = Score::logit;  ///< Which number of it.
  int samples = 50;            ///< Random squares.
  std::uint64_t seed = 0;      ///< Of the squares, the same for every image.
};
/// Infidelity (arXiv 1901.09392) with random squares set to zero, [n]: the share of the variation of the score's changes
/// that the map's sums over the squares, times the best factor, do not explain. 0 is perfect, 1 is nothing.
NOYAU_API Tensor infidelity(const NetworkView& net, const Tensor& x, const Tensor& map,
                            const InfidelityOptions& options = {});
/// Maps [n, h, w] of images [n, h, w, c].
using MapFunction = std::function<Tensor(const Tensor& x)>;
/// Sensitivity (arXiv 1901.09392), [n]: the largest |map(x + noise) - map(x)| / |map(x)| over `samples` uniform noises of
/// at most `radius`. 0 is stable.
NOYAU_API Tensor sensitivity(const MapFunction& map, const Tensor& x, double radius = 0.02, int samples = 10,
                             std::uint64_t seed = 0);

/// Maps of a network that changes.
using NetworkMapFunction = std::function<Tensor(const NetworkView& net, const Tensor& x)>;
/// A stage of randomization_cascade().
struct CascadeStage {
  std::string layer;  ///< The layer randomised last; those above it are too.
  Tensor similarity =
      {};  ///< [n]: Spearman's rank correlation of |map| with that of the trained network; NaN of a flat map.
};
/// The sanity check of arXiv 1810.03292: kernels are drawn anew layer by layer from the output on. A method that explains
/// the network must lose its map; one that keeps it draws the image.
NOYAU_API std::vector<CascadeStage> randomization_cascade(const Sequential& net, const Tensor& x,
                                                          const NetworkMapFunction& map,
                                                          std::uint64_t seed = 0);

/// Spearman's rank correlation of each pair of maps [n, h, w], [n]; equal values share their mean rank; NaN when one is
/// flat.
NOYAU_API Tensor map_agreement(const Tensor& a, const Tensor& b);

/// \name Images with a known answer
/// \{

/// Four images [4, h, w, c] in one of the same size, each shrunk to a quarter by area: [1, h, w, c].
NOYAU_API Tensor mosaic(const Tensor& images);
/// 1 in quadrant `index` (0 top left, 1 top right, 2 bottom left, 3 bottom right), else 0: [1, h, w].
NOYAU_API Tensor quadrant_mask(std::int64_t h, std::int64_t w, int index);
/// Share of what is positive in a map [n, h, w] that lies where `mask` [n or 1, h, w] is 1, [n]; NaN of an empty map.
NOYAU_API Tensor energy_inside(const Tensor& map, const Tensor& mask);
/// Pointing game (arXiv 1608.00507): 1 where the largest value of the map lies inside the mask, [n]; NaN of an empty map.
NOYAU_API Tensor peak_inside(const Tensor& map, const Tensor& mask);
/// \}

}  // namespace noyau::inline v0
