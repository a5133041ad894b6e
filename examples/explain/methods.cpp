#include "explain/methods.h"

#include <algorithm>

#include "common/exit.h"
#include "common/lists.h"
#include "noyau/names.h"

namespace explain {
namespace {

using noyau::CamMethod;
using noyau::NetworkView;
using noyau::Tensor;

noyau::CamOptions at_layer(const Question& q) {
  return {.layer = q.layer, .target = q.target, .score = q.score};
}

Method cam(std::string name, std::string title, CamMethod method, std::string says, std::string misleads) {
  return {std::move(name),
          std::move(title),
          std::move(says),
          std::move(misleads),
          true,
          false,
          [method](const NetworkView& net, const Tensor& x, const Question& q) {
            return noyau::cam(method, net, x, at_layer(q));
          }};
}

Method plus_plus(noyau::GradCamPp variant, std::string says, std::string misleads) {
  const std::string which = noyau::message(variant);
  return {variant == noyau::GradCamPp::tf_keras_vis ? "grad_cam_pp" : "grad_cam_pp_" + which,
          "Grad-CAM++ (" + which + ")",
          std::move(says),
          std::move(misleads),
          true,
          false,
          [variant](const NetworkView& net, const Tensor& x, const Question& q) {
            noyau::CamOptions options = at_layer(q);
            options.variant = variant;
            return noyau::grad_cam_pp(net, x, options);
          }};
}

std::vector<Method> cams() {
  return {
      cam("grad_cam", "Grad-CAM", CamMethod::grad_cam,
          "Channels of a layer, each weighted by its mean gradient: where channels that raise the score are "
          "active.",
          "Averaging the gradient moves evidence to places where the channel is active but not used."),
      plus_plus(
          noyau::GradCamPp::tf_keras_vis,
          "Grad-CAM with positive gradients, weighted by a quotient that is constant under global pooling.",
          "Under global average pooling it is LayerCAM; elsewhere its weights have a pole, and it hides what "
          "speaks against the class."),
      plus_plus(noyau::GradCamPp::paper, "As above, by equation 19 of the paper.",
                "Another method than the libraries' of the same name."),
      plus_plus(noyau::GradCamPp::pytorch_grad_cam, "As above, as pytorch-grad-cam computes it.",
                "Its absolute epsilon counts once gradients are below 0.001."),
      cam("hires_cam", "HiResCAM", CamMethod::hires_cam,
          "Activation times gradient, position by position: exact for one dense layer on top.",
          "Exact no longer when more layers follow; negative parts are cut off."),
      cam("layer_cam", "LayerCAM", CamMethod::layer_cam,
          "Activation times positive gradient, usable at shallow layers with finer maps.",
          "Hides what speaks against the class."),
      cam("xgrad_cam", "XGrad-CAM", CamMethod::xgrad_cam, "Grad-CAM with gradients weighted by activation.",
          "The same as HiResCAM summed by channel; unstable where a channel sums to nearly 0."),
      cam("eigen_cam", "Eigen-CAM", CamMethod::eigen_cam,
          "The direction in which a layer's activations vary most.",
          "Knows nothing of the class: it shows what is salient, also for a wrong class."),
      {"ablation_cam", "Ablation-CAM", "Channels weighted by how much the score falls without them.",
       "A channel taken out leaves an activation that the network never saw.", true, false,
       [](const NetworkView& net, const Tensor& x, const Question& q) {
         return noyau::ablation_cam(net, x, at_layer(q));
       }},
      {"score_cam", "Score-CAM", "Channels weighted by the score of the image seen through them.",
       "Slow, and its masks are blurs of few cells on small images: weights are almost equal.", true, false,
       [](const NetworkView& net, const Tensor& x, const Question& q) {
         return noyau::score_cam(net, x, {.layer = q.layer, .target = q.target});
       },
       "probability"},
  };
}

template <class F>
Method pixels(std::string name, std::string title, bool has_signs, std::string says, std::string misleads,
              F map, std::string score = {}) {
  return {std::move(name), std::move(title), std::move(says), std::move(misleads),
          false,           has_signs,        std::move(map),  std::move(score)};
}

std::vector<Method> gradients() {
  return {
      pixels("saliency", "Saliency", false, "How much the score changes with a pixel.",
             "Noisy: a gradient holds for tiny changes only.",
             [](const NetworkView& net, const Tensor& x, const Question& q) {
               return pixel_map(saliency(net, x, {q.target, q.score}), noyau::PixelSum::largest);
             }),
      pixels("input_x_gradient", "Input x gradient", true, "The score shared among pixels to first order.",
             "Black or mean-coloured pixels get nothing whatever they mean.",
             [](const NetworkView& net, const Tensor& x, const Question& q) {
               return pixel_map(input_times_gradient(net, x, {q.target, q.score}));
             }),
      pixels("integrated_gradients", "Integrated gradients", true,
             "The difference to a baseline image, shared completely among pixels.",
             "Depends on the baseline (here the mean colour): pixels of that colour get nothing.",
             [](const NetworkView& net, const Tensor& x, const Question& q) {
               return pixel_map(integrated_gradients(net, x, {.target = q.target, .score = q.score}).values);
             }),
      pixels("smooth_grad", "SmoothGrad", false, "Saliency averaged over noisy copies.",
             "Explains the network on noise as well.",
             [](const NetworkView& net, const Tensor& x, const Question& q) {
               return pixel_map(smooth_grad(net, x, {.target = q.target, .score = q.score, .seed = q.seed}),
                                noyau::PixelSum::largest);
             }),
      pixels(
          "guided_backpropagation", "Guided backpropagation", false, "Fine edges that raise the score.",
          "Fails sanity checks: it draws edges of the image whatever the network learned.",
          [](const NetworkView& net, const Tensor& x, const Question& q) {
            return pixel_map(guided_backpropagation(net, x, {q.target, q.score}), noyau::PixelSum::largest);
          }),
      pixels(
          "lrp", "LRP (gamma 0.25)", true,
          "The logit handed down layer by layer, favouring positive evidence.",
          "The rule is a choice: with epsilon alone it is input times gradient.",
          [](const NetworkView& net, const Tensor& x, const Question& q) {
            return pixel_map(lrp(net, x, {.target = q.target, .rule = noyau::LrpRule::gamma}));
          },
          "logit"),
      pixels(
          "deep_lift", "DeepLIFT", true,
          "The difference of logits to a baseline image, handed down completely.",
          "Depends on the baseline, as integrated gradients.",
          [](const NetworkView& net, const Tensor& x, const Question& q) {
            return pixel_map(deep_lift(net, x, {.target = q.target}).values);
          },
          "logit"),
  };
}

std::vector<Method> hiding_and_baselines() {
  return {
      pixels("occlusion", "Occlusion 4x4", true,
             "How much the score falls when a window is hidden: a real experiment.",
             "The grey window is itself a picture the network never saw; two copies of the evidence hide "
             "each other.",
             [](const NetworkView& net, const Tensor& x, const Question& q) {
               return occlusion(net, x, {.target = q.target, .score = q.score});
             }),
      pixels(
          "rise", "RISE", false, "Mean score of randomly masked images in which a pixel is seen.",
          "Random: 1000 masks leave visible noise.",
          [](const NetworkView& net, const Tensor& x, const Question& q) {
            const Tensor map = rise(net, x, {.target = q.target, .seed = q.seed});
            return map - min(map, {1, 2}, true);  // it is positive everywhere
          },
          "probability"),
      pixels(
          "random", "Random (baseline)", false, "Nothing.", "Always: a method must beat it.",
          [](const NetworkView&, const Tensor& x, const Question& q) { return noyau::random_map(x, q.seed); },
          "-"),
      pixels(
          "sobel", "Sobel edges (baseline)", false, "Edges of the image, nothing of the network.",
          "Always: a method that agrees with it may draw the image only.",
          [](const NetworkView&, const Tensor& x, const Question&) { return noyau::edge_map(x); }, "-"),
  };
}

const Method& find(const std::string& name) {
  std::vector<std::string> names;
  for (const Method& method : methods()) {
    if (method.name == name) return method;
    names.push_back(method.name);
  }
  programs::blaming(programs::Exit::usage, [&] { noyau::fail_unknown("--methods", "method", name, names); });
  return methods().front();
}

}  // namespace

const std::vector<Method>& methods() {
  static const std::vector<Method> all = [] {
    std::vector<Method> list = cams();
    for (auto part : {gradients(), hiding_and_baselines()}) {
      for (Method& method : part) list.push_back(method);
    }
    return list;
  }();
  return all;
}

std::vector<Method> methods_of(const std::string& list) {
  if (list == "all") return methods();
  const std::string chosen =
      list == "default" ? "grad_cam,grad_cam_pp,hires_cam,layer_cam,integrated_gradients,occlusion" : list;
  std::vector<Method> found;
  for (std::size_t begin = 0; begin <= chosen.size();) {
    const std::size_t end = std::min(chosen.find(',', begin), chosen.size());
    found.push_back(find(chosen.substr(begin, end - begin)));
    begin = end + 1;
  }
  return found;
}

std::string caption(const Method& method, const std::string& layer, noyau::Score score) {
  std::string text = method.at_layer ? method.title + ", layer " + layer : method.title;
  if (method.score != "-") text += ", " + (method.score.empty() ? noyau::message(score) : method.score);
  return text;
}

}  // namespace explain
