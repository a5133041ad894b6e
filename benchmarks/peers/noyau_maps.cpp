#include "noyau_maps.h"

#include <noyau/explain.h>

namespace ny = noyau;

namespace peer {
namespace {

// As tf-keras-vis shows them: enlarged by align-corners, then scaled.
ny::Tensor tf_keras_vis(const ny::Sequential& net, const ny::Tensor& x, const ny::Target& target) {
  const ny::Tensor map = grad_cam_pp(net, x, {.target = target, .times_exp_score = true});
  return normalize_map(resize_map(map, {x.dim(1), x.dim(2)}, ny::ResizeMode::bilinear_align_corners),
                       ny::MapRange::min_max);
}

// As pytorch-grad-cam does: scaled before and after it enlarges.
ny::Tensor pytorch_grad_cam(const ny::Sequential& net, const ny::Tensor& x, const ny::Target& target) {
  const ny::Tensor map = grad_cam_pp(net, x, {.target = target, .variant = ny::GradCamPp::pytorch_grad_cam});
  const ny::Tensor large = resize_map(normalize_map(map, ny::MapRange::min_max), {x.dim(1), x.dim(2)});
  return normalize_map(large, ny::MapRange::min_max);
}

}  // namespace

ny::Tensor maps_of(const std::string& method, const ny::Sequential& net, const ny::Batch& batch) {
  const ny::Tensor& x = batch.images;
  const ny::Target target = batch.labels.to_vector<std::int32_t>();
  if (method == "tf_keras_vis") return tf_keras_vis(net, x, target);
  if (method == "pytorch_grad_cam") return pytorch_grad_cam(net, x, target);
  if (method == "integrated_gradients") {
    return pixel_map(integrated_gradients(net, x, {.target = target, .steps = 50}).values);
  }
  if (method == "occlusion") {
    return occlusion(net, x, {.target = target, .recompute = ny::Recompute::everything});
  }
  if (method == "occlusion_incremental") {
    return occlusion(net, x, {.target = target, .recompute = ny::Recompute::reached});
  }
  ny::fail("noyau-bench-peer: unknown map '", method, "'");
}

}  // namespace peer
