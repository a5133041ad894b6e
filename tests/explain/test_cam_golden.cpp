// Class activation maps against what tf-keras-vis, pytorch-grad-cam and captum compute on the same network.
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "explain/golden.h"

namespace ny = noyau;

namespace {

constexpr ny::ResizeMode kCorners = ny::ResizeMode::bilinear_align_corners;

// What tf-keras-vis shows: enlarged with aligned corners, then scaled to [0, 1].
ny::Tensor as_tf_keras_vis(const ny::Tensor& map) {
  return normalize_map(resize_map(map, {28, 28}, kCorners), ny::MapRange::min_max);
}

// What pytorch-grad-cam shows: scaled, enlarged by OpenCV's bilinear, scaled again.
ny::Tensor as_pytorch_grad_cam(const ny::Tensor& map) {
  const ny::Tensor once = resize_map(normalize_map(map, ny::MapRange::min_max), {28, 28});
  return normalize_map(once, ny::MapRange::min_max);
}

double worst_shown(const ny::Tensor& map, const ny::Tensor& expected) {
  return max(abs(map - expected)).item<double>();
}

// The value of a JSON array of any depth.
ny::Tensor tensor_of(const nlohmann::json& json) {
  std::vector<std::int64_t> shape;
  for (const nlohmann::json* level = &json; level->is_array(); level = &(*level)[0])
    shape.push_back(static_cast<std::int64_t>(level->size()));
  std::vector<double> values;
  const std::function<void(const nlohmann::json&)> walk = [&](const nlohmann::json& j) {
    if (!j.is_array()) return values.push_back(j.get<double>());
    for (const nlohmann::json& part : j) walk(part);
  };
  walk(json);
  return ny::from_vector(values, ny::Shape(shape));
}

}  // namespace

TEST_CASE("the network of the golden values gives the logits of PyTorch", "[fast][explain]") {
  const ExplainGolden golden;
  REQUIRE(worst_error(golden.net(golden.images()), golden["outputs.logits"]) < 1e-5);
}

TEST_CASE("maps are those of tf-keras-vis", "[fast][explain]") {
  const ExplainGolden golden;
  const auto options = [&] { return ny::CamOptions{.layer = "relu3", .target = golden.target()}; };
  ny::CamOptions scaled = options();
  scaled.times_exp_score = true;
  const auto& net = golden.net;
  const ny::Tensor x = golden.images();
  SECTION("Grad-CAM") {
    const ny::Tensor map = grad_cam(net, x, options());
    CHECK(worst_error(map, golden["tf_keras_vis.Gradcam_raw"]) < 1e-5);
    CHECK(worst_shown(as_tf_keras_vis(map), golden["tf_keras_vis.Gradcam"]) < 1e-4);
    CHECK(worst_error(map, golden["captum.LayerGradCam"]) < 1e-5);
    CHECK(max(map[2]).item<double>() == 0);  // no positive evidence
    CHECK(diagnose_map(map[2]) == "empty: no position speaks for the class by this method");
  }
  SECTION("Grad-CAM++") {
    const ny::Tensor map = grad_cam_pp(net, x, scaled);
    const ny::Tensor expected = golden["tf_keras_vis.GradcamPlusPlus_raw"];
    for (std::int64_t i = 0; i < 4; ++i) {  // the last is 4e-3 from a pole of alpha
      INFO("image " << i);
      CHECK(worst_error(map[i], expected[i]) < (i == 3 ? 1e-3 : 1e-4));
    }
    CHECK(worst_shown(normalize_map(map, ny::MapRange::min_max), golden["tf_keras_vis.GradcamPlusPlus_7x7"]) <
          1e-3);
    CHECK(worst_shown(as_tf_keras_vis(map), golden["tf_keras_vis.GradcamPlusPlus"]) < 1e-3);
  }
  SECTION("Grad-CAM++ before batch norm") {
    scaled.layer = "conv2";
    CHECK(worst_error(grad_cam_pp(net, x, scaled), golden["tf_keras_vis.GradcamPlusPlus_conv2_raw"]) < 1e-3);
  }
  SECTION("LayerCAM") {
    const ny::Tensor map = layer_cam(net, x, options());
    CHECK(worst_error(map, golden["tf_keras_vis.Layercam_raw"]) < 1e-5);
    CHECK(worst_shown(as_tf_keras_vis(map), golden["tf_keras_vis.Layercam"]) < 1e-4);
  }
  SECTION("Score-CAM") {
    const ny::Tensor map =
        score_cam(net, x, {"relu3", golden.target(), ny::ScoreCam::tf_keras_vis, true, {}});
    CHECK(worst_error(map, golden["tf_keras_vis.Scorecam_raw"]) < 1e-4);
    CHECK(worst_shown(normalize_map(map, ny::MapRange::min_max), golden["tf_keras_vis.Scorecam_7x7"]) < 1e-4);
    CHECK(worst_shown(as_tf_keras_vis(map), golden["tf_keras_vis.Scorecam"]) < 1e-4);
  }
}

TEST_CASE("maps are those of pytorch-grad-cam", "[fast][explain]") {
  const ExplainGolden golden;
  ny::CamOptions options{.layer = "relu3", .target = golden.target()};
  const ny::Tensor x = golden.images();
  const auto check = [&](ny::CamMethod method, const char* name) {
    INFO(name);
    const ny::Tensor map = cam(method, golden.net, x, options);
    CHECK(worst_shown(as_pytorch_grad_cam(map), golden[std::string("pytorch_grad_cam.") + name]) < 1e-4);
  };
  options.variant = ny::GradCamPp::pytorch_grad_cam;
  check(ny::CamMethod::grad_cam, "GradCAM");
  check(ny::CamMethod::grad_cam_pp, "GradCAMPlusPlus");
  check(ny::CamMethod::hires_cam, "HiResCAM");
  check(ny::CamMethod::layer_cam, "LayerCAM");
  check(ny::CamMethod::xgrad_cam, "XGradCAM");
  check(ny::CamMethod::element_wise_cam, "GradCAMElementWise");
  CHECK(worst_shown(as_pytorch_grad_cam(ablation_cam(golden.net, x, options)),
                    golden["pytorch_grad_cam.AblationCAM"]) < 1e-4);
  const ny::Tensor scored =
      score_cam(golden.net, x, {"relu3", golden.target(), ny::ScoreCam::pytorch_grad_cam, true, {}});
  CHECK(worst_shown(as_pytorch_grad_cam(scored), golden["pytorch_grad_cam.ScoreCAM"]) < 1e-4);
}

TEST_CASE("Eigen-CAM is that of pytorch-grad-cam up to the sign it leaves open", "[fast][explain]") {
  const ExplainGolden golden;
  const auto check = [&](ny::CamMethod method, const char* name) {
    ny::CamOptions options{.layer = "relu3", .target = golden.target()};
    options.positive = false;
    const ny::Tensor map = cam(method, golden.net, golden.images(), options);
    for (std::int64_t i = 0; i < 4; ++i) {
      const ny::Tensor expected = slice(golden[std::string("pytorch_grad_cam.") + name], 0, i, i + 1);
      const ny::Tensor one = slice(map, 0, i, i + 1);
      const double plus = worst_shown(as_pytorch_grad_cam(relu(one)), expected);
      const double minus = worst_shown(as_pytorch_grad_cam(relu(-one)), expected);
      INFO(name << " image " << i << ": " << plus << " " << minus);
      CHECK(std::min(plus, minus) < 1e-4);
    }
  };
  check(ny::CamMethod::eigen_cam, "EigenCAM");
  check(ny::CamMethod::eigen_grad_cam, "EigenGradCAM");
}

TEST_CASE("maps of given activations and gradients are those of the reference formulas", "[fast][explain]") {
  std::ifstream file(NOYAU_TEST_SOURCES "/golden/cam.json");
  const nlohmann::json json = nlohmann::json::parse(file);
  const ny::Tensor a = tensor_of(json.at("A"));
  const ny::Tensor g = tensor_of(json.at("grad"));
  const ny::Tensor score = tensor_of(json.at("score"));
  const auto plus_plus = [&](ny::GradCamPp variant, const ny::Tensor& gradient, bool times = true) {
    ny::CamOptions options;
    options.variant = variant;
    options.times_exp_score = times;
    return cam_from(ny::CamMethod::grad_cam_pp, a, gradient, score, options);
  };
  const auto check = [](const ny::Tensor& map, const nlohmann::json& expected) {
    const ny::Tensor value = tensor_of(expected);
    INFO(to_string(map) << to_string(value));
    CHECK(max(abs(map - value)).item<double>() <= 1e-5 * std::max(1.0, max(abs(value)).item<double>()));
  };
  const auto of = [&](ny::CamMethod method) { return cam_from(method, a, g); };
  check(plus_plus(ny::GradCamPp::tf_keras_vis, g), json["tfkv_gradcampp"]["cam_relu"]);
  check(plus_plus(ny::GradCamPp::authors, g), json["authors_gradcampp"]["cam_relu"]);
  check(plus_plus(ny::GradCamPp::paper, g, false), json["paper_gradcampp_eq19_no_alpha_norm"]["cam_relu"]);
  check(plus_plus(ny::GradCamPp::pytorch_grad_cam, g, false), json["pytorch_grad_cam_gradcampp"]["cam_relu"]);
  check(of(ny::CamMethod::grad_cam), json["gradcam"]["cam_relu"]);
  check(of(ny::CamMethod::grad_cam_plus),
        json["gradcam_plus_lerma_lucas_2022 (Grad-CAM with positive gradients)"]["cam_relu"]);
  check(of(ny::CamMethod::hires_cam), json["hirescam"]["cam_relu"]);
  check(of(ny::CamMethod::layer_cam),
        json["layercam (paper = tf-keras-vis = pytorch-grad-cam, pre-normalisation)"]["cam_relu"]);
  check(of(ny::CamMethod::xgrad_cam), json["xgradcam"]["cam_relu"]);
  check(normalize_map(of(ny::CamMethod::grad_cam), ny::MapRange::min_max), json["gradcam"]["cam_norm"]);
  check(normalize_map(plus_plus(ny::GradCamPp::tf_keras_vis, g), ny::MapRange::min_max),
        json["tfkv_gradcampp"]["cam_norm"]);
  check(resize_map(plus_plus(ny::GradCamPp::tf_keras_vis, g), {8, 8}, kCorners),
        json["tfkv_gradcampp"]["expand8"]);
  check(plus_plus(ny::GradCamPp::tf_keras_vis, g * 8.0),
        json["tfkv_gradcampp_cases"]["ill_conditioned_grad_times_8"]["cam_relu"]);
  check(plus_plus(ny::GradCamPp::tf_keras_vis, g * 0.0),
        json["tfkv_gradcampp_cases"]["all_zero_gradient"]["cam_norm"]);
  const ny::Tensor constant = broadcast_to(
      reshape(tensor_of(json["tfkv_gradcampp_cases"]["gap_head_constant_gradient"]["g_k"]), {1, 1, 1, 4}),
      a.shape());
  check(plus_plus(ny::GradCamPp::tf_keras_vis, constant),
        json["tfkv_gradcampp_cases"]["gap_head_constant_gradient"]["cam_relu"]);
}
