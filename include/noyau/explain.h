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

}  // namespace noyau::inline v0
