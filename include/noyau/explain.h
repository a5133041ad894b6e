#pragma once
/// \file
/// Explanations: which positions of an image speak for a class, by methods that are defined exactly.
///
/// All functions take a batch of images [n, h, w, c] as the network takes them, run the network in evaluation mode and
/// leave it as it was: mode, parameters, gradients and buffers. An image's map does not depend on the rest of its batch.

#include "noyau/sequential.h"

namespace noyau::inline v0 {

/// A network as explainers see it: any module with `Tensor operator()(const Tensor&) const`, which must outlive it.
class NOYAU_API NetworkView {
 public:
  /// Sees `net`, whose outputs are scores [n, classes], usually logits.
  template <class Net>
  requires(std::is_base_of_v<Module, Net>&& std::is_invocable_r_v<Tensor, const Net&, const Tensor&>)
      NetworkView(const Net& net)
      : module_(const_cast<Net*>(&net)), forward_([&net](const Tensor& x) { return net(x); }) {}

  /// The network's output for `x`.
  Tensor operator()(const Tensor& x) const { return forward_(x); }
  /// The network.
  Module& module() const { return *module_; }

 private:
  Module* module_;
  std::function<Tensor(const Tensor&)> forward_;
};

/// Which class is explained: `{.target = 3}`, one for each image, or the predicted one when nothing is said.
class NOYAU_API Target {
 public:
  /// The class that the network predicts for each image.
  Target() = default;
  /// The same class for every image.
  Target(std::int32_t id) : ids_{id} {}
  /// A class for each image.
  Target(std::vector<std::int32_t> ids) : ids_(std::move(ids)) {}
  /// What speaks for one class more than for another: the difference of their scores.
  static Target difference(const Target& of, const Target& against);

  /// Class ids: one, one an image, or none for the predicted class.
  const std::vector<std::int32_t>& ids() const { return ids_; }
  /// Those whose score is subtracted; nothing unless a difference().
  const std::optional<std::vector<std::int32_t>>& against() const { return against_; }
  /// The target of images [begin, end) of a batch.
  Target rows(std::int64_t begin, std::int64_t end) const;

 private:
  std::vector<std::int32_t> ids_;
  std::optional<std::vector<std::int32_t>> against_;
};

/// Which number of the class is explained.
enum class Score : std::uint8_t {
  logit,        ///< The network's output.
  probability,  ///< Its softmax. A confident network leaves almost no gradient: maps become small.
};

/// Appends "logit" or "probability".
NOYAU_API void append(std::string& text, Score score);

/// The scores [n] of the `target` of images `x`; a class id out of range throws.
NOYAU_API Tensor class_scores(const NetworkView& net, const Tensor& x, const Target& target = {},
                              Score score = Score::logit);

/// A layer whose output is a map: a candidate for class activation maps.
struct MapLayer {
  std::string name;           ///< Path in the network.
  std::string kind;           ///< Kind of layer.
  std::int64_t height = 0;    ///< Rows of its output.
  std::int64_t width = 0;     ///< Columns of its output.
  std::int64_t channels = 0;  ///< Channels of its output.
};
/// The layers of `net` whose output for `x` has at least 2 x 2 positions, in the order they run.
NOYAU_API std::vector<MapLayer> map_layers(const NetworkView& net, const Tensor& x);
/// The last of map_layers() that is no pooling, padding or dropout: the deepest map, after its activation. Throws when
/// there is none.
NOYAU_API std::string default_map_layer(const NetworkView& net, const Tensor& x);

/// \name Class activation maps, from the activation A and the gradient g = dS/dA of one layer
/// \{

/// How channels are weighted. Sums and means run over positions i, channels are k.
enum class CamMethod : std::uint8_t {
  cam,               ///< sum_k w_k A_k, w the dense kernel after global average pooling (arXiv 1512.04150).
  grad_cam,          ///< w_k = mean_i g (arXiv 1610.02391).
  grad_cam_plus,     ///< w_k = mean_i relu(g) (Lerma and Lucas, arXiv 2205.10838).
  grad_cam_pp,       ///< w_k = sum_i alpha relu(g) (arXiv 1710.11063); alpha by GradCamPp.
  hires_cam,         ///< sum_k g A: exact for a single dense layer on top (arXiv 2011.08891).
  layer_cam,         ///< sum_k relu(g) A (Jiang et al., IEEE TIP 30, 2021).
  element_wise_cam,  ///< sum_k relu(g A).
  xgrad_cam,         ///< w_k = sum_i g A / sum_i A (arXiv 2008.02312).
  eigen_cam,       ///< First principal component of A over positions, whatever the class (arXiv 2008.00299).
  eigen_grad_cam,  ///< First principal component of g A.
};

/// The four methods that are called Grad-CAM++. With a = 1 / (2 + g sum_i A) where g is not 0, else 0:
enum class GradCamPp : std::uint8_t {
  tf_keras_vis,      ///< alpha = a / sum_i a: tf-keras-vis 0.8.
  pytorch_grad_cam,  ///< alpha = g^2 / (2 g^2 + g^3 sum_i A + 1e-6): pytorch-grad-cam 1.5.
  paper,             ///< alpha = a: equation 19.
  authors,           ///< alpha = a / sum of a where g > 0: the code of its authors.
};
/// Appends "tf_keras_vis", ...
NOYAU_API void append(std::string& text, GradCamPp variant);

/// Options of class activation maps.
struct CamOptions {
  std::string layer = {};                       ///< Path of the layer; default_map_layer() when empty.
  Target target = {};                           ///< The class.
  Score score = Score::logit;                   ///< Which number of it.
  bool positive = true;                         ///< Sets what is below 0 to 0, as the methods do.
  GradCamPp variant = GradCamPp::tf_keras_vis;  ///< Of Grad-CAM++.
  /// Multiplies Grad-CAM++ by e^S, as tf-keras-vis and the authors do; S is limited to 80, where they would overflow.
  bool times_exp_score = false;
};

/// The map [n, h, w] of `method` from activation and gradient [n, h, w, c] and scores [n] (for times_exp_score only).
///
/// A channel whose weight has a pole (g sum_i A = -2, or sum_i A = 0 in XGrad-CAM) gets none from there. `cam` here is
/// the sum of A times h w g, whether or not the gradient is constant.
NOYAU_API Tensor cam_from(CamMethod method, const Tensor& activation, const Tensor& gradient,
                          const Tensor& scores = {}, const CamOptions& options = {});
/// The map [n, h, w] of `method` at the resolution of the layer. CamMethod::cam throws unless the score is linear in the
/// mean of each channel.
NOYAU_API Tensor cam(CamMethod method, const NetworkView& net, const Tensor& x,
                     const CamOptions& options = {});
/// Grad-CAM++, one of four variants; tf-keras-vis' by default.
inline Tensor grad_cam_pp(const NetworkView& net, const Tensor& x, const CamOptions& options = {}) {
  return cam(CamMethod::grad_cam_pp, net, x, options);
}
/// Grad-CAM.
inline Tensor grad_cam(const NetworkView& net, const Tensor& x, const CamOptions& options = {}) {
  return cam(CamMethod::grad_cam, net, x, options);
}
/// HiResCAM.
inline Tensor hires_cam(const NetworkView& net, const Tensor& x, const CamOptions& options = {}) {
  return cam(CamMethod::hires_cam, net, x, options);
}
/// LayerCAM.
inline Tensor layer_cam(const NetworkView& net, const Tensor& x, const CamOptions& options = {}) {
  return cam(CamMethod::layer_cam, net, x, options);
}
/// LayerCAM of several layers, [n, x's h, x's w]: each map M becomes tanh(2 M / max M), is resized, and the largest
/// counts (the fusion of its paper, applied to every layer).
NOYAU_API Tensor fused_layer_cam(const NetworkView& net, const Tensor& x,
                                 const std::vector<std::string>& layers, const CamOptions& options = {});

/// What the gradient is like at a layer: whether Grad-CAM++ is inside the range it was derived for.
struct PlusPlusDiagnosis {
  double negative_share = 0;    ///< Share of elements with g sum A < -2, where alpha is negative.
  double nearest_pole = 0;      ///< Smallest |2 + g sum A|.
  double constant_share = 0;    ///< Share of channels whose gradient is the same at all positions.
  double largest_gradient = 0;  ///< Largest |g|.
};
/// The diagnosis of images `x` together.
NOYAU_API PlusPlusDiagnosis diagnose_plus_plus(const NetworkView& net, const Tensor& x,
                                               const CamOptions& options = {});

/// Forms of Score-CAM (arXiv 1910.01279). H_k is A_k resized to the image and scaled to [0, 1].
enum class ScoreCam : std::uint8_t {
  paper,             ///< w = softmax over channels of p(baseline + H_k (x - baseline)) - p(baseline).
  tf_keras_vis,      ///< w_k = softmax over classes of the output for H_k x.
  pytorch_grad_cam,  ///< w = softmax over channels of the logit for H_k x.
};
/// Options of score_cam().
struct ScoreCamOptions {
  std::string layer = {};              ///< Path of the layer; default_map_layer() when empty.
  Target target = {};                  ///< The class.
  ScoreCam variant = ScoreCam::paper;  ///< Form.
  bool positive = true;                ///< Sets what is below 0 to 0.
  /// What masked pixels become, broadcast to the images: zeros, the mean colour of normalised images, when undefined.
  Tensor baseline = {};
};
/// Score-CAM, [n, h, w] at the resolution of the layer: one run of the network a channel, no gradient.
NOYAU_API Tensor score_cam(const NetworkView& net, const Tensor& x, const ScoreCamOptions& options = {});
/// Ablation-CAM (Desai and Ramaswamy, WACV 2020): w_k = (S - S without channel k) / |S|, [n, h, w].
///
/// A channel is taken out by zeros, or by its layer's smallest value where that is negative. One run from the layer a
/// channel.
NOYAU_API Tensor ablation_cam(const NetworkView& net, const Tensor& x, const CamOptions& options = {});
/// \}

/// \name Attributions of pixels, [n, h, w, c] like the images, with their sign; see pixel_map()
/// \{

/// What is explained.
struct AttributionOptions {
  Target target = {};          ///< The class.
  Score score = Score::logit;  ///< Which number of it.
};
/// dS/dx: how the score changes when a pixel does (arXiv 1312.6034).
NOYAU_API Tensor saliency(const NetworkView& net, const Tensor& x, const AttributionOptions& options = {});
/// x dS/dx: its sum is the score for a piecewise linear network without biases.
NOYAU_API Tensor input_times_gradient(const NetworkView& net, const Tensor& x,
                                      const AttributionOptions& options = {});
/// The gradient, let through a relu only where it and the activation are positive (arXiv 1412.6806). Fails sanity checks:
/// it draws edges of the image, whatever the class and the upper layers (arXiv 1810.03292).
NOYAU_API Tensor guided_backpropagation(const NetworkView& net, const Tensor& x,
                                        const AttributionOptions& options = {});
/// The gradient, let through a relu only where it is positive (arXiv 1311.2901). Fails sanity checks like the above.
NOYAU_API Tensor deconvolution(const NetworkView& net, const Tensor& x,
                               const AttributionOptions& options = {});

/// What is taken of the gradients g of noisy copies of an image.
enum class SmoothKind : std::uint8_t {
  mean,       ///< E g: SmoothGrad (arXiv 1706.03825).
  magnitude,  ///< E |g|: SmoothGrad as tf-keras-vis computes it.
  square,     ///< E g^2: SmoothGrad squared.
  variance,   ///< E g^2 - (E g)^2: VarGrad.
};
/// Options of smooth_grad().
struct SmoothOptions {
  Target target = {};                  ///< The class; the predicted one is that of the image without noise.
  Score score = Score::logit;          ///< Which number of it.
  SmoothKind kind = SmoothKind::mean;  ///< What is taken of the gradients.
  int samples = 25;                    ///< Noisy copies; at least 1.
  double noise = 0.15;                 ///< Standard deviation, as a share of the image's max - min.
  std::uint64_t seed = 0;              ///< Of the noise, the same for every image.
};
/// Gradients averaged over noisy copies.
NOYAU_API Tensor smooth_grad(const NetworkView& net, const Tensor& x, const SmoothOptions& options = {});

/// Where integrated_gradients() reads the gradient along the way.
enum class IntegralRule : std::uint8_t {
  gauss_legendre,  ///< Nodes and weights of Gauss and Legendre: exact for polynomials of degree 2 steps - 1.
  midpoint,        ///< Midpoints of equal parts.
};
/// Options of integrated_gradients().
struct IntegratedOptions {
  Target target = {};          ///< The class.
  Score score = Score::logit;  ///< Which number of it.
  Tensor baseline = {};  ///< The image of no information, broadcast; zeros, the mean colour, when undefined.
  int steps = 50;        ///< Gradients on the way; at least 1.
  IntegralRule rule = IntegralRule::gauss_legendre;  ///< Where they are.
};
/// Attributions with what they should add up to.
struct Attribution {
  Tensor values;  ///< [n, h, w, c]
  Tensor total;   ///< [n]: their sum.
  Tensor
      difference;  ///< [n]: score of the image less score of the baseline. The completeness gap is total - difference.
};
/// (x - baseline) times the mean gradient on the straight way from the baseline (arXiv 1703.01365).
NOYAU_API Attribution integrated_gradients(const NetworkView& net, const Tensor& x,
                                           const IntegratedOptions& options = {});

/// Options of deep_lift().
struct DeepLiftOptions {
  Target target = {};    ///< The class; its logit is explained.
  Tensor baseline = {};  ///< The reference image, broadcast; zeros, the mean colour, when undefined.
  /// Rescales max pooling too. Without, it passes its gradient, as captum 0.9 does, and completeness is lost.
  bool rescale_max = true;
};
/// DeepLIFT with the rescale rule (arXiv 1704.02685): complete for networks of convolutions, dense layers, batch norm,
/// element-wise activations, average and max pooling.
NOYAU_API Attribution deep_lift(const NetworkView& net, const Tensor& x, const DeepLiftOptions& options = {});

/// Rules of layer-wise relevance propagation through convolutions and dense layers.
enum class LrpRule : std::uint8_t {
  epsilon,     ///< R_x = sum x w R / (z + epsilon sign z); with a tiny epsilon, input times gradient.
  gamma,       ///< The same with w + gamma max(w, 0) for w: favours positive evidence.
  alpha_beta,  ///< alpha times the positive parts less beta times the negative ones, alpha - beta = 1.
};
/// Options of lrp().
struct LrpOptions {
  Target target = {};               ///< The class; its logit is explained.
  LrpRule rule = LrpRule::epsilon;  ///< Through convolutions and dense layers.
  double epsilon = 1e-6;            ///< Keeps quotients finite.
  double gamma = 0.25;              ///< Of the rule gamma.
  double alpha = 1;                 ///< Of the rule alpha_beta; beta = alpha - 1.
};
/// Layer-wise relevance propagation (10.1371/journal.pone.0130140). In a Sequential, batch norm is folded into the layer
/// before it; elsewhere it passes relevance by its gradient. Max pooling gives all to the largest.
NOYAU_API Tensor lrp(const NetworkView& net, const Tensor& x, const LrpOptions& options = {});

/// How channels become one number a pixel.
enum class PixelSum : std::uint8_t {
  sum,        ///< Sum: keeps signs and totals.
  magnitude,  ///< Sum of magnitudes.
  largest,    ///< Largest magnitude, as tf-keras-vis.
};
/// Attributions [n, h, w, c] as maps [n, h, w].
NOYAU_API Tensor pixel_map(const Tensor& attribution, PixelSum how = PixelSum::sum);
/// \}

/// \name Maps [n, h, w] by hiding parts of the image, and baselines that know nothing of the network
/// \{

/// What occlusion() computes anew for each window.
enum class Recompute : std::uint8_t {
  automatic,   ///< What is reached, where that is defined and a window is at most a quarter of the image.
  everything,  ///< The network on the whole image.
  /// What a window can reach, layer by layer, up to the first layer that sees all of its input; the same values within
  /// rounding. Throws unless the network is a Sequential (or ConvBlock) that begins with a convolution, a pool without
  /// padding, a Residual of such layers, or a layer that treats each position by itself.
  reached,
};
/// Options of occlusion().
struct OcclusionOptions {
  Target target = {};          ///< The class.
  Score score = Score::logit;  ///< Which number of it.
  Size2 window = 4;            ///< What is hidden at a time; cut off at the border.
  Size2 stride = 2;            ///< Step of the window, at most the window.
  Tensor baseline = {};  ///< What hidden pixels become, broadcast; zeros, the mean colour, when undefined.
  Recompute recompute = Recompute::automatic;  ///< What is computed anew for each window.
};
/// How much the score falls when a window is hidden; each pixel the mean over the windows that hide it.
NOYAU_API Tensor occlusion(const NetworkView& net, const Tensor& x, const OcclusionOptions& options = {});
/// Options of rise().
struct RiseOptions {
  Target target = {};                ///< The class.
  Score score = Score::probability;  ///< Which number of it.
  int masks = 1000;                  ///< Random masks; the error falls with their root.
  std::int64_t cells = 7;            ///< Cells of a mask along a side.
  double keep = 0.5;                 ///< Probability that a cell is seen.
  Tensor baseline = {};              ///< What hidden pixels become, as in OcclusionOptions.
  std::uint64_t seed = 0;            ///< Of the masks, the same for every image.
};
/// RISE (arXiv 1806.07421): the mean score of the masked images in which a pixel is seen.
NOYAU_API Tensor rise(const NetworkView& net, const Tensor& x, const RiseOptions& options = {});
/// Uniform numbers: what a method has to beat.
NOYAU_API Tensor random_map(const Tensor& x, std::uint64_t seed = 0);
/// Sobel's edge strength of the mean of channels: what a method has to beat that claims to see the network, not the image.
NOYAU_API Tensor edge_map(const Tensor& x);
/// \}

/// \name Training examples behind a prediction
/// \{

/// Outputs of a layer, [n, features]; of the one before the last layer that changes anything when `layer` is empty.
NOYAU_API Tensor layer_features(const NetworkView& net, const Tensor& x, const std::string& layer = {});
/// Cosines [n, m] of rows of features [n, d] and [m, d].
NOYAU_API Tensor cosine_similarity(const Tensor& a, const Tensor& b);
/// What the last, dense layer reads of images, and how far its answers are off.
struct LastLayer {
  Tensor features;  ///< layer_features(), [n, features].
  Tensor
      residuals;  ///< Probabilities less one-hot labels, [n, classes]: gradients of the cross-entropy at the logits.
};
/// Both in one run. Labels are class ids i32 [n].
NOYAU_API LastLayer last_layer(const NetworkView& net, const Tensor& x, const Tensor& labels);
/// TracIn (arXiv 2002.08484) of the last layer at the end of training, [n, m]: how much a step on training image j would
/// lower the cross-entropy of image i.
NOYAU_API Tensor last_layer_influence(const LastLayer& images, const LastLayer& training);
/// \}

/// \name Maps as they are shown
/// \{

/// How the values of a map are brought to a common scale.
enum class MapRange : std::uint8_t {
  none,     ///< Not at all.
  maximum,  ///< Divided by the largest magnitude: signs and zero stay (paper and authors of Grad-CAM++).
  min_max,  ///< (L - min) / (max - min + epsilon), to [0, 1]: the floor of a map that is positive everywhere is lost.
};
/// Each map of [n, h, w] by itself; one that is empty stays zeros.
NOYAU_API Tensor normalize_map(const Tensor& map, MapRange range, double epsilon = 1e-7);
/// Maps [n, h, w] in another size: half-pixel centres for display; align_corners as tf-keras-vis; nearest as captum.
NOYAU_API Tensor resize_map(const Tensor& map, Size2 size, ResizeMode mode = ResizeMode::bilinear);
/// What is wrong with one map [h, w] or [1, h, w], for people: empty, constant or not a number. Empty text when nothing is.
NOYAU_API std::string diagnose_map(const Tensor& map);
/// \}

/// \name Pictures of maps
/// \{

/// Colours of rising values.
enum class MapColours : std::uint8_t {
  viridis,    ///< 0 to 1: dark violet to yellow; its lightness rises evenly.
  cividis,    ///< 0 to 1: dark blue to yellow, made for colour-blind readers.
  diverging,  ///< -1 to 1: blue, white at 0, red.
};
/// The values of a map [h, w] as colours u8 [h, w, 3]; grey where not a number, limited outside the range.
NOYAU_API Tensor colour_map(const Tensor& map, MapColours colours = MapColours::viridis);
/// Colours laid over an image, both u8 [h, w, 3]; `opacity` 0 leaves the image, 1 shows the colours alone.
NOYAU_API Tensor overlay(const Tensor& image, const Tensor& colours, double opacity = 0.5);

/// Options of map_picture().
struct MapPictureOptions {
  bool has_signs = false;                    ///< Diverging colours, centred at 0, instead of `colours`.
  MapColours colours = MapColours::viridis;  ///< Colours of a map without signs.
  ResizeMode resize = ResizeMode::bilinear;  ///< How the map is enlarged for the overlay.
  std::int64_t side = 128;  ///< Pixels of the longer side of each of the two parts, at least.
};
/// A map [h, w] at its native resolution, beside it laid over the image u8 [h, w, 1 or 3], and a colour bar from low to
/// high: u8 [h, w, 3].
NOYAU_API Tensor map_picture(const Tensor& image, const Tensor& map, const MapPictureOptions& options = {});
/// \}

}  // namespace noyau::inline v0
