#pragma once
/// \file
/// What each layer of a trained network has learned: numbers per unit and per layer, each with its definition.
///
/// A unit is a channel of an output [n, h, w, c] or an element of an output [n, c]. "input" and "output" name the images
/// and what the network returns. No number says that anything was learned before it is held against its value on the
/// same network with fresh weights.

#include <optional>
#include <span>

#include "noyau/architecture.h"
#include "noyau/stats.h"
#include "noyau/train.h"

namespace noyau::inline v0::inspect {

/// \name Outputs of layers
/// \{

/// Paths of the layers that have units of their own: for each convolution and dense layer the last of the normalisations,
/// activations and sums that follow it directly. `shape` [h, w, c] is that of an image; runs `network` once.
NOYAU_API std::vector<std::string> unit_layers(const Network& network, const Shape& shape);

/// Options of measure_outputs().
struct OutputOptions {
  std::int64_t batch = 250;      ///< Images at a time; no result depends on it.
  std::int64_t features = 1024;  ///< Largest number of features where a layer has more outputs than that.
  Device device = {};            ///< Where the network is.
  StopRequested stop = {};       ///< Throws Stopped when true.
};
/// What a layer gives for the images of a data set.
struct LayerOutputs {
  std::string name;  ///< Path of the layer.
  Shape shape;       ///< Of its output for one image, [h, w, units] or [units].
  Tensor mean;       ///< f32 [n, units], mean over positions.
  Tensor peak;       ///< f32 [n, units], largest over positions.
  Tensor place;      ///< i32 [n, units], row * w + column of the first peak.
  Tensor
      features;  ///< f32 [n, cells * cells * units], means over a grid of cells; the output where it is [n, c].
  std::int64_t cells = 1;  ///< Side of that grid: the largest of 4, 2, 1 that fits OutputOptions::features.
  double rms = 0;          ///< Root of the mean square of all outputs.
  double lowest = 0;       ///< Smallest output.

  /// Number of units.
  std::int64_t units() const { return mean.dim(1); }
};
/// Runs `network` in evaluation mode on all images once, watching `layers`. Throws on an unknown layer, naming those there
/// are, and on outputs of another rank than [n, h, w, c] and [n, c].
NOYAU_API std::vector<LayerOutputs> measure_outputs(const Network& network, const Dataset& images,
                                                    const std::vector<std::string>& layers,
                                                    const OutputOptions& options = {});
/// \}

/// \name First-layer filters
/// \{

/// What a filter of the first layer responds to. w [taps, c] is its kernel; its singular value decomposition
/// sum_i s_i p_i q_i^T parts space (p) from colour (q).
struct FilterType {
  double separable = 1;  ///< s_0^2 / sum_i s_i^2: how well one picture in one colour describes it.
  double opponency =
      0;  ///< 1 - |<q_0, (1,1,1)/sqrt(3)>|: 0 is brightness; a random colour is uniform on [0, 1].
  double frequency = 0;  ///< Cycles per pixel at the peak of the power spectrum of p_0 (64 x 64 frequencies).
  double orientation = 0;  ///< Degrees in [0, 180) from horizontal along which stripes of that frequency run.
  double directed =
      0;  ///< 1 - power at the peak turned by 90 degrees / power at the peak: 0 is no direction.
};
/// The type of each filter of a kernel [kh, kw, c, filters]; opponency is 0 unless c is 3.
NOYAU_API std::vector<FilterType> filter_types(const Tensor& kernel);
/// Pictures u8 [filters, kh, kw, c] of a kernel with 1 or 3 channels: 127.5 * (1 + w / max |w|) of each filter, so that
/// weights of 0 are mid-grey.
NOYAU_API Tensor filter_images(const Tensor& kernel);
/// \}

/// \name Units and classes
/// \{

/// How a unit tells classes apart.
struct Selectivity {
  /// (m - r) / (m + r) of the largest class mean m and the mean r of the other class means; NaN where one is negative, 0
  /// where all are 0. Source: A. Morcos et al., ICLR 2018 (arXiv 1803.06959).
  double index = 0;
  int best_class = 0;      ///< The class of the largest mean.
  double information = 0;  ///< information() of its values and the labels.
};
/// Of each column of `values` [n, units]. A unit may be selective and useless: see ablate().
NOYAU_API std::vector<Selectivity> selectivity(const Tensor& values, const Tensor& labels, int classes);
/// I(bin; label) / H(label), in [0, 1]: mutual information of labels and values in `bins` bins of equal count, with
/// the entropies' Miller-Madow correction (G. Miller, 1955), limited to [0, 1].
NOYAU_API double information(std::span<const float> values, std::span<const std::int32_t> labels, int classes,
                             int bins = 16);
/// \}

/// \name What units look at
/// \{

/// Where in an image the cells of a layer look.
struct ReceptiveField {
  std::array<double, 2> size = {1, 1};    ///< Rows and columns that one cell can see.
  std::array<double, 2> step = {1, 1};    ///< Rows and columns from one cell to the next.
  std::array<double, 2> centre = {0, 0};  ///< Row and column in the middle of what the first cell sees.
};
/// That of a layer, or of the last layer inside it, as summary() finds it; the whole image for "output" and dense layers.
NOYAU_API ReceptiveField receptive_field(const Sequential& net, const Shape& input, std::string_view layer);

/// What a unit saw in one image.
struct Patch {
  std::int64_t image = 0;   ///< Index of the image.
  float value = 0;          ///< Peak of the unit.
  std::int64_t top = 0;     ///< First row; may be outside.
  std::int64_t left = 0;    ///< First column; may be outside.
  std::int64_t height = 0;  ///< Rows, at most those of the image.
  std::int64_t width = 0;   ///< Columns, at most those of the image.
};
/// Which images patches() picks by the peak of the unit, one patch an image; of equals the first.
enum class Pick : std::uint8_t {
  top,      ///< The largest.
  deciles,  ///< At equal distances of rank from the largest to the smallest: no cherry-picking.
};
/// `count` patches of a unit, largest first; fields larger than the image (height, width) become the image.
NOYAU_API std::vector<Patch> patches(const LayerOutputs& outputs, std::int64_t unit,
                                     const ReceptiveField& field, Size2 image, int count = 9,
                                     Pick pick = Pick::top);
/// Patches, all of one size, as u8 [patches, height, width, c]; mid-grey outside the image.
NOYAU_API Tensor cut(const Tensor& images, std::span<const Patch> patches);
/// \}

/// \name Which units matter
/// \{

/// What an ablated unit puts out.
enum class Ablation : std::uint8_t {
  zero,  ///< Zeros.
  mean,  ///< Its mean over the images and positions.
};
/// Options of ablate().
struct AblateOptions {
  Ablation ablation = Ablation::zero;    ///< What takes the unit's place.
  std::vector<std::int64_t> units = {};  ///< Which; all where empty.
  std::int64_t batch = 250;              ///< Images at a time; no result depends on it.
  Device device = {};                    ///< Where the network is.
  StopRequested stop = {};               ///< Throws Stopped when true.
};
/// What one unit is for.
struct UnitEffect {
  std::int64_t unit = 0;             ///< Which.
  std::vector<std::int64_t> lost;    ///< By class: images right before and wrong without it.
  std::vector<std::int64_t> gained;  ///< By class: images wrong before and right without it.

  /// Accuracy lost without the unit, of all `images`; may be negative.
  double drop(std::int64_t images) const;
};
/// Ablation of the units of a layer, one at a time.
struct AblationResult {
  std::vector<std::int64_t> images;  ///< By class.
  std::vector<std::int64_t> right;   ///< By class: images that the whole network gets right.
  std::vector<UnitEffect> units;     ///< One a unit.
};
/// Runs the network from `layer` on, once for each unit. Throws on a unit that is not there.
NOYAU_API AblationResult ablate(const Network& network, const Dataset& images, const std::string& layer,
                                const AblateOptions& options = {});
/// A unit without which a class is recognised less often than chance explains.
struct CausalUnit {
  std::int64_t unit = 0;  ///< Which.
  int label = 0;          ///< The class.
  double drop = 0;        ///< Share of the class's images lost, less those gained.
  double p = 1;  ///< Of McNemar's mid-p test, adjusted by Holm over all units and classes of the layer.
};
/// Those with p < 1 - level, largest drop first.
NOYAU_API std::vector<CausalUnit> causal_units(const AblationResult& result, double level = 0.95);
/// \}

/// \name Redundancy
/// \{

/// Options of health().
struct HealthOptions {
  double dead = 1e-4;  ///< A unit is dead when its outputs vary by no more than this times LayerOutputs::rms.
  double correlation = 0.95;  ///< Units are duplicates when they correlate at least so much, in either sign.
  double explained = 0.95;    ///< A unit is redundant when so much of its variance is linear in the others.
};
/// How many of a layer's units say something of their own; over images and cells of LayerOutputs::features.
struct Health {
  std::vector<std::int64_t> dead;  ///< Units that are constant over all images.
  std::vector<std::vector<std::int64_t>>
      duplicates;  ///< Groups joined by correlation, two units or more each.
  std::vector<double>
      explained;  ///< R^2 of each unit from all others, 1 - 1 / (S_uu (S^-1)_uu) of the correlations S
                  ///< with 1e-6 added to their diagonal; NaN of dead units.
  std::int64_t redundant = 0;  ///< Units explained by the others at HealthOptions::explained.
  double participation = 0;    ///< Participation ratio (sum l)^2 / sum l^2 of the covariance's eigenvalues l.
  double entropy_rank =
      0;  ///< exp(-sum p log p), p = l / sum l (Roy and Vetterli, EUSIPCO 2007, on covariances).

  /// Units that could go because a duplicate stays.
  std::int64_t spare() const;
};
/// Of a layer's outputs; throws on fewer than two images.
NOYAU_API Health health(const LayerOutputs& outputs, const HealthOptions& options = {});
/// \}

/// \name Probes
/// \{

/// What can be told of an image without knowing its class.
enum class Attribute : std::uint8_t {
  hue,  ///< Angle of the sum of all pixels' chroma; none below a mean chroma of 0.02 and for grey images.
  orientation,  ///< Angle of the structure tensor of the brightness; none below a coherence of 0.05.
};
/// For each image u8 [n, h, w, c] the range of the attribute it is in: `ranges` ranges of the angle with equally many
/// images in each, counted from magenta and from the diagonal; -1 where the attribute is not defined.
NOYAU_API std::vector<std::int32_t> attribute_ranges(const Tensor& images, Attribute attribute,
                                                     int ranges = 8);

/// Options of linear_probe().
struct ProbeOptions {
  double held_out = 0.5;   ///< Share of the rows on which the probe is tested.
  std::uint64_t seed = 0;  ///< Decides which.
  /// Ridge penalties tried, as multiples of the mean variance of a feature; a fifth of the rows fitted decides.
  std::vector<double> penalties = {1e-3, 1e-2, 1e-1, 1, 10};
  double level = 0.95;  ///< Of the interval.
};
/// How well a linear function of features tells targets.
struct ProbeResult {
  double accuracy = 0;       ///< Share of held-out rows that are told right.
  stats::Interval interval;  ///< Wilson's interval of it.
  double chance = 0;         ///< Share of the target that most held-out rows have.
  std::int64_t fitted = 0;   ///< Rows fitted.
  std::int64_t tested = 0;   ///< Rows held out.
  double penalty = 0;        ///< The one chosen.
  std::vector<bool> right;   ///< By held-out row; the same rows for the same targets and seed.
};
/// Ridge regression of the targets, coded 0 and 1, on features [n, d] and a constant; the largest output wins. Rows of
/// target -1 are left out. Throws where fewer than 20 rows or fewer than two targets remain.
NOYAU_API ProbeResult linear_probe(const Tensor& features, std::span<const std::int32_t> targets,
                                   const ProbeOptions& options = {});
/// \}

/// \name Similarity of layers
/// \{

/// Debiased linear CKA of features x [n, p] and y [n, q] of the same images: HSIC_1(K, L) / sqrt(HSIC_1(K, K)
/// HSIC_1(L, L)), K = x x^T, L = y y^T, with the unbiased HSIC_1 of L. Song et al. (JMLR 13, 2012). Near 0 for unrelated
/// features, also when p and q are much larger than n; NaN where one does not vary. Throws on fewer than four images.
NOYAU_API double cka(const Tensor& x, const Tensor& y);
/// cka() of every a[i] with every b[j], row by row, from means of HSIC_1 over minibatches of `batch` consecutive images
/// (Nguyen, Raghu and Kornblith, ICLR 2021); a last one of fewer than `batch` images is left out.
NOYAU_API std::vector<double> cka(std::span<const Tensor> a, std::span<const Tensor> b,
                                  std::int64_t batch = 250);
/// \}

/// \name Maps of images
/// \{

/// Principal components.
struct Pca {
  Tensor scores;  ///< f32 [n, k], by falling variance; the largest loading of each is positive.
  std::vector<double> explained;  ///< Share of the variance of each.
};
/// The first `components` (or as many as there are) of the rows of x [n, d].
NOYAU_API Pca pca(const Tensor& x, std::int64_t components);

/// Options of tsne().
struct TsneOptions {
  double perplexity =
      30;  ///< Effective number of neighbours; lowered to a third of the rows where there are few.
  int iterations = 750;      ///< Steps of gradient descent.
  int early = 250;           ///< Steps with attraction times `exaggeration` and momentum 0.5; 0.8 after.
  double exaggeration = 12;  ///< That factor.
  StopRequested stop = {};   ///< Throws Stopped when true.
};
/// A map in two dimensions.
struct Tsne {
  Tensor points;  ///< f32 [n, 2]
  double kl = 0;  ///< Divergence of the map's neighbourhoods from the data's, in nats: what is minimised.
};
/// Exact t-SNE of the rows of x [n, d], all pairs, begun from the first two principal components at deviation 1e-4, learning
/// rate max(n / exaggeration / 4, 50), gains as the authors' code. Source: van der Maaten and Hinton, JMLR 9 (2008).
NOYAU_API Tsne tsne(const Tensor& x, const TsneOptions& options = {});

/// How far a map can be believed.
struct MapQuality {
  double trustworthiness =
      0;  ///< 1 less a penalty for neighbours on the map that are none in the data (Venna, Kaski 2001).
  double continuity = 0;  ///< 1 less a penalty for neighbours in the data that are none on the map.
  double preserved = 0;   ///< Share of the k nearest in the data that are among the k nearest on the map.
};
/// Of a map [n, 2] of rows x [n, d], with `neighbours` nearest; throws unless 0 < neighbours < n / 2.
NOYAU_API MapQuality map_quality(const Tensor& x, const Tensor& map, std::int64_t neighbours = 10);
/// \}

/// \name Activation maximisation
/// \{

/// How an image that maximises a unit is written down.
enum class Canvas : std::uint8_t {
  /// Amplitudes of orthonormal waves divided by their frequency, in the decorrelated colours of the data, through a
  /// sigmoid (Olah, Mordvintsev, Schubert, Distill 2017; Lucid, with real waves instead of complex ones).
  fourier,
  /// Pixels, penalised by total variation and a norm, as ActivationMaximization of tf-keras-vis 0.8.8.
  pixels,
};
/// Which of a unit's outputs are maximised.
enum class Goal : std::uint8_t {
  channel,  ///< Mean over positions.
  centre,   ///< The position in the middle.
};
/// Options of maximise().
struct MaximiseOptions {
  Canvas canvas = Canvas::fourier;  ///< How the image is written down.
  Goal goal = Goal::channel;        ///< What is maximised.
  int steps = 128;                  ///< Steps of Adam (Fourier) or RMSprop (pixels).
  std::optional<double> rate = {};  ///< Their learning rate; 0.1 (Fourier) or 1 (pixels) when absent.
  /// Shift in pixels, either way, before each step; reflected at the border. 2 (Fourier) or 4 (pixels) when absent.
  std::optional<double> jitter = {};
  /// Scaling by up to this share, either way; 0.1 (Fourier) or 0 (pixels) when absent.
  std::optional<double> scale = {};
  /// Rotation in degrees, either way; 5 (Fourier) or 1 (pixels) when absent.
  std::optional<double> rotate = {};
  double total_variation = 1;  ///< Weight of the mean total variation, pixels in [0, 255] (pixels only).
  double norm = 0.3;           ///< Weight of the mean size of a pixel, in [0, 255] (pixels only).
  std::uint64_t seed = 0;      ///< Decides the first image and the transformations.
  std::int64_t batch = 64;     ///< Units at a time.
  Device device = {};          ///< Where the network is.
  StopRequested stop = {};     ///< Throws Stopped when true.
};
/// Images that maximise units.
struct Maximised {
  Tensor images;              ///< u8 [units, h, w, c]
  std::vector<double> start;  ///< What is maximised, for the first image.
  std::vector<double> value;  ///< The same for `images`, as 8-bit pixels, without transformations.
};
/// Maximises `units` of `layer` ("output" for class logits) over images of the format and normalisation of `info`. A unit
/// that the first image leaves without a gradient begins from one of two hundred times the contrast instead (Fourier).
/// `colours` [3, 3] are the columns of colour_basis(); those of Lucid's ImageNet statistics where undefined.
NOYAU_API Maximised maximise(const Network& network, const DataInfo& info, const std::string& layer,
                             std::span<const std::int64_t> units, const MaximiseOptions& options = {},
                             const Tensor& colours = {});
/// U L^(1/2) / its largest column norm, for the eigenvectors U and eigenvalues L of the covariance of the colours of all
/// pixels of u8 [n, h, w, 3]: f32 [3, 3]; [1, 1] of ones for grey images.
NOYAU_API Tensor colour_basis(const Tensor& images);
/// \}

}  // namespace noyau::inline v0::inspect
