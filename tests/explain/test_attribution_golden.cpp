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
  ny::IntegratedOptions path{.target = golden.target()};
  // A unit that rounding switches at one of the 50 points moves the sum by a jump: 1.8e-4 where no FMA is used, below
  // 1e-4 elsewhere.
  const double bound = 2.5e-4;
  check(integrated_gradients(golden.net, x, path).values, "IntegratedGradients_gausslegendre_50", bound);
  path.rule = ny::IntegralRule::midpoint;
  check(integrated_gradients(golden.net, x, path).values, "IntegratedGradients_riemann_middle_50", bound);
  // Its rule for max pooling has no effect there: its sums miss the differences of scores by up to 0.4, ours do not.
  check(deep_lift(golden.net, x, {.target = golden.target(), .rescale_max = false}).values, "DeepLift_zero");
  check(lrp(golden.net, x, {.target = golden.target(), .epsilon = 1e-9}), "LRP_epsilon");
  const ny::Tensor map = occlusion(golden.net, x, {.target = golden.target()});
  CHECK(worst_error(map, golden["captum.Occlusion_4x4_stride2_zero"]) < 1e-4);
}

TEST_CASE("saliency is that of tf-keras-vis", "[fast][explain]") {
  const ExplainGolden golden;
  const ny::Tensor g = saliency(golden.net, golden.images(), {.target = golden.target()});
  CHECK(worst_error(pixel_map(g), golden["tf_keras_vis.Saliency_signed_raw"]) < 1e-4);
  const ny::Tensor shown = normalize_map(pixel_map(g, ny::PixelSum::largest), ny::MapRange::min_max);
  CHECK(worst_error(shown, golden["tf_keras_vis.Saliency"]) < 1e-4);
}
