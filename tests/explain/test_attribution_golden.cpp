// Attributions of pixels against what captum and tf-keras-vis compute on the same network.
#include "catch2.h"
#include "explain/golden.h"

namespace ny = noyau;

TEST_CASE("attributions are those of captum", "[fast][explain]") {
  const ExplainGolden golden;
  const ny::Tensor x = golden.images();
  const ny::AttributionOptions options{.target = golden.target()};
  const auto check = [&](const ny::Tensor& values, const char* name, double most = 1e-4) {
    INFO(name);
    CHECK(worst_error(pixel_map(values), golden[std::string("captum.") + name]) < most);
  };
  check(saliency(golden.net, x, options), "Saliency_signed");
  check(input_times_gradient(golden.net, x, options), "InputXGradient");
  check(guided_backpropagation(golden.net, x, options), "GuidedBackprop");
  check(deconvolution(golden.net, x, options), "Deconvolution");
  // Its rule for max pooling has no effect there: its sums miss the differences of scores by up to 0.4, ours do not.
  check(deep_lift(golden.net, x, {.target = golden.target(), .rescale_max = false}).values, "DeepLift_zero");
  check(lrp(golden.net, x, {.target = golden.target(), .epsilon = 1e-9}), "LRP_epsilon");
  const ny::Tensor map = occlusion(golden.net, x, {.target = golden.target()});
  CHECK(worst_error(map, golden["captum.Occlusion_4x4_stride2_zero"]) < 1e-4);
}

TEST_CASE("integrated gradients are those of captum", "[fast][explain]") {
  ExplainGolden golden;
  const auto values = [&](ny::IntegralRule rule, ny::Dtype dtype) {
    golden.net.to(dtype);
    const ny::Tensor x = golden.images().to(dtype);
    const ny::Attribution path =
        integrated_gradients(golden.net, x, {.target = golden.target(), .rule = rule});
    return pixel_map(path.values).to(ny::Dtype::f32);
  };
  const ny::Tensor midpoint = golden["captum.IntegratedGradients_riemann_middle_50"];
  const ny::Tensor gauss = golden["captum.IntegratedGradients_gausslegendre_50"];
  for (const ny::Dtype dtype : {ny::Dtype::f32, ny::Dtype::f64}) {
    CHECK(worst_error(values(ny::IntegralRule::midpoint, dtype), midpoint) < 1e-6);
  }
  CHECK(worst_error(values(ny::IntegralRule::gauss_legendre, ny::Dtype::f64), gauss) < 1e-5);
  // At its first point, 0.0006 of the way from black, one window of the second max pool of image 0 has two cells that
  // differ by 1.3e-7 of their value, half a unit in the last place: without FMA the other one is the largest.
  const ny::Tensor rounded = values(ny::IntegralRule::gauss_legendre, ny::Dtype::f32);
  const double scale = max(abs(gauss)).item<double>();
  for (std::int64_t i = 0; i < rounded.dim(0); ++i) {
    INFO("image " << i);
    CHECK(max(abs(rounded[i] - gauss[i])).item<double>() / scale < (i == 0 ? 2.5e-4 : 1e-5));
  }
}

TEST_CASE("saliency is that of tf-keras-vis", "[fast][explain]") {
  const ExplainGolden golden;
  const ny::Tensor g = saliency(golden.net, golden.images(), {.target = golden.target()});
  CHECK(worst_error(pixel_map(g), golden["tf_keras_vis.Saliency_signed_raw"]) < 1e-4);
  const ny::Tensor shown = normalize_map(pixel_map(g, ny::PixelSum::largest), ny::MapRange::min_max);
  CHECK(worst_error(shown, golden["tf_keras_vis.Saliency"]) < 1e-4);
}
